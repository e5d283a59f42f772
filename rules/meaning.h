// SPDX-License-Identifier: GPL-3.0-or-later
// The semantics of a rule set, written the slowest clear way: the oracle of the tests, and what
// `explain` prints. Shares no code with the Plan.
//
// One ordered list; the first matching rule that ends the walk decides; count and mark go on.
//  1. A packet that entered by an interface and whose source is in @blocks is dropped.
//  1b. A packet of a known flow, or related to one (Packet::state), is accepted if it entered by a
//     zone with established = true.
//  2. The rules in order of priority, without those that are disabled or whose `until` is over. A
//     rule of hook xdp does not concern the router's own packets (no `in`). All that a rule names
//     must hold:
//     - A rule that names `in` (`out`), negated or not, never matches a packet without that zone.
//     - A rule that names ports, an ICMP type or code, TCP flags or src_mac, negated or not, never
//       matches a packet without them (a later fragment has none of the first three).
//     - [defaults].family leaves each rule one family.
//     - An inspect rule concerns TCP and UDP, and never a packet whose source or destination is in
//     the
//       `exclude` of its [inspect.*]: the rule does not match, and the walk goes on.
//  3. No rule: the router's own packets are accepted. A later fragment is dropped if
//     [defaults].fragments is accept-first or drop, a first fragment if it is drop. Then the zone's
//     default, else [defaults].action; but what IPv6 and path MTU discovery need (RFC 4890) is
//     accepted: see is_essential().
//
// A named set holds what a positive item or a line of its files holds, and neither a negated item
// nor `exclude` does; a set with neither items nor files holds nothing. A dynamic set holds what
// Environment::dynamic says it holds now. @local is [host] local, or
// Environment::local where that is not given; the zones' prefixes add to it either way.
//
// A packet has the state that it is given: which flows are known is not in here. Limits are taken
// as not exceeded.
//
// Not in here: what carrying out an inspect verdict depends on (the flow's state, a fragment that
// cannot be diverted, the inspector's `on_down`).
#pragma once

#include "rules/packet.h"

namespace pc {

enum class Verdict : uint8_t { accept, drop, reject, inspect };

struct Step {
    std::string rule;
    bool matched = false;
    std::string why; // "dport 22 is not 179", "src in 10.0.0.0/8 (set drop)"
};

struct Meaning {
    Verdict verdict = Verdict::accept;
    std::optional<std::string> rule; // none: decided by no rule
    Hook hook = Hook::xdp;           // of the deciding rule; without one tc for the router's own
    std::string reason; // word of pc_reason when no rule decided: "policy", "block", "established"
    std::vector<Step> steps;  // every rule asked, in order
    std::optional<Mark> mark; // what mark rules did to a zero mark: the bits set and touched
};

[[nodiscard]] Meaning verdict_of(const RuleSet& rules, const Environment& environment,
                                 const Packet& packet);

// ICMPv6 1, 2, 3 code 0, 4 codes 1 and 2, MLD 130-132 and 143, ND 133-136 with hop limit 255,
// ICMP 3 code 4 and 11 code 0. Never a fragment.
[[nodiscard]] bool is_essential(const Packet& packet);

[[nodiscard]] std::string_view to_string(Verdict verdict);
[[nodiscard]] std::string_view to_string(Hook hook);

} // namespace pc
