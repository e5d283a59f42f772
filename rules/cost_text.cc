// SPDX-License-Identifier: GPL-3.0-or-later
// Tested by tests/unit/cost_test.cc.
#include <algorithm>

#include "rules/cost.h"

namespace pc {

namespace {

constexpr size_t named_max = 5;

std::string at_most(uint32_t bound, uint32_t found) {
    return (found < bound ? "at most " : "") + std::to_string(bound);
}

const PlanRule* rule_of(const Plan& plan, uint32_t id) {
    const auto found = std::find_if(plan.rules.begin(), plan.rules.end(),
                                    [&](const PlanRule& rule) { return rule.id == id; });
    return found == plan.rules.end() ? nullptr : &*found;
}

} // namespace

std::string to_string(const ClassifierCost& cost) {
    const auto of = [](const FamilyCost& family, bool with_words) {
        return at_most(family.buckets, family.buckets_found) + (with_words ? " buckets, " : ", ") +
               at_most(family.records, family.records_found) + (with_words ? " records" : "");
    };
    return "worst packet: " + of(cost.v4, true) + " (IPv4), " + of(cost.v6, false) + " (IPv6)";
}

std::optional<Diagnostic> over_budget(const ClassifierCost& cost, const RuleSet& rules,
                                      const Plan& plan) {
    const uint32_t budget = rules.safety.lookup_budget;
    if (cost.buckets() <= budget) {
        return std::nullopt;
    }
    const bool v4 = cost.v4.buckets >= cost.v6.buckets;
    const FamilyCost& worst = v4 ? cost.v4 : cost.v6;
    Diagnostic error;
    error.code = "E073";
    error.at = rules.safety.lookup_budget_at;
    error.message = "an IPv" + std::string(v4 ? "4" : "6") + " packet may take " +
                    at_most(worst.buckets, worst.buckets_found) +
                    " buckets of the look-up; lookup_budget is " + std::to_string(budget);
    error.notes.push_back({std::to_string(worst.tuples) +
                           " kinds of rules are looked for, in chains of up to " +
                           std::to_string(worst.longest_chain) + " buckets"});
    for (size_t i = 0; i < std::min(worst.rules.size(), named_max); i++) {
        const PlanRule* rule = rule_of(plan, worst.rules[i]);
        if (rule != nullptr) {
            error.notes.push_back(
                {"one of them is rule '" + rule->name + "', " + place(rule->at, rules.files)});
        }
    }
    error.help = "write rules of one purpose alike (the same prefix lengths, and ports as single "
                 "values or as ranges), put addresses into one set, or raise [safety] "
                 "lookup_budget";
    return error;
}

} // namespace pc
