// SPDX-License-Identifier: GPL-3.0-or-later
// The rules of the benchmark as rulesets.py writes them, made into the product's RuleSet, and a
// linear search over them that is right and no more.
#pragma once

#include "rules/address_list.h"
#include "rules/result.h"
#include "rules/rule.h"
#include "tests/bench/traces.h"

namespace pc::bench {

// A rule is a box in the space of all fields, as both families' addresses are numbers.
struct Box {
    WideRange src, dst;
    NumberRange sport, dport, proto;
    uint8_t flags_value = 0;
    uint8_t flags_mask = 0;  // 0: not asked
    uint8_t needs_ports = 0; // 1: names ports
    uint16_t src_set = 0;    // 1 + index into sets; 0: `src` holds
    Action action = Action::drop;
    uint8_t src_length = 0;
    uint8_t dst_length = 0;
};

struct Rules {
    Family family = Family::v4;
    std::vector<Box> boxes; // the first that matches decides
    std::vector<std::vector<WidePrefix>> sets;
};

[[nodiscard]] Result<Rules> read_rules(const std::string& path);

[[nodiscard]] Prefix prefix_of(const WidePrefix& prefix, Family family);

// The rule named "rN" is boxes[N], with priority N + 1.
[[nodiscard]] Rule rule_of(const Rules& rules, size_t index);
[[nodiscard]] RuleSet rule_set_of(const Rules& rules);

// For each of the first `count` headers of the trace: the index of the rule that decides, or
// no_rule.
inline constexpr uint32_t no_rule = 0xffffffff;
[[nodiscard]] std::vector<uint32_t> search(const Rules& rules, const Trace& trace, size_t count);

} // namespace pc::bench
