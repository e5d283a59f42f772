// SPDX-License-Identifier: GPL-3.0-or-later
// E070: what does not fit into the maps of one generation (rules/abi.h).
#pragma once

#include "rules/contents.h"

namespace pc {

void check_limits(const RuleSet& rules, const Environment& environment, Contents& contents,
                  Diagnostics& diagnostics);

} // namespace pc
