// SPDX-License-Identifier: GPL-3.0-or-later
// How far a long command has come: one line of the terminal, written over and over, and wiped at
// the end. Nothing where stderr is no terminal or the output is JSON.
#pragma once

#include "ctl/protocol/pace.h"
#include "ctl/shell/output.h"
#include "rules/progress.h"

namespace pc::shell {

class ProgressLine {
public:
    explicit ProgressLine(const Output& output);

    ~ProgressLine() { wipe(); }

    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;
    ProgressLine(ProgressLine&&) = delete;
    ProgressLine& operator=(ProgressLine&&) = delete;

    // For what this program does itself, and for what the daemon says. Empty where nothing is
    // shown; not to be called after this has gone.
    [[nodiscard]] Progress of_this_program();
    [[nodiscard]] Client::Progress of_daemon();

    void wipe();

private:
    void show(std::string_view phase, uint64_t done, uint64_t total);

    bool is_shown_ = false; // a terminal, and text
    bool is_written_ = false;
    protocol::Pace pace_;
};

// "checking 16,384 of 100,000", "compiling".
[[nodiscard]] std::string progress_words(std::string_view phase, uint64_t done, uint64_t total);

} // namespace pc::shell
