// SPDX-License-Identifier: GPL-3.0-or-later
// [inspect.NAME].
#include "rules/parse_names.h"
#include "rules/parse_sections.h"

namespace pc {

namespace {

void read_port(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    if (const auto port = read_integer(reading, entry, 1, UINT16_MAX)) {
        inspect.port = static_cast<uint16_t>(*port);
    }
}

void read_bypass_mark(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    if (const auto mark = read_integer(reading, entry, 1, UINT32_MAX)) {
        inspect.mark = static_cast<uint32_t>(*mark);
    }
}

// "pass" or "drop".
std::optional<bool> read_passes(Reading& reading, const TomlEntry& entry) {
    const auto word = read_word(reading, entry, {"pass", "drop"});
    return word ? std::optional(*word == 0) : std::nullopt;
}

void read_on_down(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    inspect.down_drops = !read_passes(reading, entry).value_or(true);
}

void read_mode(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    inspect.mode = static_cast<Inspect::Mode>(
        read_word(reading, entry, {"auto", "terminate", "peek"}).value_or(0));
}

void read_on_overload(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    inspect.overload_passes = read_passes(reading, entry).value_or(false);
}

void read_on_timeout(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    inspect.timeout_passes = read_passes(reading, entry);
}

void read_on_parse_error(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    inspect.malformed_passes = read_passes(reading, entry);
}

void read_exclude(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    inspect.exclude = read_addresses(reading, entry, {false, true});
}

void read_allow(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    inspect.allow = read_server_names(reading, entry);
}

void read_deny(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    inspect.deny = read_server_names(reading, entry);
}

void read_default(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    const auto word = read_word(reading, entry, {"allow", "deny"});
    if (!word) {
        return;
    }
    inspect.default_allows = *word == 0;
    if (*inspect.default_allows && !inspect.allow.empty()) {
        reading.error("E018", entry.value.at,
                      "default = \"allow\" does not go with 'allow' in [inspect." + inspect.name +
                          "]",
                      "what an `allow` list does not hold is denied: remove one of them");
    }
}

void read_ech(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"allow", "log", "drop"})) {
        inspect.ech = static_cast<Inspect::Ech>(*word);
    }
}

void read_max_flows(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    if (const auto flows = read_integer(reading, entry, 1, PC_INSPECTED_MAX)) {
        inspect.max_flows = static_cast<uint32_t>(*flows);
    }
}

void read_rules(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    const std::string header = "[[inspect." + inspect.name + ".rule]]";
    if (entry.value.kind != TomlKind::array) {
        reading.error("E010", entry.key_at, "rules are written " + header + ", in double brackets",
                      header);
        return;
    }
    for (const TomlNode& table : entry.value.items) {
        if (table.kind != TomlKind::table) {
            reading.error("E010", table.at, "a rule must be a table", header);
        } else if (inspect.rules.size() == inspect_rules_max) {
            reading.error("E070", table.at,
                          "more than " + std::to_string(inspect_rules_max) + " rules in [inspect." +
                              inspect.name + "]");
            return;
        } else {
            read_inspect_rule(reading, inspect, table);
        }
    }
}

void refuse_unused(Reading& reading, Inspect&, const TomlEntry& entry) {
    reading.error("E013", entry.key_at,
                  "'" + entry.key + "' is not used: the inspector has its own network namespace",
                  "remove it");
}

// `allow` before `default`, and `mode` before `upstream`, which do not go with every one.
constexpr Key<Inspect> keys[] = {{"port", read_port},
                                 {"mark", read_bypass_mark},
                                 {"on_down", read_on_down},
                                 {"mode", read_mode},
                                 {"exclude", read_exclude},
                                 {"allow", read_allow},
                                 {"deny", read_deny},
                                 {"default", read_default},
                                 {"ech", read_ech},
                                 {"on_overload", read_on_overload},
                                 {"on_timeout", read_on_timeout},
                                 {"on_parse_error", read_on_parse_error},
                                 {"max_flows", read_max_flows},
                                 {"rule", read_rules},
                                 {"upstream", read_upstream},
                                 {"table", refuse_unused},
                                 {"socket", refuse_unused}};

} // namespace

void read_inspect(Reading& reading, const TomlEntry& entry) {
    if (!check_slug(reading, entry.key, entry.key_at, "an inspector") ||
        !check_table(reading, entry, "[inspect.NAME]")) {
        return;
    }
    Inspect inspect;
    inspect.name = entry.key;
    inspect.at = entry.value.at;
    read_keys<Inspect>(reading, inspect, entry.value, keys, "[inspect." + entry.key + "]");
    reading.rules.inspects.push_back(std::move(inspect));
}

} // namespace pc
