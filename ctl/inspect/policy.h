// SPDX-License-Identifier: GPL-3.0-or-later
// What becomes of a flow by what its client said first: an [inspect.NAME], compiled. Pure.
//
// Order: what is malformed or late is decided by on_parse_error and on_timeout (without a policy at
// all everything passes; a broken hello must not step around one). Then `deny`; `ech`; the rules,
// of which the first that allows, limits or denies ends the walk; `allow`; and last `default`,
// which denies what an `allow` list does not hold.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/inspect/name_set.h"
#include "rules/inspect.h"
#include "rules/result.h"

namespace pc::inspect {

// `late`: the client began a hello or a request and did not complete it in time.
enum class NameState { found, none, malformed, late };

// What is known of a flow. Views must outlive it.
struct Subject {
    FlowProtocol protocol = FlowProtocol::none;
    NameState state = NameState::none;
    std::string_view name;  // as from normal_host_name(), read only when it was found
    std::string_view fault; // only when malformed or late
    std::span<const std::string> alpn;
    std::string_view method;
    std::string_view path;       // as from normal_path()
    std::string_view path_fault; // why there is none that rules could judge
    std::string_view ja4;
    bool ech = false;
    Address client;
    std::string_view zone; // by which its packets enter; empty: none is known
    uint16_t minute_of_week = 0;
};

struct Judgement {
    bool allowed = true;
    std::string reason; // "deny *.example", "rule ads", "not in allow", ...; for the log
    InspectRule::DenyWith deny_with = InspectRule::DenyWith::reset;
    std::string rule = {};                         // the one that ended the walk; empty: none did
    uint64_t bits_per_second = 0;                  // of an allowed flow, each way; 0: any
    InspectRule::Per per = InspectRule::Per::flow; // who shares them
    std::vector<std::string> logged = {};          // rules with action "log" on the way, and "ech"
};

// A list of names and sets of them.
struct HostMatch {
    bool is_named = false;
    bool any_positive = false;
    NameSet names, not_names;
    std::vector<std::shared_ptr<const NameSet>> sets, not_sets;
};

// A list of words.
struct WordMatch {
    std::vector<std::string> words, not_words;
};

struct CompiledRule {
    std::string name;       // never empty: "#2"
    unsigned protocols = 0; // bit by FlowProtocol
    HostMatch host;
    WordMatch alpn, method, path, ja4, zone;
    std::optional<bool> ech;
    bool asks_client = false;
    std::vector<AddressRange> clients; // sorted, disjoint
    std::vector<WeekItem> time;
    InspectRule::Action action = InspectRule::Action::allow;
    InspectRule::DenyWith deny_with = InspectRule::DenyWith::reset;
    uint64_t bits_per_second = 0;
    InspectRule::Per per = InspectRule::Per::flow;
};

struct Policy {
    NameSet allow, deny;
    std::vector<CompiledRule> rules;
    std::optional<bool> default_allows;
    Inspect::Ech ech = Inspect::Ech::allow;
    bool overload_passes = false;
    bool malformed_passes = false;
    bool late_passes = false;
};

using FindSet = std::function<std::shared_ptr<const NameSet>(const std::string& name)>;

// `clients[i]` is what rule i's `client` holds. An error for a pattern that is none and a set that
// is not there.
[[nodiscard]] Result<Policy> make_policy(const Inspect& inspect,
                                         std::span<const std::vector<AddressRange>> clients,
                                         const FindSet& find_set);

[[nodiscard]] Judgement judge(const Policy& policy, const Subject& subject);

} // namespace pc::inspect
