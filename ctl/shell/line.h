// SPDX-License-Identifier: GPL-3.0-or-later
// readline behind three functions: start, read, end. There is one terminal, so one state.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace pc::shell {

struct LineHooks {
    // What may replace the last word of `line`, which ends at the cursor.
    std::function<std::vector<std::string>(const std::string& line)> complete;
    // What `?` prints below the line.
    std::function<std::string(const std::string& line)> explain;
};

void start_lines(LineHooks hooks, const std::string& history_file);

// None at the end of the input: Ctrl-D on an empty line, or a signal to end.
[[nodiscard]] std::optional<std::string> read_line(const std::string& prompt);

// Was the input's end a signal to end?
[[nodiscard]] bool was_ended();

// Writes the history. Lines with `password` never get in.
void end_lines();

// Of the terminal; 80 where there is none.
[[nodiscard]] size_t terminal_columns();

} // namespace pc::shell
