// SPDX-License-Identifier: GPL-3.0-or-later
// A Meaning for people and for programs: what `explain packet` prints.
#pragma once

#include "rules/meaning.h"

namespace pc {

// One numbered line for the packet, its zones and each rule that was asked; then the verdict, where
// the rule stands, what was not reached, and what would let the packet pass.
[[nodiscard]] std::string explain_text(const RuleSet& rules, const Environment& environment,
                                       const Packet& packet, const Meaning& meaning);

// {"verdict":"drop","rule":NAME or
// null,"hook":"xdp","steps":[{"rule":NAME,"matched":true,"why":TEXT}]} and "reason" where no rule
// decided, "mark" where one was set.
[[nodiscard]] std::string explain_json(const Meaning& meaning);

// "DROP by drop-list", "ACCEPT by default": the verdict in a few words.
[[nodiscard]] std::string verdict_words(const Meaning& meaning);

} // namespace pc
