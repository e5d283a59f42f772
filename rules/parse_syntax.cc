// SPDX-License-Identifier: GPL-3.0-or-later
// toml++'s complaints in words that help: addresses, ranges, rates and words need quotes in TOML,
// and it says anything but that.
#include <algorithm>

#include "rules/parse_toml.h"

namespace pc {

namespace {

constexpr size_t key_dots_max = 64;

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_key(char c) {
    return is_letter(c) || is_digit(c) || c == '_' || c == '-';
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

// [begin, end) of the line that holds the byte.
BareWord line_around(std::string_view text, size_t offset) {
    offset = std::min(offset, text.size());
    const size_t before = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
    return {before == std::string_view::npos ? 0 : before + 1,
            std::min(text.find('\n', offset), text.size())};
}

bool is_ascii(char c) {
    return static_cast<unsigned char>(c) < 0x80;
}

// The byte after the string in three quotes that begins at `i`; up to two more quotes belong to it.
size_t skip_long_string(std::string_view text, size_t i) {
    const char quote = text[i];
    const std::string three(3, quote);
    for (i += 3; i < text.size() && text.substr(i, 3) != three; ++i) {
        i += text[i] == '\\' && quote == '"' ? 1 : 0;
    }
    i = std::min(i + 3, text.size());
    for (int more = 0; more < 2 && i < text.size() && text[i] == quote; ++more) {
        ++i;
    }
    return i;
}

// The byte after the string that begins at `i`.
size_t skip_string(std::string_view text, size_t i) {
    const char quote = text[i];
    if (text.substr(i, 3) == std::string(3, quote)) {
        return skip_long_string(text, i);
    }
    for (++i; i < text.size() && text[i] != '\n'; ++i) {
        if (text[i] == quote) {
            return i + 1;
        }
        i += text[i] == '\\' && quote == '"' ? 1 : 0;
    }
    return std::min(i, text.size());
}

// A line of a string that ends in a backslash, and letters beyond ASCII: toml++ takes these for
// space.
std::optional<size_t> find_joined_line(std::string_view string) {
    if (!string.starts_with("\"\"\"") || std::all_of(string.begin(), string.end(), is_ascii)) {
        return std::nullopt;
    }
    for (size_t i = 0; i + 1 < string.size(); ++i) {
        if (string[i] == '\\') {
            if (is_space(string[i + 1]) || string[i + 1] == '\n') {
                return i;
            }
            ++i;
        }
    }
    return std::nullopt;
}

// What a value without quotes may be made of. "=" only behind one of "<>!".
bool in_word(std::string_view text, size_t i, size_t begin) {
    const char c = text[i];
    if (c == '=') {
        return i > begin && (text[i - 1] == '<' || text[i - 1] == '>' || text[i - 1] == '!');
    }
    return is_key(c) || static_cast<unsigned char>(c) >= 0x80 ||
           contains(".:/@!<>*+%", std::string_view(&c, 1));
}

size_t word_end(std::string_view text, size_t begin, size_t end) {
    size_t i = begin;
    while (i < end && in_word(text, i, begin)) {
        ++i;
    }
    return i;
}

// "10.0.0.1 - 10.0.0.5": the range is one value.
size_t range_end(std::string_view text, size_t word, size_t end) {
    size_t i = word;
    while (i < end && is_space(text[i])) {
        ++i;
    }
    if (i == end || text[i] != '-') {
        return word;
    }
    for (++i; i < end && is_space(text[i]); ++i) {
    }
    const size_t second = word_end(text, i, end);
    return second > i ? second : word;
}

// Whether quotes would help: not for numbers and dates that are only wrong.
bool wants_quotes(std::string_view word) {
    const bool number = std::all_of(word.begin(), word.end(), [](char c) {
        return is_digit(c) || c == '_' || c == '+' || c == '.' || c == '-';
    });
    const auto dots = std::count(word.begin(), word.end(), '.');
    const auto dashes = std::count(word.begin(), word.end(), '-');
    const bool date = number && dashes == 2 && dots == 0;
    const bool only_number = number && dots <= 1 && (dashes == 0 || word.front() == '-');
    const bool meaning = std::any_of(word.begin(), word.end(), [](char c) {
        return is_letter(c) || is_digit(c) || !is_ascii(c);
    });
    const bool hard_space = contains(word, "\xc2\xa0");
    return meaning && !hard_space && !date && !only_number;
}

// A value stands behind "=", "," or "[", or alone on a line of a list.
bool is_value(std::string_view text, const BareWord& line, const BareWord& word) {
    const std::string_view before = trim(text.substr(line.begin, word.begin - line.begin));
    if (!before.empty()) {
        return contains("=,[", before.substr(before.size() - 1));
    }
    const std::string_view after = trim(text.substr(word.end, line.end - word.end));
    return after.empty() || contains(",]#", after.substr(0, 1));
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

// "Error while parsing table header: expected ']'": what, and in what.
struct Description {
    std::string what;
    std::string where;
};

Description split(std::string_view description) {
    constexpr std::string_view beginning = "Error while parsing ";
    if (!description.starts_with(beginning)) {
        return {std::string(description), {}};
    }
    description.remove_prefix(beginning.size());
    const size_t colon = description.find(": ");
    if (colon == std::string_view::npos) {
        return {std::string(description), {}};
    }
    return {std::string(description.substr(colon + 2)), std::string(description.substr(0, colon))};
}

// The line of the key or header that the one at `line` repeats; 0 if it is not found.
uint32_t first_definition(std::string_view text, const BareWord& line, std::string_view name) {
    const std::string_view repeated = trim(text.substr(line.begin, line.end - line.begin));
    const bool header = repeated.starts_with("[");
    uint32_t found = 0;
    uint32_t number = 1;
    for (size_t at = 0; at < line.begin; ++number) {
        const size_t end = std::min(text.find('\n', at), line.begin);
        std::string_view candidate = trim(text.substr(at, end - at));
        if (header && candidate.starts_with("[") &&
            trim(candidate.substr(1, candidate.find(']') - 1)) == name) {
            return number;
        }
        if (!header && candidate.starts_with("[")) {
            found = 0; // another table's key
        } else if (!header && found == 0 &&
                   trim(candidate.substr(0, candidate.find('='))) == name) {
            found = number;
        }
        at = end + 1;
    }
    return found;
}

void explain_repetition(const TomlComplaint& complaint, const BareWord& line, std::string_view what,
                        Diagnostic& diagnostic) {
    const size_t open = what.find('\'');
    const size_t close = what.find('\'', open + 1);
    if (!what.starts_with("cannot redefine") || close == std::string_view::npos) {
        return;
    }
    const std::string name(what.substr(open + 1, close - open - 1));
    diagnostic.message = "'" + name + "' is defined twice";
    const std::string_view shown = complaint.text.substr(line.begin, line.end - line.begin);
    const size_t begin =
        line.begin +
        (shown.size() - trim(shown).size() == 0 ? 0 : shown.find_first_not_of(" \t\r"));
    const size_t end =
        shown.starts_with("[") ? line.end : std::min(complaint.text.find('=', begin), line.end);
    const std::string_view repeated = trim(complaint.text.substr(begin, end - begin));
    diagnostic.at = location_of(complaint.text, begin, begin + repeated.size());
    if (const uint32_t first = first_definition(complaint.text, line, name); first != 0) {
        diagnostic.notes.push_back({"first in line " + std::to_string(first)});
    }
}

} // namespace

Location location_of(std::string_view text, size_t begin, size_t end) {
    begin = std::min(begin, text.size());
    const BareWord line = line_around(text, begin);
    const auto number = static_cast<uint32_t>(std::count(text.begin(), text.begin() + begin, '\n'));
    const auto col = static_cast<uint32_t>(begin - line.begin + 1);
    const size_t length = std::max<size_t>(end > begin ? std::min(end, line.end) - begin : 1, 1);
    return Location{0, number + 1, col, number + 1, col + static_cast<uint32_t>(length) - 1};
}

std::optional<TomlComplaint> find_trouble(std::string_view text) {
    constexpr size_t byte_order_mark = 3;
    size_t dots = 0;
    for (size_t i = text.starts_with("\xef\xbb\xbf") ? byte_order_mark : 0; i < text.size();) {
        const char c = text[i];
        if (c == '#') {
            i = std::min(text.find('\n', i), text.size());
        } else if (c == '"' || c == '\'') {
            const size_t end = skip_string(text, i);
            if (const auto line = find_joined_line(text.substr(i, end - i))) {
                return TomlComplaint{text, i + *line,
                                     "Error while parsing string: a line may not "
                                     "end in a backslash"};
            }
            i = end;
        } else if (!is_ascii(c)) {
            return TomlComplaint{text, i,
                                 "Error while parsing value: a letter beyond ASCII stands "
                                 "outside of quotes"};
        } else {
            dots = c == '.' ? dots + 1 : is_key(c) || is_space(c) ? dots : 0;
            if (dots > key_dots_max) {
                return TomlComplaint{text, i, "Error while parsing key: too many dots"};
            }
            ++i;
        }
    }
    return std::nullopt;
}

std::optional<BareWord> find_bare_word(const TomlComplaint& complaint) {
    const std::string_view text = complaint.text;
    const std::string& description = complaint.description;
    if (contains(description, "expected '='") || contains(description, "table header") ||
        contains(description, "parsing key: ") || contains(description, "root table")) {
        return std::nullopt;
    }
    const BareWord line = line_around(text, complaint.offset);
    for (size_t i = line.begin; i < line.end && i <= complaint.offset && text[i] != '#';) {
        if (text[i] == '"' || text[i] == '\'') {
            i = std::min(skip_string(text, i), line.end);
            continue;
        }
        const size_t end = word_end(text, i, line.end);
        const BareWord word{i, range_end(text, end, line.end)};
        const bool here =
            word.end > word.begin && word.begin <= complaint.offset && complaint.offset <= word.end;
        if (end > i && here && is_value(text, line, word) &&
            wants_quotes(text.substr(word.begin, word.end - word.begin))) {
            return word;
        }
        i = std::max(end, i + 1);
    }
    return std::nullopt;
}

std::optional<bool> boolean_of(std::string_view word) {
    const std::string text = lower(word);
    if (text == "true" || text == "yes" || text == "on") {
        return true;
    }
    const bool no = text == "false" || text == "no" || text == "off";
    return no ? std::optional(false) : std::nullopt;
}

Diagnostic bare_word_error(std::string_view text, const BareWord& word) {
    const std::string value(text.substr(word.begin, word.end - word.begin));
    Diagnostic diagnostic{Severity::error,
                          "E001",
                          location_of(text, word.begin, word.end),
                          "a value that is neither number, boolean nor date must be quoted",
                          {},
                          {}};
    const BareWord line = line_around(text, word.begin);
    const std::string_view before = trim(text.substr(line.begin, word.begin - line.begin));
    const bool sole = before.size() > 1 && before.back() == '=' &&
                      std::all_of(before.begin(), before.end() - 1,
                                  [](char c) { return is_key(c) || is_space(c) || c == '.'; });
    const std::string key =
        sole ? std::string(trim(before.substr(0, before.size() - 1))) + " = " : std::string();
    if (const auto boolean = boolean_of(value)) {
        diagnostic.message = "TOML's booleans are true and false";
        diagnostic.help = key + (*boolean ? "true" : "false");
    } else {
        diagnostic.help = key + "\"" + value + "\"";
    }
    return diagnostic;
}

Diagnostic syntax_error(const TomlComplaint& complaint) {
    const auto [what, where] = split(complaint.description);
    Diagnostic diagnostic{Severity::error,
                          "E002",
                          location_of(complaint.text, complaint.offset, complaint.offset + 1),
                          "not TOML: " + what + (where.empty() ? "" : " (" + where + ")"),
                          {},
                          {}};
    if (where == "string" &&
        (contains(what, "control characters") || contains(what, "end-of-file"))) {
        diagnostic.help = "is the closing quote missing?";
    } else if (what == "leading zeroes are prohibited") {
        diagnostic.help = "write the number without leading zeros";
    }
    explain_repetition(complaint, line_around(complaint.text, complaint.offset), what, diagnostic);
    return diagnostic;
}

} // namespace pc
