// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/parse_toml.h"

#include <algorithm>
#include <map>

// Compiled in here: Debian's shared library is built with exceptions, and a rule file with an error
// is nothing exceptional. The two live in different inline namespaces.
#undef TOML_SHARED_LIB
#undef TOML_HEADER_ONLY
#undef TOML_EXCEPTIONS
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// Some of its assertions look at input ("[" with no key behind it would abort); the code behind
// them reports the error.
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>

namespace pc {

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr size_t bare_words_max = 50;
// Each bare word costs one more pass over the text.
constexpr size_t passes_bytes_max = size_t{64} << 20;

bool continues_code_point(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80;
}

// toml++ counts columns in code points; we count bytes.
class Columns {
public:
    explicit Columns(std::string_view text) : text_(text) {
        lines_.push_back(text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
        size_t wide = SIZE_MAX;
        for (size_t i = 0; i < text.size(); ++i) {
            if (static_cast<unsigned char>(text[i]) >= 0x80 && i >= lines_.back() &&
                wide != lines_.size()) {
                wide = lines_.size();
                points_.try_emplace(static_cast<uint32_t>(wide));
            }
            if (text[i] == '\n') {
                lines_.push_back(i + 1);
            }
        }
    }

    // Never beyond the end of the text.
    [[nodiscard]] size_t offset(const toml::source_position& at) {
        if (at.line == 0 || at.line > lines_.size()) {
            return text_.size();
        }
        const size_t begin = lines_[at.line - 1];
        const size_t end = at.line < lines_.size() ? lines_[at.line] : text_.size();
        const size_t column = at.column == 0 ? 0 : at.column - 1;
        const auto wide = points_.empty() ? points_.end() : points_.find(at.line);
        if (wide == points_.end()) {
            return std::min(begin + column, end);
        }
        const std::vector<size_t>& points = code_points(wide->second, begin, end);
        return column < points.size() ? points[column] : end;
    }

    [[nodiscard]] uint32_t column(const toml::source_position& at) {
        const size_t begin = at.line == 0 || at.line > lines_.size() ? 0 : lines_[at.line - 1];
        // A byte order mark takes columns too: editors that count bytes count it.
        return static_cast<uint32_t>(offset(at) - (at.line == 1 ? 0 : begin) + 1);
    }

private:
    const std::vector<size_t>& code_points(std::vector<size_t>& points, size_t begin, size_t end) {
        if (points.empty()) {
            for (size_t i = begin; i < end; ++i) {
                if (!continues_code_point(text_[i])) {
                    points.push_back(i);
                }
            }
        }
        return points;
    }

    std::string_view text_;
    std::vector<size_t> lines_;
    // Where the code points of a line begin, found when asked for; lines of ASCII are not in here.
    std::map<uint32_t, std::vector<size_t>> points_;
};

// Words that stood there without quotes, by their place in the text.
using BareWords = std::map<size_t, std::string>;

// Turns toml++'s tree into ours.
class Conversion {
public:
    Conversion(std::string_view text, uint32_t file, const BareWords& bare_words)
        : text_(text), file_(file), bare_words_(bare_words), columns_(text) {}

    TomlNode convert(const toml::node& node) {
        TomlNode out;
        const toml::source_region& region = node.source();
        out.full = location(region);
        out.at = out.full;
        const auto bare = bare_words_.empty() ? bare_words_.end()
                                              : bare_words_.find(columns_.offset(region.begin));
        if (bare != bare_words_.end() && !node.is_table() && !node.is_array()) {
            out.kind = TomlKind::string;
            out.text = bare->second;
            out.verbatim = true;
            if (const auto boolean = boolean_of(out.text)) {
                out.kind = TomlKind::boolean;
                out.boolean = *boolean;
            }
        } else if (const auto* text = node.as_string()) {
            out.kind = TomlKind::string;
            out.text = text->get();
            strip_quotes(out, region);
        } else if (const auto* integer = node.as_integer()) {
            out.kind = TomlKind::integer;
            out.integer = integer->get();
        } else if (const auto* boolean = node.as_boolean()) {
            out.kind = TomlKind::boolean;
            out.boolean = boolean->get();
        } else if (const auto* date = node.as_date()) {
            out.kind = TomlKind::date;
            out.date = Date{date->get().year, date->get().month, date->get().day};
        } else if (const auto* array = node.as_array()) {
            out.kind = TomlKind::array;
            out.items.reserve(array->size());
            for (const toml::node& item : *array) {
                out.items.push_back(convert(item));
            }
        } else if (const auto* table = node.as_table()) {
            out.kind = TomlKind::table;
            convert_entries(*table, out);
        }
        return out;
    }

private:
    void convert_entries(const toml::table& table, TomlNode& out) {
        out.entries.reserve(table.size());
        for (const auto& [key, value] : table) {
            out.entries.push_back(
                TomlEntry{std::string(key.str()), location(key.source()), convert(value)});
        }
        std::stable_sort(
            out.entries.begin(), out.entries.end(),
            [](const TomlEntry& a, const TomlEntry& b) { return a.key_at < b.key_at; });
    }

    Location location(const toml::source_region& region) {
        // toml++'s end is one beyond the last character.
        return Location{file_, region.begin.line, columns_.column(region.begin), region.end.line,
                        columns_.column(region.end) - 1};
    }

    void strip_quotes(TomlNode& node, const toml::source_region& region) {
        const size_t begin = columns_.offset(region.begin);
        const size_t end = columns_.offset(region.end);
        if (node.full.line != node.full.end_line || end < begin + 3 || node.text.empty() ||
            text_.substr(begin + 1, end - begin - 2) != node.text) {
            return;
        }
        node.verbatim = true;
        ++node.at.col;
        --node.at.end_col;
    }

    std::string_view text_;
    uint32_t file_;
    const BareWords& bare_words_;
    Columns columns_;
};

// A stand-in of the same length, so that all places stay what they are.
void replace(std::string& text, const BareWord& word) {
    const size_t length = word.end - word.begin;
    text.replace(word.begin, length,
                 length == 1 ? "0" : "\"" + std::string(length - 2, '-') + "\"");
}

} // namespace

const TomlEntry* TomlNode::find(std::string_view key) const {
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const TomlEntry& entry) { return entry.key == key; });
    return found == entries.end() ? nullptr : &*found;
}

std::optional<TomlNode> read_toml(const std::vector<SourceFile>& files, uint32_t file,
                                  Diagnostics& diagnostics) {
    const std::string& text = files[file].text;
    const auto report = [&](Diagnostic diagnostic) {
        diagnostic.at.file = file;
        diagnostics.add(std::move(diagnostic));
    };
    std::string quoted = text;
    BareWords bare_words;
    for (;;) {
        std::optional<TomlComplaint> trouble = find_trouble(quoted);
        if (!trouble) {
            const toml::parse_result result = toml::parse(quoted);
            if (result) {
                return Conversion(text, file, bare_words).convert(result.table());
            }
            trouble = TomlComplaint{quoted, Columns(text).offset(result.error().source().begin),
                                    std::string(result.error().description())};
        }
        const TomlComplaint& complaint = *trouble;
        const auto word = find_bare_word(complaint);
        if (!word || bare_words.size() >= bare_words_max ||
            bare_words.size() * text.size() > passes_bytes_max) {
            report(syntax_error(complaint));
            return std::nullopt;
        }
        report(bare_word_error(text, *word));
        bare_words[word->begin] = text.substr(word->begin, word->end - word->begin);
        replace(quoted, *word);
    }
}

Location part_of(const TomlNode& node, size_t offset, size_t length) {
    if (!node.verbatim || length == 0) {
        return node.at;
    }
    Location at = node.at;
    at.col += static_cast<uint32_t>(offset);
    at.end_col = at.col + static_cast<uint32_t>(length) - 1;
    return at;
}

} // namespace pc
