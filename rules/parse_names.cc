// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: tests/unit/inspect_rules_test.cc.
#include "rules/parse_names.h"

#include <set>

namespace pc {

namespace {

constexpr std::string_view name_help = "\"www.example\", or \"*.example\" for all names below it";

std::string help_for(std::string_view text) {
    const bool beyond_ascii = std::any_of(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    return beyond_ascii ? "write the name as clients send it: \"xn--...\"" : std::string(name_help);
}

bool is_string(Reading& reading, const TomlEntry& entry, const TomlNode& node) {
    if (node.kind != TomlKind::string) {
        reading.error("E047", node.at, "'" + entry.key + "' takes names as strings",
                      std::string(name_help));
    }
    return node.kind == TomlKind::string;
}

void refuse(Reading& reading, const TomlNode& node, std::string_view text) {
    reading.error("E047", node.at, "'" + std::string(text) + "' is no name of a server",
                  help_for(text));
}

std::string_view next_word(std::string_view& line) {
    const size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
    const size_t end = std::min(line.find_first_of(" \t", begin), line.size());
    const std::string_view word = line.substr(begin, end - begin);
    line.remove_prefix(end);
    return word;
}

} // namespace

std::vector<std::string> read_server_names(Reading& reading, const TomlEntry& entry) {
    std::vector<std::string> names;
    for (const TomlNode* node : read_list(reading, entry, EmptyList::allowed)) {
        if (!is_string(reading, entry, *node)) {
            continue;
        }
        std::string_view name = node->text;
        if (!normal_name_pattern(name)) {
            refuse(reading, *node, name);
            continue;
        }
        name.remove_suffix(name.ends_with(".") ? 1 : 0);
        names.emplace_back(name);
    }
    return names;
}

std::vector<std::string> read_name_items(Reading& reading, const TomlEntry& entry) {
    std::vector<std::string> names;
    std::set<std::string> seen;
    for (const TomlNode* node : read_list(reading, entry, EmptyList::allowed)) {
        if (!is_string(reading, entry, *node)) {
            continue;
        }
        auto name = normal_name_pattern(trim(node->text));
        if (!name) {
            const bool names_set = trim(node->text).starts_with("@");
            reading.error("E047", node->at, "'" + node->text + "' is no name of a server",
                          names_set ? "a set of names holds no sets; `host` takes several"
                                    : help_for(node->text));
        } else if (!seen.insert(*name).second) {
            reading.warning("W102", node->at, "twice in the list of '" + entry.key + "'");
        } else {
            names.push_back(*std::move(name));
        }
    }
    return names;
}

std::vector<NameItem> read_hosts(Reading& reading, const TomlEntry& entry) {
    std::vector<NameItem> items;
    std::set<std::string> seen;
    for (const TomlNode* node : read_list(reading, entry)) {
        if (!is_string(reading, entry, *node)) {
            continue;
        }
        NameItem item;
        item.at = node->at;
        std::string_view text = trim(node->text);
        item.negated = text.starts_with("!");
        text = item.negated ? trim(text.substr(1)) : text;
        if (text.starts_with("@")) {
            item.set = text.substr(1);
        } else if (auto name = normal_name_pattern(text)) {
            item.name = *std::move(name);
        } else {
            refuse(reading, *node, text);
            continue;
        }
        if (!seen.insert(word_of(item)).second) {
            reading.warning("W102", node->at, "twice in the list of '" + entry.key + "'");
        } else {
            items.push_back(std::move(item));
        }
    }
    return items;
}

std::optional<std::string_view> read_name_line(std::string_view line, Set& set) {
    std::string_view word = next_word(line);
    const std::string_view first = word;
    const bool is_host_line =
        !line.empty() &&
        (parse_address(word) || word.find(':') != std::string_view::npos); // "fe80::1%lo0" too
    if (is_host_line) {
        word = next_word(line);
    } else if (!trim(line).empty()) {
        return first;
    }
    for (; !word.empty(); word = next_word(line)) {
        const auto name = normal_name_pattern(word);
        if (!name) {
            return word;
        }
        set.file_names += *name;
        set.file_names += '\n';
        ++set.file_names_count;
    }
    return std::nullopt;
}

} // namespace pc
