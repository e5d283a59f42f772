// SPDX-License-Identifier: GPL-3.0-or-later
// What the operator wrote: zones, sets, inspectors and ordered rules, each with its place in the
// file. Plain values; names are not yet resolved.
#pragma once

#include <map>
#include <optional>

#include "rules/flows.h"
#include "rules/inspect.h"
#include "rules/set.h"

namespace pc {

enum class Action : uint8_t { accept, drop, reject, inspect, mark, count }; // as pc_action
enum class Hook : uint8_t { xdp, tc };

struct Date {
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;

    auto operator<=>(const Date&) const = default;
    bool operator==(const Date&) const = default;
};

inline constexpr uint32_t priority_max = 2147483647;

struct Rule {
    std::string name;
    uint32_t priority = 0; // at most priority_max, unique; the lowest is asked first
    bool disabled = false;
    std::optional<Date> until; // the last day on which the rule holds
    std::string note;
    std::vector<std::string> tags;
    Match match;
    Action action = Action::accept;
    Log log = Log::none;
    Mark mark;                    // action mark
    std::string inspect;          // action inspect: the name of an [inspect.*]
    std::string limit;            // the name of a [limit.*]; empty: none
    bool keep_flows = false;      // action accept, inspect
    std::optional<Family> family; // from [defaults] family
    Location at;                  // the [[rule]] header
};

// A rule runs where all it asks is known: at XDP, unless it names `out` or inspects.
[[nodiscard]] inline Hook hook_of(const Rule& rule) {
    return rule.match.out.empty() && rule.action != Action::inspect ? Hook::xdp : Hook::tc;
}

[[nodiscard]] inline bool ends_walk(Action action) {
    return action != Action::mark && action != Action::count;
}

enum class XdpMode : uint8_t { automatic, native, generic };

struct Zone {
    std::string name;
    std::vector<std::string> interfaces; // names and globs ("eth*")
    std::vector<uint32_t> vlans;         // ids and PC_VLAN_NONE; empty: every tag
    std::vector<AddressItem> prefixes;   // adds to @local
    XdpMode mode = XdpMode::automatic;
    bool frags = false;
    bool established = false;             // packets of known flows are accepted before the rules
    std::optional<Action> default_action; // accept or drop
    Location at;
};

struct Host {
    std::string name;
    std::vector<AddressItem> management; // @management
    std::vector<AddressItem> local;      // @local when named
};

struct Defaults {
    Action action = Action::accept; // accept or drop
    Log log = Log::none;
    uint32_t sample_per_second = 100;
    pc_fragments fragments = PC_FRAGMENTS_ACCEPT;
    bool unparseable_accept = false;
    bool non_ip_accept = true;
    std::optional<Family> family; // both when not set
};

struct Safety {
    uint32_t confirm_seconds = 120;
    enum class OnBootError : uint8_t { last_good, open, closed } on_boot_error{};
    bool refuse_lockout = true;
    uint32_t lookup_budget = 1024; // buckets that a packet's look-up may read
    Location lookup_budget_at;     // line 0: not written
    std::vector<std::string> protect, probes;
};

struct RuleSet {
    std::vector<SourceFile> files; // the main file first, then included ones
    int schema = 1;
    Host host;
    Defaults defaults;
    Safety safety;
    Flows flows;
    Guard guard;
    std::vector<Zone> zones;       // in file order
    std::vector<Set> sets;         // in file order
    std::vector<Inspect> inspects; // in file order
    std::vector<Limit> limits;     // in file order
    std::vector<Rule> rules;       // sorted by priority
};

// What the rule set refers to but does not hold: the router it runs on, the day, live entries.
struct Environment {
    std::vector<AddressRange> self;  // @self: this router's addresses
    std::vector<AddressRange> local; // @local unless [host] local is given: connected networks
    std::optional<Date> today;       // rules with an earlier `until` are off
    // What dynamic sets hold now, by name; "blocks" is one of them.
    std::map<std::string, std::vector<AddressRange>, std::less<>> dynamic;
    uint32_t hz = 250; // jiffies in a second of this router's kernel
};

inline constexpr std::string_view blocks_set = "blocks"; // @blocks, the built-in dynamic set

// What the dynamic set of this name holds; nothing if there is none.
[[nodiscard]] inline std::vector<AddressRange> entries_of(const Environment& environment,
                                                          std::string_view name) {
    const auto found = environment.dynamic.find(name);
    return found == environment.dynamic.end() ? std::vector<AddressRange>() : found->second;
}

[[nodiscard]] inline bool is_active(const Rule& rule, const Environment& environment) {
    const bool over = rule.until && environment.today && *rule.until < *environment.today;
    return !rule.disabled && !over;
}

// @bogons: RFC 6890 special-purpose blocks plus multicast and reserved space, both families,
// without link-local and multicast ranges that neighbour discovery and routing need.
[[nodiscard]] const std::vector<AddressRange>& bogons();

} // namespace pc
