// SPDX-License-Identifier: GPL-3.0-or-later
// [inspect.NAME] and its [[inspect.NAME.rule]]: what the inspector asks of a flow once the client
// has said its first words, and what becomes of it.
//
// A key that is named holds if one of its items does and no negated one ("!x") does. It asks only
// flows that have what it is about: a flow without a name fits neither `host = "a"` nor "!a".
#pragma once

#include <optional>
#include <string_view>

#include "rules/match.h"
#include "rules/rate.h"
#include "rules/upstream.h"

namespace pc {

// "a.example", "*.a.example" (every name below it, not itself), "@set". Names are normal.
struct NameItem {
    bool negated = false;
    std::string set; // without '@'; empty: `name`
    std::string name;
    Location at;
};

// An ALPN name, a method, a path ("/a", "/a*"), a JA4 fingerprint, a protocol.
struct WordItem {
    bool negated = false;
    std::string text;
    Location at;
};

// Days of the week (bit 0: Monday) and minutes of the day, [from, to). With to <= from it ends on
// the day after.
struct WeekTime {
    uint8_t days = 0;
    uint16_t from = 0;
    uint16_t to = 0;

    bool operator==(const WeekTime&) const = default;
};

struct WeekItem {
    bool negated = false;
    WeekTime time;
    Location at;
};

inline constexpr uint16_t minutes_per_day = 24 * 60;
inline constexpr uint16_t minutes_per_week = 7 * minutes_per_day;

// What the client's first bytes are. `none`: nothing of these, or the client says nothing.
enum class FlowProtocol : uint8_t { tls, http, quic, dns, none };

struct InspectRule {
    enum class Action : uint8_t { allow, deny, log, limit };
    enum class DenyWith : uint8_t { reset, page };
    enum class Per : uint8_t { flow, client, rule }; // whose flows share a rate

    std::string name; // empty: the rule goes by its number
    std::vector<NameItem> host;
    std::vector<WordItem> alpn, method, path, ja4, protocol;
    std::optional<bool> ech;
    std::vector<AddressItem> client;
    std::vector<ZoneItem> zone; // by which the client's packets enter
    std::vector<WeekItem> time; // local time of the router
    Action action = Action::allow;
    DenyWith deny_with = DenyWith::reset;
    Rate rate; // action limit: of bytes, in each direction
    Per per = Per::flow;
    Location at;
};

struct Inspect {
    enum class Ech : uint8_t { allow, log, drop };
    enum class Mode : uint8_t { automatic, terminate, peek };

    std::string name;
    std::optional<uint16_t> port;
    std::optional<uint32_t> mark;         // bypass mark bits; the same in all [inspect.*]
    bool down_drops = false;              // on_down = "drop"
    Mode mode = Mode::automatic;          // of TCP; see peeks()
    std::vector<AddressItem> exclude;     // destinations or clients never inspected
    std::vector<std::string> allow, deny; // server names: "a.example", "*.example"
    uint32_t max_flows = 0;               // 0: the inspector's own limit
    std::vector<InspectRule> rules;       // in file order
    std::optional<bool> default_allows;   // not set: unless there is an `allow`
    Ech ech = Ech::allow;
    bool overload_passes = false;       // on_overload = "pass": of flows above max_flows
    std::optional<bool> timeout_passes; // on_timeout; not set: as on_parse_error
    std::optional<bool>
        malformed_passes;             // on_parse_error; not set: if there is nothing to judge by
    std::optional<Upstream> upstream; // servers in the place of the original destination
    Location at;
};

// Why its connections have to be ended in the inspector: servers of its own, or the first rule that
// asks for more than what the client says first. None: looking at that will do.
[[nodiscard]] std::optional<std::string> needs_end(const Inspect& inspect);

// TCP connections are looked at and let go, not ended.
[[nodiscard]] bool peeks(const Inspect& inspect);

inline constexpr size_t inspect_rules_max = 1000;
inline constexpr size_t client_ranges_max = 65536; // of one rule

// "[[inspect.web.rule]] 'ads'", or its number when it has no name.
[[nodiscard]] std::string label(const Inspect& inspect, size_t rule);

// "ads", or "#2" for the second rule when it has no name: what logs call it.
[[nodiscard]] std::string name_of(const InspectRule& rule, size_t index);

// Lower case, without a trailing dot, labels of at most 63 letters, digits, "-" and "_", at most
// 253 bytes; none if it is no such name.
inline constexpr size_t server_name_max = 253;
[[nodiscard]] std::optional<std::string> normal_server_name(std::string_view text);
// The same, or "*." before it.
[[nodiscard]] std::optional<std::string> normal_name_pattern(std::string_view text);

// "Mon-Fri 08:00-18:00", "Sat,Sun", "22:00-06:00".
[[nodiscard]] std::optional<WeekTime> parse_week_time(std::string_view text);
[[nodiscard]] std::string to_string(const WeekTime& time);
[[nodiscard]] bool holds(const WeekTime& time, uint16_t minute_of_week); // 0: Monday 00:00

[[nodiscard]] std::string_view to_string(FlowProtocol protocol);
[[nodiscard]] std::optional<FlowProtocol> parse_flow_protocol(std::string_view word);
[[nodiscard]] const std::vector<std::string>& flow_protocol_names();
[[nodiscard]] std::string_view to_string(InspectRule::Action action);
[[nodiscard]] std::string_view to_string(InspectRule::DenyWith how);
[[nodiscard]] std::string_view to_string(InspectRule::Per per);
[[nodiscard]] std::string_view to_string(Inspect::Ech ech);
[[nodiscard]] std::string_view to_string(Inspect::Mode mode);

// The items as written.
[[nodiscard]] std::string word_of(const NameItem& item);
[[nodiscard]] std::string word_of(const WordItem& item);
[[nodiscard]] std::string word_of(const WeekItem& item);

} // namespace pc
