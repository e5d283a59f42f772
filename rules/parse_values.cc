// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/parse_values.h"

#include <algorithm>
#include <charconv>

namespace pc {

namespace {

Diagnostic diagnostic(Severity severity, std::string_view code, const Location& at,
                      std::string message, std::string help, std::vector<Note> notes) {
    return {severity, std::string(code), at, std::move(message), std::move(notes), std::move(help)};
}

void wrong_type(Reading& reading, const TomlEntry& entry, std::string_view wanted,
                std::string help = {}) {
    reading.error("E010", entry.value.at,
                  "'" + entry.key + "' must be " + std::string(wanted) + ", not " +
                      std::string(kind_name(entry.value.kind)),
                  std::move(help));
}

} // namespace

void Reading::error(std::string_view code, const Location& at, std::string message,
                    std::string help, std::vector<Note> notes) {
    ++errors;
    diagnostics.add(diagnostic(Severity::error, code, at, std::move(message), std::move(help),
                               std::move(notes)));
}

void Reading::warning(std::string_view code, const Location& at, std::string message,
                      std::string help, std::vector<Note> notes) {
    diagnostics.add(diagnostic(Severity::warning, code, at, std::move(message), std::move(help),
                               std::move(notes)));
}

std::string offer(std::string_view word, const std::vector<std::string>& candidates,
                  std::string otherwise, std::string_view before, std::string_view after) {
    std::vector<std::string> offers = did_you_mean(word, candidates);
    if (offers.empty()) {
        return otherwise;
    }
    for (std::string& text : offers) {
        text.insert(0, before);
        text += after;
    }
    return "did you mean " + alternatives(offers) + "?";
}

std::string alternatives(const std::vector<std::string>& words) {
    std::string text;
    for (size_t i = 0; i < words.size(); ++i) {
        text += i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
        text += words[i];
    }
    return text;
}

std::string_view kind_name(TomlKind kind) {
    switch (kind) {
    case TomlKind::string:
        return "a string";
    case TomlKind::integer:
        return "a whole number";
    case TomlKind::boolean:
        return "a boolean";
    case TomlKind::date:
        return "a date";
    case TomlKind::other:
        return "a fraction or time";
    case TomlKind::array:
        return "a list";
    case TomlKind::table:
        return "a table";
    }
    return {};
}

std::optional<std::string> read_string(Reading& reading, const TomlEntry& entry, std::string help) {
    if (entry.value.kind != TomlKind::string) {
        wrong_type(reading, entry, "a string", std::move(help));
        return std::nullopt;
    }
    return entry.value.text;
}

std::optional<bool> read_boolean(Reading& reading, const TomlEntry& entry) {
    if (entry.value.kind != TomlKind::boolean) {
        wrong_type(reading, entry, "true or false");
        return std::nullopt;
    }
    return entry.value.boolean;
}

std::optional<int64_t> read_integer(Reading& reading, const TomlEntry& entry, int64_t min,
                                    int64_t max) {
    if (entry.value.kind != TomlKind::integer) {
        wrong_type(reading, entry, "a whole number");
        return std::nullopt;
    }
    if (entry.value.integer < min || entry.value.integer > max) {
        reading.error("E030", entry.value.at,
                      "'" + entry.key + "' must be between " + std::to_string(min) + " and " +
                          std::to_string(max));
        return std::nullopt;
    }
    return entry.value.integer;
}

std::optional<size_t> read_word(Reading& reading, const TomlEntry& entry,
                                const std::vector<std::string>& words) {
    if (entry.value.kind != TomlKind::string) {
        wrong_type(reading, entry, alternatives(words));
        return std::nullopt;
    }
    const std::string& text = entry.value.text;
    const auto found = std::find(words.begin(), words.end(), text);
    if (found == words.end()) {
        reading.error("E020", entry.value.at,
                      "'" + entry.key + "' must be " + alternatives(words) + ", not '" + text + "'",
                      offer(text, words, ""));
        return std::nullopt;
    }
    return static_cast<size_t>(found - words.begin());
}

std::vector<const TomlNode*> read_list(Reading& reading, const TomlEntry& entry, EmptyList empty) {
    std::vector<const TomlNode*> list;
    if (entry.value.kind == TomlKind::table) {
        wrong_type(reading, entry, "one value or a list");
        return list;
    }
    if (entry.value.kind != TomlKind::array) {
        list.push_back(&entry.value);
        return list;
    }
    for (const TomlNode& item : entry.value.items) {
        if (item.kind == TomlKind::array || item.kind == TomlKind::table) {
            reading.error("E010", item.at,
                          "an item of '" + entry.key + "' cannot be " +
                              std::string(kind_name(item.kind)));
        } else {
            list.push_back(&item);
        }
    }
    if (entry.value.items.empty() && empty == EmptyList::refused) {
        reading.error("E040", entry.value.at, "the list of '" + entry.key + "' is empty",
                      "leave the key out if anything may match");
    }
    return list;
}

std::vector<std::string> read_strings(Reading& reading, const TomlEntry& entry, EmptyList empty) {
    std::vector<std::string> strings;
    for (const TomlNode* node : read_list(reading, entry, empty)) {
        if (node->kind == TomlKind::string) {
            strings.push_back(node->text);
        } else {
            reading.error("E010", node->at,
                          "'" + entry.key + "' takes strings, not " +
                              std::string(kind_name(node->kind)));
        }
    }
    return strings;
}

std::optional<Mark> read_mark(Reading& reading, const TomlEntry& entry) {
    const TomlNode& node = entry.value;
    std::optional<uint32_t> value;
    std::optional<uint32_t> mask = UINT32_MAX;
    if (node.kind == TomlKind::integer && node.integer >= 0 && node.integer <= UINT32_MAX) {
        value = static_cast<uint32_t>(node.integer);
    } else if (node.kind == TomlKind::string) {
        const size_t slash = node.text.find('/');
        value = parse_number(trim(std::string_view{node.text}.substr(0, slash)));
        if (slash != std::string::npos) {
            mask = parse_number(trim(std::string_view{node.text}.substr(slash + 1)));
        }
    }
    if (!value || !mask || *mask == 0) {
        reading.error("E046", node.at, "'mark' must be a 32-bit number, or one with its mask",
                      "mark = \"0x1/0xff\"");
        return std::nullopt;
    }
    if ((*value & ~*mask) != 0) {
        reading.error("E046", node.at, "the mark has bits outside of its mask");
        return std::nullopt;
    }
    return Mark{*value, *mask};
}

std::optional<uint32_t> parse_seconds(std::string_view text, uint32_t longest) {
    constexpr uint32_t minute = 60;
    constexpr uint32_t hour = 3600;
    constexpr uint32_t day = 24 * hour;
    if (text.size() < 2) {
        return std::nullopt;
    }
    const char unit = text.back();
    const uint32_t factor = unit == 's'   ? 1
                            : unit == 'm' ? minute
                            : unit == 'h' ? hour
                            : unit == 'd' ? day
                                          : 0;
    const auto number = parse_number(text.substr(0, text.size() - 1));
    if (factor == 0 || !number || *number == 0 || *number > longest / factor) {
        return std::nullopt;
    }
    return *number * factor;
}

std::optional<uint32_t> parse_number(std::string_view text) {
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        base = 16;
        text.remove_prefix(2);
    }
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view spaces = " \t\r";
    const size_t begin = std::min(text.find_first_not_of(spaces), text.size());
    text.remove_prefix(begin);
    const size_t end = text.find_last_not_of(spaces);
    return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

bool is_slug(std::string_view name) {
    const auto word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !name.empty() && name.size() < PC_NAME_MAX && word(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return word(c) || c == '.' || c == '_' || c == '-'; });
}

bool check_slug(Reading& reading, std::string_view name, const Location& at,
                std::string_view what) {
    if (is_slug(name)) {
        return true;
    }
    reading.error("E016", at, "'" + std::string(name) + "' is no name for " + std::string(what),
                  "a name is at most 63 of a-z, 0-9, '.', '_' and '-', and begins with a letter or "
                  "digit");
    return false;
}

const std::vector<std::string>& built_in_sets() {
    static const std::vector<std::string> names{"any",    "self",       "local",
                                                "bogons", "management", "blocks"};
    return names;
}

void refuse_unknown_keys(Reading& reading, const TomlNode& table, const KeyNames& names,
                         const std::string& where) {
    for (const TomlEntry& entry : table.entries) {
        const auto is_this = [&](const std::string& name) { return name == entry.key; };
        if (std::any_of(names.now.begin(), names.now.end(), is_this) ||
            std::any_of(names.later.begin(), names.later.end(), is_this)) {
            continue;
        }
        std::string known = "keys here:";
        for (const std::string& name : names.now) {
            known += " " + name;
        }
        reading.error("E012", entry.key_at, "unknown key '" + entry.key + "' in " + where,
                      offer(entry.key, names.now, std::move(known)));
    }
}

void refuse_not_yet(Reading& reading, const TomlEntry& entry, const std::string& where) {
    reading.error("E013", entry.key_at,
                  "'" + entry.key + "' in " + where + " is not yet supported");
}

bool check_table(Reading& reading, const TomlEntry& entry, std::string_view example) {
    if (entry.value.kind == TomlKind::table) {
        return true;
    }
    reading.error("E010", entry.key_at,
                  "'" + entry.key + "' must be a table, not " +
                      std::string(kind_name(entry.value.kind)),
                  std::string(example));
    return false;
}

} // namespace pc
