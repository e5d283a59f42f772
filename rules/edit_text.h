// SPDX-License-Identifier: GPL-3.0-or-later
// The text side of an edit: where a rule, set, zone ... stands in the files of a configuration,
// what to splice in at which place, and which of the operator's words went where.
#pragma once

#include <optional>
#include <span>

#include "rules/diagnostic.h"
#include "rules/edit_keys.h"
#include "rules/splice.h"

namespace pc::edit {

struct Target {
    Table table{};
    std::string name; // empty for [host], [defaults], [safety]
};

struct WrittenWord {
    Span at;
    WordAt word;
};

// Text in place of a span of one file; `written` is relative to the text.
struct Piece {
    size_t file = 0;
    Span at;
    std::string text;
    std::vector<WrittenWord> written;

    void write(std::string_view more) { text += more; }

    void write(std::string_view more, const WordAt& word) {
        written.push_back({{text.size(), text.size() + more.size()}, word});
        text += more;
    }
};

struct ScannedFile {
    SourceFile source;
    TomlText toml;
};

struct Place {
    size_t file = 0;
    size_t table = 0;
};

[[nodiscard]] Result<std::vector<ScannedFile>> scan_files(std::span<const SourceFile> files);

// The table with the target's own header.
[[nodiscard]] std::optional<Place> find_table(const std::vector<ScannedFile>& files,
                                              const Target& target);

// Written without a header of its own (dotted keys, an inline table): where, as "file:line".
[[nodiscard]] std::optional<std::string> written_otherwise(const std::vector<ScannedFile>& files,
                                                           const Target& target);

[[nodiscard]] const TextEntry* find_entry(const std::vector<ScannedFile>& files, const Place& place,
                                          std::string_view key);

// An empty piece where another KEY = VALUE line belongs, and the layout of its neighbours.
struct NewLine {
    Piece piece;
    std::string indent;
    size_t key_width = 0; // so that the '=' stand below each other, where they do
    std::string end;      // "\n" or "\r\n"
};

[[nodiscard]] NewLine new_line(const std::vector<ScannedFile>& files, const Place& place);
// After the name, where a priority is looked for.
[[nodiscard]] NewLine new_line_after(const std::vector<ScannedFile>& files, const Place& place,
                                     std::string_view key);

// An empty piece where another table of that kind belongs, after its like. The text to be written
// starts with its header; `before` and `after` keep the empty lines around it.
struct NewTable {
    Piece piece;
    std::string before, after;
    std::string end;
};

[[nodiscard]] NewTable new_table(const std::vector<ScannedFile>& files, Table table);

// From `begin` (the header's line, or a comment above it) to the end of a table, with the empty
// lines that would be too many when it goes.
[[nodiscard]] Span removable_lines(const ScannedFile& file, size_t table, size_t begin);

// What to cut so that the target goes, with the tables below it: the rules of an [inspect.NAME].
[[nodiscard]] std::vector<Piece> pieces_without(const std::vector<ScannedFile>& files,
                                                const Target& target, const Place& place);

// What to cut so that the items at these indices (ascending) go, with their commas, and the lines
// that hold nothing else.
[[nodiscard]] std::vector<Span> spans_of_items(std::string_view text, const TextEntry& entry,
                                               const std::vector<size_t>& items);

struct Applied {
    std::vector<SourceFile> files;
    std::vector<std::vector<WrittenWord>> written; // per file, in the new text
};

[[nodiscard]] Applied apply(const std::vector<ScannedFile>& files, std::vector<Piece> pieces);

// The word that stands at a place of the new text.
[[nodiscard]] std::optional<WordAt> word_at(const Applied& applied, size_t file,
                                            const Location& at);

} // namespace pc::edit
