// SPDX-License-Identifier: GPL-3.0-or-later
// [[inspect.NAME.rule]] with each other and with themselves.
#pragma once

#include "rules/contents.h"

namespace pc {

// E070: a client list of too many ranges.
void check_inspect_rules(const RuleSet& rules, Contents& contents, Diagnostics& diagnostics);

// W101: a rule that can never match, because its keys contradict each other or a rule above it has
// none. Only for rules without errors: a key that was left out would be a condition less.
void check_inspect_shadows(const RuleSet& rules, Diagnostics& diagnostics);

} // namespace pc
