// SPDX-License-Identifier: GPL-3.0-or-later
// [set.NAME], its items and the files they come from.
#include <algorithm>
#include <initializer_list>

#include "rules/parse_names.h"
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
    } else if (const auto word = read_word(reading, entry, {"prefix", "port", "proto", "name"})) {
        set.type = static_cast<SetType>(*word);
    }
}

void read_members(Reading& reading, Set& set, const TomlEntry& entry) {
    if (set.type == SetType::prefix) {
        set.addresses = read_addresses(reading, entry, {false, true}, EmptyList::allowed);
    } else if (set.type == SetType::name) {
        set.names = read_name_items(reading, entry);
    } else {
        set.numbers = read_numbers(reading, entry, number_syntax(set.type), EmptyList::allowed);
    }
}

void read_set_exclude(Reading& reading, Set& set, const TomlEntry& entry) {
    if (set.type == SetType::prefix) {
        set.exclude = read_addresses(reading, entry, {false, true}, EmptyList::allowed);
    } else if (set.type == SetType::name) {
        reading.error("E018", entry.key_at,
                      "'exclude' in [set." + set.name + "]: a set of names has none",
                      "host = [\"@" + set.name + "\", \"!a.example\"]");
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

// A dynamic set lists nothing, and only a dynamic one has times.
void refuse_keys(Reading& reading, const TomlNode& table, const Set& set,
                 std::initializer_list<std::string_view> others, std::string_view why,
                 const std::string& help) {
    for (const std::string_view key : others) {
        if (const TomlEntry* entry = table.find(key)) {
            reading.error("E018", entry->key_at,
                          "'" + entry->key + "' in [set." + set.name + "]: " + std::string(why),
                          help);
        }
    }
}

void read_dynamic(Reading& reading, Set& set, const TomlEntry& entry) {
    if (!read_boolean(reading, entry).value_or(false)) {
        return;
    }
    if (set.type != SetType::prefix) {
        reading.error("E018", entry.key_at,
                      "'dynamic' in [set." + set.name + "] needs type = \"prefix\"");
        return;
    }
    set.dynamic.emplace();
}

void read_ttl(Reading& reading, Set& set, const TomlEntry& entry) {
    const auto text = read_string(reading, entry, "ttl = \"1h\"");
    if (!text || !set.dynamic) {
        return;
    }
    if (const auto seconds = parse_seconds(*text, dynamic_ttl_max_s)) {
        set.dynamic->ttl_s = *seconds;
    } else {
        reading.error("E039", entry.value.at, "'" + *text + "' is no time between 1s and 3650d",
                      "ttl = \"1h\"   (left out: entries stay for good)");
    }
}

void read_max(Reading& reading, Set& set, const TomlEntry& entry) {
    const auto max = read_integer(reading, entry, 1, dynamic_entries_max);
    if (max && set.dynamic) {
        set.dynamic->entries_max = static_cast<uint32_t>(*max);
    }
}

void read_persist(Reading& reading, Set& set, const TomlEntry& entry) {
    const auto persist = read_boolean(reading, entry);
    if (persist && set.dynamic) {
        set.dynamic->persist = *persist;
    }
}

// `type` first: the items depend on it. `dynamic` before what only such a set has.
constexpr Key<Set> keys[] = {{"type", read_type},       {"items", read_members},
                             {"file", read_file},       {"exclude", read_set_exclude},
                             {"dynamic", read_dynamic}, {"ttl", read_ttl},
                             {"max", read_max},         {"persist", read_persist},
                             {"feeds", nullptr},        {"on_fail", nullptr}};

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
    const TomlEntry* dynamic = entry.value.find("dynamic");
    if (set.dynamic) {
        refuse_keys(reading, entry.value, set, {"items", "file", "exclude"},
                    "a dynamic set is filled live, not in this file",
                    "list them in a set of their own; a rule names both: src = [\"@" + set.name +
                        "\", \"@other\"]");
    } else if (dynamic == nullptr ||
               (dynamic->value.kind == TomlKind::boolean && !dynamic->value.boolean)) {
        refuse_keys(reading, entry.value, set, {"ttl", "max", "persist"},
                    "only a dynamic set has that", "dynamic = true");
    }
    reading.rules.sets.push_back(std::move(set));
}

} // namespace pc
