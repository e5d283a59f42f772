// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/edit_text.h"

#include <algorithm>

namespace pc::edit {
namespace {

std::vector<std::string> path_of(const Target& target) {
    std::vector<std::string> path{std::string(to_string(target.table))};
    if (has_name(target.table) && target.table != Table::rule) {
        path.push_back(target.name);
    }
    return path;
}

bool starts_with(const std::vector<std::string>& path, const std::vector<std::string>& start) {
    return path.size() >= start.size() && std::equal(start.begin(), start.end(), path.begin());
}

std::string line_end(std::string_view text) {
    return text.find("\r\n") != std::string_view::npos ? "\r\n" : "\n";
}

bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

bool is_comment(std::string_view line) {
    const size_t start = line.find_first_not_of(" \t");
    return start != std::string_view::npos && line[start] == '#';
}

std::string_view line_at(std::string_view text, size_t at) {
    const Span line = lines_of(text, {at, at});
    return text.substr(line.begin, line.end - line.begin);
}

// Where the lines of a table end, with comments that follow directly; but comments directly above
// the next header belong to that.
size_t end_of_block(const ScannedFile& file, size_t table) {
    const std::string& text = file.source.text;
    const size_t end = file.toml.tables[table].lines.end;
    size_t at = end;
    while (at < text.size() && is_comment(line_at(text, at))) {
        at += line_at(text, at).size();
    }
    return at == text.size() || is_blank(line_at(text, at)) ? at : end;
}

bool is_table_of(const TextTable& table, Table kind) {
    return !table.path.empty() && table.path.front() == to_string(kind);
}

// The last table of that kind; of none, the last table that is no rule (the root at least).
size_t last_table(const TomlText& toml, Table kind) {
    size_t last = 0;
    bool found = false;
    for (size_t i = 1; i < toml.tables.size(); ++i) {
        const bool fits = is_table_of(toml.tables[i], kind);
        const bool other =
            !found && (kind == Table::rule || !is_table_of(toml.tables[i], Table::rule));
        if (fits || other) {
            last = i;
            found = found || fits;
        }
    }
    return last;
}

std::vector<const TextEntry*> entries_under(const ScannedFile& file, size_t table) {
    std::vector<const TextEntry*> entries;
    for (const TextEntry& entry : file.toml.entries) {
        if (entry.table == table && !entry.in_braces) {
            entries.push_back(&entry);
        }
    }
    return entries;
}

// The column of the '=' relative to the key, when all entries share it.
size_t shared_key_width(std::string_view text, const std::vector<const TextEntry*>& entries) {
    size_t width = 0;
    for (const TextEntry* entry : entries) {
        const size_t own = text.find('=', entry->key.end) - entry->key.begin;
        if (own <= 1 || (width != 0 && own != width)) {
            return 0;
        }
        width = own;
    }
    return width == 0 ? 0 : width - 1;
}

NewLine line_behind(const ScannedFile& file, const Place& place, size_t begin_of_line, size_t end) {
    const std::string& text = file.source.text;
    NewLine line;
    line.end = line_end(text);
    line.piece.file = place.file;
    line.piece.at = {end, end};
    if (end > 0 && text[end - 1] != '\n') {
        line.piece.write(line.end);
    }
    const size_t start = text.find_first_not_of(" \t", begin_of_line);
    line.indent = text.substr(begin_of_line, start - begin_of_line);
    line.key_width = shared_key_width(text, entries_under(file, place.table));
    return line;
}

// The last lines take the empty ones above them along, so that none trail at the end.
Span without_empty_end(std::string_view text, Span lines) {
    while (lines.end == text.size() && lines.begin > 0 &&
           is_blank(line_at(text, lines.begin - 1))) {
        lines.begin -= line_at(text, lines.begin - 1).size();
    }
    return lines;
}

} // namespace

Result<std::vector<ScannedFile>> scan_files(std::span<const SourceFile> files) {
    std::vector<ScannedFile> scanned;
    for (const SourceFile& file : files) {
        Result<TomlText> toml = scan_toml(file.text);
        if (!toml) {
            return Error{0, file.path + ": " + toml.error().message};
        }
        scanned.push_back({file, toml.take()});
    }
    return scanned;
}

std::optional<Place> find_table(const std::vector<ScannedFile>& files, const Target& target) {
    const std::vector<std::string> path = path_of(target);
    for (size_t file = 0; file < files.size(); ++file) {
        const TomlText& toml = files[file].toml;
        for (size_t table = 1; table < toml.tables.size(); ++table) {
            const Place place{file, table};
            if (toml.tables[table].path != path ||
                toml.tables[table].is_array != (target.table == Table::rule)) {
                continue;
            }
            if (target.table != Table::rule) {
                return place;
            }
            const TextEntry* name = find_entry(files, place, "name");
            if (name != nullptr && name->items.size() == 1 &&
                name->items.front().text == target.name) {
                return place;
            }
        }
    }
    return std::nullopt;
}

std::optional<std::string> written_otherwise(const std::vector<ScannedFile>& files,
                                             const Target& target) {
    const std::vector<std::string> path = path_of(target);
    for (const ScannedFile& file : files) {
        for (const TextEntry& entry : file.toml.entries) {
            const bool below = starts_with(entry.path, path) &&
                               (target.table != Table::rule || entry.path.size() == 1);
            if (below && file.toml.tables[entry.table].path != path) {
                const auto begin = file.source.text.begin();
                const auto line =
                    std::count(begin, begin + static_cast<long>(entry.key.begin), '\n') + 1;
                return file.source.path + ":" + std::to_string(line);
            }
        }
    }
    return std::nullopt;
}

const TextEntry* find_entry(const std::vector<ScannedFile>& files, const Place& place,
                            std::string_view key) {
    for (const TextEntry* entry : entries_under(files[place.file], place.table)) {
        const size_t depth = files[place.file].toml.tables[place.table].path.size();
        if (entry->path.size() == depth + 1 && entry->path.back() == key) {
            return entry;
        }
    }
    return nullptr;
}

NewLine new_line(const std::vector<ScannedFile>& files, const Place& place) {
    const ScannedFile& file = files[place.file];
    const std::vector<const TextEntry*> entries = entries_under(file, place.table);
    const TextTable& table = file.toml.tables[place.table];
    const size_t above = entries.empty() ? table.header.begin : entries.back()->key.begin;
    return line_behind(file, place, lines_of(file.source.text, {above, above}).begin,
                       table.lines.end);
}

NewLine new_line_after(const std::vector<ScannedFile>& files, const Place& place,
                       std::string_view key) {
    const TextEntry* entry = find_entry(files, place, key);
    if (entry == nullptr) {
        return new_line(files, place);
    }
    const ScannedFile& file = files[place.file];
    const Span lines = lines_of(file.source.text, {entry->key.begin, entry->value.end});
    return line_behind(file, place, lines.begin, lines.end);
}

NewTable new_table(const std::vector<ScannedFile>& files, Table table) {
    // The main file, unless only another one has tables of that kind.
    size_t chosen = 0;
    bool found = false;
    for (size_t i = 0; i < files.size() && !found; ++i) {
        const std::vector<TextTable>& tables = files[i].toml.tables;
        found = std::any_of(tables.begin() + 1, tables.end(),
                            [&](const TextTable& each) { return is_table_of(each, table); });
        chosen = found ? i : 0;
    }
    const ScannedFile& file = files[chosen];
    const std::string& text = file.source.text;
    const size_t last = last_table(file.toml, table);
    // A file of comments alone is kept above what is new.
    const bool at_end = last == 0 && file.toml.tables.size() == 1;
    const size_t end = at_end ? text.size() : end_of_block(file, last);
    NewTable result;
    result.end = line_end(text);
    result.piece.file = chosen;
    result.piece.at = {end, end};
    if (end > 0) {
        result.before = text[end - 1] == '\n' ? result.end : result.end + result.end;
    }
    if (end < text.size() && !is_blank(line_at(text, end))) {
        result.after = result.end;
    }
    return result;
}

Span removable_lines(const ScannedFile& file, size_t table, size_t begin) {
    const std::string& text = file.source.text;
    Span lines{begin, file.toml.tables[table].lines.end};
    const bool empty_above = lines.begin == 0 || is_blank(line_at(text, lines.begin - 1));
    while (empty_above && lines.end < text.size() && is_blank(line_at(text, lines.end))) {
        lines.end += line_at(text, lines.end).size();
    }
    return without_empty_end(text, lines);
}

std::vector<Piece> pieces_without(const std::vector<ScannedFile>& files, const Target& target,
                                  const Place& place) {
    const std::vector<std::string> path = path_of(target);
    std::vector<Piece> pieces;
    for (size_t i = 0; i < files.size(); ++i) {
        const std::vector<TextTable>& tables = files[i].toml.tables;
        const size_t first = pieces.size();
        for (size_t table = 1; table < tables.size(); ++table) {
            const bool itself = place.file == i && place.table == table;
            const bool below = target.table != Table::rule &&
                               tables[table].path.size() > path.size() &&
                               starts_with(tables[table].path, path);
            if (!itself && !below) {
                continue;
            }
            const Span lines = removable_lines(files[i], table, tables[table].lines.begin);
            // Neighbours share the empty lines between them.
            if (pieces.size() > first && lines.begin <= pieces.back().at.end) {
                pieces.back().at.end = std::max(pieces.back().at.end, lines.end);
                pieces.back().at = without_empty_end(files[i].source.text, pieces.back().at);
            } else {
                pieces.push_back({i, lines, "", {}});
            }
        }
    }
    return pieces;
}

std::vector<Span> spans_of_items(std::string_view text, const TextEntry& entry,
                                 const std::vector<size_t>& items) {
    const std::vector<TextItem>& all = entry.items;
    const auto one_line = [&](size_t a, size_t b) {
        return text.substr(all[a].at.end, all[b].at.begin - all[a].at.end).find('\n') ==
               std::string_view::npos;
    };
    std::vector<Span> spans;
    for (size_t i = 0; i < items.size();) {
        // A run of neighbours on one line goes as one.
        const size_t first = items[i];
        size_t last = first;
        for (++i; i < items.size() && items[i] == last + 1 && one_line(last, items[i]); ++i) {
            last = items[i];
        }
        const Span run{all[first].at.begin, all[last].at.end};
        if (last + 1 < all.size() && one_line(last, last + 1)) {
            spans.push_back({run.begin, all[last + 1].at.begin});
        } else if (first > 0 && one_line(first - 1, first)) {
            spans.push_back({all[first - 1].at.end, run.end});
        } else {
            const Span lines = lines_of(text, run);
            const bool alone = lines.begin > entry.value.begin && lines.end < entry.value.end;
            const size_t comma = text.find(',', run.end);
            const bool has_comma = comma < text.find_first_of("#\n]", run.end);
            spans.push_back(alone ? lines : Span{run.begin, has_comma ? comma + 1 : run.end});
        }
    }
    return spans;
}

Applied apply(const std::vector<ScannedFile>& files, std::vector<Piece> pieces) {
    std::stable_sort(pieces.begin(), pieces.end(),
                     [](const Piece& a, const Piece& b) { return a.at.begin < b.at.begin; });
    Applied applied;
    for (size_t i = 0; i < files.size(); ++i) {
        std::vector<Splice> splices;
        std::vector<WrittenWord> written;
        size_t added = 0; // wraps when text gets shorter; the sums below wrap back
        for (const Piece& piece : pieces) {
            if (piece.file != i) {
                continue;
            }
            for (WrittenWord each : piece.written) {
                each.at.begin += piece.at.begin + added;
                each.at.end += piece.at.begin + added;
                written.push_back(each);
            }
            added += piece.text.size() - (piece.at.end - piece.at.begin);
            splices.push_back({piece.at, piece.text});
        }
        applied.files.push_back(
            {files[i].source.path, spliced(files[i].source.text, std::move(splices))});
        applied.written.push_back(std::move(written));
    }
    return applied;
}

std::optional<WordAt> word_at(const Applied& applied, size_t file, const Location& at) {
    const std::string& text = applied.files[file].text;
    size_t offset = 0;
    for (uint32_t line = 1; line < at.line; ++line) {
        offset = text.find('\n', offset);
        if (offset == std::string::npos) {
            return std::nullopt;
        }
        ++offset;
    }
    offset += at.col > 0 ? at.col - 1 : 0;
    for (const WrittenWord& each : applied.written[file]) {
        if (offset >= each.at.begin && offset < each.at.end) {
            return each.word;
        }
    }
    return std::nullopt;
}

} // namespace pc::edit
