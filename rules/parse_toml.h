// SPDX-License-Identifier: GPL-3.0-or-later
// TOML text as a tree of plain values with exact places, in the order of the file. The only door to
// toml++, which knows neither order nor byte columns and stops at the first unquoted word.
#pragma once

#include <optional>

#include "rules/rule.h"

namespace pc {

enum class TomlKind : uint8_t { string, integer, boolean, date, other, array, table };

struct TomlEntry;

struct TomlNode {
    TomlKind kind = TomlKind::other;
    Location at;           // where carets belong: a string without its quotes, a table's header
    Location full;         // the whole value
    bool verbatim = false; // a string whose text stands in the file byte for byte at `at`
    std::string text;      // string
    int64_t integer = 0;
    bool boolean = false;
    Date date;
    std::vector<TomlNode> items;    // array
    std::vector<TomlEntry> entries; // table

    [[nodiscard]] const TomlEntry* find(std::string_view key) const;
};

struct TomlEntry {
    std::string key;
    Location key_at;
    TomlNode value;
};

// The tree of files[file]; none if it is not TOML. A value without its quotes is reported (E001)
// and then read as if it had them, so that one forgotten quote does not hide the other errors.
[[nodiscard]] std::optional<TomlNode> read_toml(const std::vector<SourceFile>& files, uint32_t file,
                                                Diagnostics& diagnostics);

// The part of a string value at [offset, offset + length) of its text.
[[nodiscard]] Location part_of(const TomlNode& node, size_t offset, size_t length);

// What toml++ said and where, to be told in better words.
struct TomlComplaint {
    std::string_view text; // what was read
    size_t offset = 0;     // of the byte that toml++ points to
    std::string description;
};

struct BareWord {
    size_t begin = 0;
    size_t end = 0;
};

// The word without quotes that the complaint is about, if that is what is wrong.
[[nodiscard]] std::optional<BareWord> find_bare_word(const TomlComplaint& complaint);

// What a bare "yes" or "True" stands for.
[[nodiscard]] std::optional<bool> boolean_of(std::string_view word);

// E001 and E002.
[[nodiscard]] Diagnostic bare_word_error(std::string_view text, const BareWord& word);
[[nodiscard]] Diagnostic syntax_error(const TomlComplaint& complaint);

// Of the bytes [begin, end) of a text.
[[nodiscard]] Location location_of(std::string_view text, size_t begin, size_t end);

// What toml++ must not see: it has no error for it, but no defence either. Keys with so many dots
// that a tree of them would be too deep to walk; letters beyond ASCII outside of strings and
// comments.
[[nodiscard]] std::optional<TomlComplaint> find_trouble(std::string_view text);

} // namespace pc
