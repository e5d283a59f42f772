// SPDX-License-Identifier: GPL-3.0-or-later
// The table of all commands. A new command is one line here and one function.
#pragma once

#include "ctl/shell/grammar.h"

namespace pc::shell {

[[nodiscard]] std::span<const Command> command_table();
[[nodiscard]] const Grammar& grammar();

// Help for words that more than one command begins with, or that stand inside of commands.
[[nodiscard]] std::string_view group_help(bool is_first, std::string_view word);

} // namespace pc::shell
