// SPDX-License-Identifier: GPL-3.0-or-later
// A command line as words with their columns. "a b" and 'a b' are one word; # starts a comment.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pc::shell {

struct Token {
    std::string text; // without quotes
    size_t begin = 0; // bytes of the line, quotes included
    size_t end = 0;
    bool is_quoted = false;
};

struct CommandLine {
    std::string text;
    std::vector<Token> tokens;
    bool has_open_quote = false;

    // Is the cursor, at the end of the line, behind a word rather than in one?
    [[nodiscard]] bool at_new_word() const {
        return tokens.empty() || (tokens.back().end < text.size() && !has_open_quote);
    }

    [[nodiscard]] std::vector<std::string> words() const;
};

[[nodiscard]] CommandLine tokenize(std::string_view line);

// Words that are already split, as argv has them; `text` quotes them where that is needed.
[[nodiscard]] CommandLine command_line(std::span<const std::string> words);

// The line without its first `count` words, columns kept.
[[nodiscard]] CommandLine without_first(CommandLine line, size_t count);

[[nodiscard]] std::string quoted(const std::string& word);

} // namespace pc::shell
