// SPDX-License-Identifier: GPL-3.0-or-later
// The names that a configuration defines, for completion.
#pragma once

#include <string>
#include <vector>

#include "rules/rule.h"

namespace pc::shell {

struct Names {
    std::vector<std::string> rules, zones, inspects, limits, interfaces, revisions;
    std::vector<std::string> sets, prefix_sets, port_sets, proto_sets, dynamic_sets;
    std::vector<SourceFile> files; // the configuration they come from
};

[[nodiscard]] Names names_in(const RuleSet& rules);

} // namespace pc::shell
