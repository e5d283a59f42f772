// SPDX-License-Identifier: GPL-3.0-or-later
// Meaning errors that need the whole rule set: names that nothing defines, ports without a
// protocol, taken priorities, limits; and warnings: rules that can never match, sets nobody uses.
#pragma once

#include "rules/progress.h"
#include "rules/rule.h"

namespace pc {

void check(const RuleSet& rules, const Environment& environment, Diagnostics& diagnostics,
           const Progress& progress = {});

} // namespace pc
