// SPDX-License-Identifier: GPL-3.0-or-later
// What may stand at the end of a line: for TAB, `?` and bash. Pure, given the names.
#pragma once

#include "ctl/shell/grammar.h"
#include "ctl/shell/names.h"

namespace pc::shell {

struct Choice {
    std::string word; // "show", "<time>"
    std::string help;
    bool is_hint = false; // cannot be put in: "<time>", or pressing Enter
};

struct Question {
    const Grammar& grammar;
    const Names& names;
    uint8_t mode = operational;
    Abbreviations abbreviations = Abbreviations::allowed;
};

// Choices for the word at the end of the line that begin with what is there.
[[nodiscard]] std::vector<Choice> choices(const Question& question, const CommandLine& line);

// What says that the line is complete.
[[nodiscard]] Choice enter_choice();

// The text that `?` prints.
[[nodiscard]] std::string print_choices(const std::vector<Choice>& list);

} // namespace pc::shell
