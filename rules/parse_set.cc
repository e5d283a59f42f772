// SPDX-License-Identifier: GPL-3.0-or-later
// [set.NAME], its items and the files they come from.
#include <algorithm>

#include "rules/parse_sections.h"

namespace pc {

namespace {

constexpr std::string_view later_types[] = {"mac", "country", "asn"};

NumberField field_of(SetType type) {
    return type == SetType::proto ? NumberField::proto : NumberField::port;
}

NumberSyntax number_syntax(SetType type) {
    NumberSyntax syntax;
    syntax.field = field_of(type);
    syntax.negation = false;
    return syntax;
}

void read_type(Reading& reading, Set& set, const TomlEntry& entry) {
    const std::string& text = entry.value.text;
    if (std::find(std::begin(later_types), std::end(later_types), text) != std::end(later_types)) {
        reading.error("E013", entry.value.at,
                      "sets of type \"" + text + "\" are not yet supported");
    } else if (const auto word = read_word(reading, entry, {"prefix", "port", "proto"})) {
        set.type = static_cast<SetType>(*word);
    }
}

void read_members(Reading& reading, Set& set, const TomlEntry& entry) {
    if (set.type == SetType::prefix) {
        set.addresses = read_addresses(reading, entry, {false, true}, EmptyList::allowed);
    } else {
        set.numbers = read_numbers(reading, entry, number_syntax(set.type), EmptyList::allowed);
    }
}

void read_set_exclude(Reading& reading, Set& set, const TomlEntry& entry) {
    if (set.type == SetType::prefix) {
        set.exclude = read_addresses(reading, entry, {false, true}, EmptyList::allowed);
    } else {
        set.exclude_numbers =
            read_numbers(reading, entry, number_syntax(set.type), EmptyList::allowed);
    }
}

void read_file(Reading& reading, Set& set, const TomlEntry& entry) {
    for (const TomlNode* node : read_list(reading, entry)) {
        if (node->kind != TomlKind::string || node->text.empty()) {
            reading.error("E010", node->at, "'file' takes names of files as strings");
            continue;
        }
        set.files.push_back(node->text);
        Result<std::vector<SourceFile>> files =
            reading.read(reading.rules.files[node->at.file].path, node->text);
        if (!files.ok()) {
            reading.error("E003", node->at, files.error().message);
        } else if (files.value().empty()) {
            reading.error("E003", node->at, "no file is named '" + node->text + "'");
        } else {
            for (const SourceFile& file : files.value()) {
                read_set_file(reading, set, node->at, file);
            }
        }
    }
}

// `type` first: the items depend on it.
constexpr Key<Set> keys[] = {{"type", read_type}, {"items", read_members},
                             {"file", read_file}, {"exclude", read_set_exclude},
                             {"feeds", nullptr},  {"dynamic", nullptr},
                             {"ttl", nullptr},    {"persist", nullptr},
                             {"max", nullptr},    {"on_fail", nullptr}};

} // namespace

void read_set(Reading& reading, const TomlEntry& entry) {
    if (!check_slug(reading, entry.key, entry.key_at, "a set") ||
        !check_table(reading, entry, "[set.NAME]")) {
        return;
    }
    const auto& reserved = built_in_sets();
    if (std::find(reserved.begin(), reserved.end(), entry.key) != reserved.end()) {
        reading.error("E017", entry.key_at, "@" + entry.key + " is built in: choose another name");
        return;
    }
    Set set;
    set.name = entry.key;
    set.at = entry.value.at;
    read_keys<Set>(reading, set, entry.value, keys, "[set." + entry.key + "]");
    reading.rules.sets.push_back(std::move(set));
}

} // namespace pc
