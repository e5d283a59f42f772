// SPDX-License-Identifier: GPL-3.0-or-later
// What the kernel needs of [flows], [limit.*] and [guard]; and ids that outlive commits.
#pragma once

#include "rules/plan.h"

namespace pc {

// An id below `ids_max` for each name: known names keep theirs, others get the smallest one that
// neither has. None if there are too few.
[[nodiscard]] std::optional<std::vector<uint32_t>>
stable_ids(const std::vector<std::string_view>& names, const RuleIds& previous, uint32_t ids_max);

// Of names that keep their ids also while no rule set has them, until there is no other id left.
[[nodiscard]] std::optional<std::vector<uint32_t>>
kept_ids(const std::vector<std::string_view>& names, const RuleIds& kept, uint32_t ids_max);

// Fills plan.limits and plan.limit_names.
[[nodiscard]] Result<void> add_limits(const RuleSet& rules, const RuleIds& previous, Plan& plan);

// The number of the limit in plan.limits; 0: there is none of this name.
[[nodiscard]] uint16_t limit_number(const Plan& plan, std::string_view name);

// Fills what the plan has of flows and floods. After the records and the zones.
[[nodiscard]] Result<void> add_flows(const RuleSet& rules, const Environment& environment,
                                     Plan& plan);

} // namespace pc
