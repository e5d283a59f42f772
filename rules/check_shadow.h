// SPDX-License-Identifier: GPL-3.0-or-later
// W101: rules that can never match, because they contradict themselves or because one earlier rule
// ends the walk for all they match. W130: drop rules that hit IPv6 neighbour discovery.
#pragma once

#include <functional>

#include "rules/contents.h"
#include "rules/progress.h"

namespace pc {

// `is_sound`: whether the rule stands for what was written; others would give wrong warnings.
void check_shadows(const RuleSet& rules, const Environment& environment, Contents& contents,
                   const std::function<bool(const Rule&)>& is_sound, Diagnostics& diagnostics,
                   const Progress& progress = {});

} // namespace pc
