// SPDX-License-Identifier: GPL-3.0-or-later
// Where things stand in TOML text, as byte ranges: tables, keys, values, list items. The serialiser
// of a TOML library drops comments and layout, so edits replace ranges of the operator's own text.
// The text is taken to be valid TOML: parse() has looked at it, and looks again after each edit.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rules/result.h"

namespace pc::edit {

// Bytes from begin up to, not including, end.
struct Span {
    size_t begin = 0;
    size_t end = 0;

    bool operator==(const Span&) const = default;
};

struct TextItem {
    Span at;
    std::string text; // strings without quotes and escapes; anything else as written
};

// KEY = VALUE. A scalar is a list of one item whose span is the value's.
struct TextEntry {
    std::vector<std::string> path; // from the root: {"zone", "wan", "mode"}
    size_t table = 0;              // the table under whose header it stands
    Span key;                      // as written, dots included
    Span value;
    bool is_list = false;
    bool in_braces = false; // inside an inline table
    std::vector<TextItem> items;
};

// tables[0] is the root: everything before the first header.
struct TextTable {
    std::vector<std::string> path;
    bool is_array = false; // [[...]]
    Span header;           // the bracketed name; empty for the root
    Span lines;            // header line to the last line of its entries, final newlines included
};

struct TomlText {
    std::vector<TextTable> tables;
    std::vector<TextEntry> entries; // in order of the text
};

[[nodiscard]] Result<TomlText> scan_toml(std::string_view text);

// The whole lines that hold the span, final newline included.
[[nodiscard]] Span lines_of(std::string_view text, Span span);

// From the first of the comment lines that stand directly above the line at `begin` (no empty line
// between them), or `begin` itself.
[[nodiscard]] size_t attached_comment(std::string_view text, size_t begin);

// A basic string with the escapes it needs.
[[nodiscard]] std::string quote_toml(std::string_view text);

// Can stand in TOML without quotes as an integer: "22", "0x1f", "-1".
[[nodiscard]] bool is_toml_integer(std::string_view text);

struct Splice {
    Span at;
    std::string text;
};

// The pieces must not overlap; their order does not matter, but two at one place stay in order.
[[nodiscard]] std::string spliced(std::string_view text, std::vector<Splice> pieces);

} // namespace pc::edit
