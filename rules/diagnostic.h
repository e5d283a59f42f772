// SPDX-License-Identifier: GPL-3.0-or-later
// Located messages about a rule file, and their rendering with the source line and carets. One
// printer serves files, shell lines ("<cli>") and sockets.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pc {

// A piece of configuration text with the path it is known by.
struct SourceFile {
    std::string path;
    std::string text;

    bool operator==(const SourceFile&) const = default;
};

// Lines and columns count from 1, columns in bytes; end_col is the column of the last byte.
// line 0: the whole file.
struct Location {
    uint32_t file = 0; // index into RuleSet::files
    uint32_t line = 0;
    uint32_t col = 0;
    uint32_t end_line = 0;
    uint32_t end_col = 0;

    auto operator<=>(const Location&) const = default;
    bool operator==(const Location&) const = default;
};

enum class Severity : uint8_t { error, warning };

struct Note {
    std::string text;

    bool operator==(const Note&) const = default;
};

struct Diagnostic {
    Severity severity = Severity::error;
    std::string code; // "E012", "W101": stable, listed in portcullis-rules(5)
    Location at;
    std::string message;
    std::vector<Note> notes;
    std::string help; // something that can be pasted where possible

    bool operator==(const Diagnostic&) const = default;
};

struct Diagnostics {
    std::vector<Diagnostic> list;
    bool truncated = false; // more than diagnostics_max errors were found

    [[nodiscard]] bool has_errors() const;
    void add(Diagnostic diagnostic);
};

inline constexpr size_t diagnostics_max = 50;

// Sorts by file, line and column.
void sort(Diagnostics& diagnostics);

// nft's form: "file:line:col-col: error[E012]: text", the source line, carets, notes, help; at the
// end "2 errors, 1 warning; nothing was changed" (the last words are `ending`).
[[nodiscard]] std::string render(const Diagnostics& diagnostics,
                                 const std::vector<SourceFile>& files, std::string_view ending);

// "file:line" of a location.
[[nodiscard]] std::string place(const Location& at, const std::vector<SourceFile>& files);

// At most three of `candidates` that `word` may have meant: the nearest (Damerau-Levenshtein
// distance at most 2, 1 below five letters, not regarding case), and one of which it is a unique
// prefix.
[[nodiscard]] std::vector<std::string> did_you_mean(std::string_view word,
                                                    const std::vector<std::string>& candidates);

} // namespace pc
