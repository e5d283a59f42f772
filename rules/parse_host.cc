// SPDX-License-Identifier: GPL-3.0-or-later
// [host], [defaults], [safety].
#include <algorithm>

#include "rules/parse_sections.h"

namespace pc {

namespace {

constexpr int64_t sample_max = 1000000;
constexpr int64_t lookup_budget_max = PC_STEPS_MAX; // what the kernel's loop does

// `protect` lines are read with the sets they name.
struct SafetyEntry {
    Safety& safety;
    std::vector<NamedSet>& protect_sets;
};

void read_host_name(Reading& reading, Host& host, const TomlEntry& entry) {
    constexpr size_t longest = 253;
    const auto name = read_string(reading, entry);
    if (!name) {
        return;
    }
    const bool good = !name->empty() && name->size() <= longest &&
                      std::all_of(name->begin(), name->end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                 (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
                      });
    if (good) {
        host.name = *name;
    } else {
        reading.error("E016", entry.value.at, "'" + *name + "' is no host name");
    }
}

void read_management(Reading& reading, Host& host, const TomlEntry& entry) {
    host.management = read_addresses(reading, entry, {false, false});
}

void read_local(Reading& reading, Host& host, const TomlEntry& entry) {
    host.local = read_addresses(reading, entry, {false, false});
}

constexpr Key<Host> host_keys[] = {
    {"name", read_host_name}, {"management", read_management}, {"local", read_local}};

void read_action(Reading& reading, Defaults& defaults, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"accept", "drop"})) {
        defaults.action = *word == 0 ? Action::accept : Action::drop;
    }
}

void read_log(Reading& reading, Defaults& defaults, const TomlEntry& entry) {
    if (entry.value.kind == TomlKind::boolean) {
        defaults.log = entry.value.boolean ? Log::sampled : Log::none;
    } else if (const auto word = read_word(reading, entry, {"none", "sampled", "all"})) {
        defaults.log = static_cast<Log>(*word);
    }
}

void read_sample(Reading& reading, Defaults& defaults, const TomlEntry& entry) {
    const auto text = read_string(reading, entry, "sample = \"100/s\"");
    if (!text) {
        return;
    }
    const auto number = text->ends_with("/s")
                            ? parse_number(std::string_view{*text}.substr(0, text->size() - 2))
                            : std::nullopt;
    if (!number || *number == 0 || *number > sample_max) {
        reading.error("E039", entry.value.at, "'" + *text + "' is no rate of events",
                      "sample = \"100/s\"");
        return;
    }
    defaults.sample_per_second = *number;
}

void read_family(Reading& reading, Defaults& defaults, const TomlEntry& entry) {
    const auto word = read_word(reading, entry, {"both", "ipv4", "ipv6"});
    if (word && *word != 0) {
        defaults.family = *word == 1 ? Family::v4 : Family::v6;
    }
}

void read_fragments(Reading& reading, Defaults& defaults, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"accept", "accept-first", "drop"})) {
        defaults.fragments = static_cast<pc_fragments>(*word);
    }
}

void read_unparseable(Reading& reading, Defaults& defaults, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"accept", "drop"})) {
        defaults.unparseable_accept = *word == 0;
    }
}

void read_non_ip(Reading& reading, Defaults& defaults, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"accept", "drop"})) {
        defaults.non_ip_accept = *word == 0;
    }
}

constexpr Key<Defaults> defaults_keys[] = {
    {"action", read_action},       {"log", read_log},
    {"sample", read_sample},       {"family", read_family},
    {"fragments", read_fragments}, {"unparseable", read_unparseable},
    {"non_ip", read_non_ip}};

void read_confirm(Reading& reading, SafetyEntry& into, const TomlEntry& entry) {
    const auto text = read_string(reading, entry, "confirm = \"2m\"");
    if (!text) {
        return;
    }
    if (const auto seconds = parse_seconds(*text)) {
        into.safety.confirm_seconds = *seconds;
    } else {
        reading.error("E039", entry.value.at, "'" + *text + "' is no time between 1s and 24h",
                      "confirm = \"2m\"");
    }
}

void read_on_boot_error(Reading& reading, SafetyEntry& into, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"last-good", "open", "closed"})) {
        into.safety.on_boot_error = static_cast<Safety::OnBootError>(*word);
    }
}

void read_refuse_lockout(Reading& reading, SafetyEntry& into, const TomlEntry& entry) {
    into.safety.refuse_lockout = read_boolean(reading, entry).value_or(true);
}

void read_lookup_budget(Reading& reading, SafetyEntry& into, const TomlEntry& entry) {
    if (const auto number = read_integer(reading, entry, 1, lookup_budget_max)) {
        into.safety.lookup_budget = static_cast<uint32_t>(*number);
        into.safety.lookup_budget_at = entry.value.at;
    }
}

// Strings, each with its own syntax.
std::vector<const TomlNode*> strings_of(Reading& reading, const TomlEntry& entry) {
    std::vector<const TomlNode*> strings;
    for (const TomlNode* node : read_list(reading, entry, EmptyList::allowed)) {
        if (node->kind == TomlKind::string) {
            strings.push_back(node);
        } else {
            reading.error("E010", node->at,
                          "'" + entry.key + "' takes strings, not " +
                              std::string(kind_name(node->kind)));
        }
    }
    return strings;
}

void read_protect(Reading& reading, SafetyEntry& into, const TomlEntry& entry) {
    for (const TomlNode* node : strings_of(reading, entry)) {
        check_protect(reading, *node, into.protect_sets);
        into.safety.protect.push_back(node->text);
    }
}

void read_probes(Reading& reading, SafetyEntry& into, const TomlEntry& entry) {
    for (const TomlNode* node : strings_of(reading, entry)) {
        check_probe(reading, *node);
        into.safety.probes.push_back(node->text);
    }
}

constexpr Key<SafetyEntry> safety_keys[] = {{"confirm", read_confirm},
                                            {"on_boot_error", read_on_boot_error},
                                            {"refuse_lockout", read_refuse_lockout},
                                            {"lookup_budget", read_lookup_budget},
                                            {"protect", read_protect},
                                            {"probes", read_probes}};

} // namespace

void read_host(Reading& reading, const TomlEntry& entry) {
    if (check_table(reading, entry, "[host]")) {
        read_keys<Host>(reading, reading.rules.host, entry.value, host_keys, "[host]");
    }
}

void read_defaults(Reading& reading, const TomlEntry& entry) {
    if (check_table(reading, entry, "[defaults]")) {
        read_keys<Defaults>(reading, reading.rules.defaults, entry.value, defaults_keys,
                            "[defaults]");
    }
}

void read_safety(Reading& reading, const TomlEntry& entry, std::vector<NamedSet>& protect_sets) {
    if (check_table(reading, entry, "[safety]")) {
        SafetyEntry into{reading.rules.safety, protect_sets};
        read_keys<SafetyEntry>(reading, into, entry.value, safety_keys, "[safety]");
    }
}

} // namespace pc
