// SPDX-License-Identifier: GPL-3.0-or-later
// RuleSet -> canonical TOML; Plan -> stable text (golden files and `show plan` use this one); parts
// of a rule as the shell shows them.
#pragma once

#include "rules/plan.h"

namespace pc {

[[nodiscard]] std::string print_toml(const RuleSet& rules);
[[nodiscard]] std::string print_plan(const Plan& plan);

// "tcp dport 22 src @office" for `show rules`.
[[nodiscard]] std::string print_match(const Match& match);
[[nodiscard]] std::string print_zones(const std::vector<ZoneItem>& zones); // "lan,guest", "*"
[[nodiscard]] std::string_view to_string(Action action);

// What `compare` shows: "+ rule x { ... }", "- rule y", "> rule z: dport 22 (was 23)"; empty if the
// two mean the same.
[[nodiscard]] std::vector<std::string> compare(const RuleSet& before, const RuleSet& after);

} // namespace pc
