// SPDX-License-Identifier: GPL-3.0-or-later
// Completion inside the words of `set`, `delete` and `explain packet`, whose order the command
// grammar leaves to the rule language.
#pragma once

#include "ctl/shell/complete.h"

namespace pc::shell {

// All choices for the next word, whatever has been typed of it; `words` stand before it.
[[nodiscard]] std::vector<Choice> table_choices(const std::vector<std::string>& words,
                                                const Names& names);
[[nodiscard]] std::vector<Choice> removal_choices(const std::vector<std::string>& words,
                                                  const Names& names);
[[nodiscard]] std::vector<Choice> packet_choices(const std::vector<std::string>& words,
                                                 const Names& names);

} // namespace pc::shell
