// SPDX-License-Identifier: GPL-3.0-or-later
// [zone.NAME] and [inspect.NAME].
#include <algorithm>

#include "rules/parse_sections.h"

namespace pc {

namespace {

constexpr size_t interface_name_max = 15;
constexpr size_t server_name_max = 253;

// An interface's name, or a glob of "*" and "?".
bool is_interface(std::string_view name) {
    return !name.empty() && name.size() <= interface_name_max && name != "." && name != ".." &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return c > ' ' && c < 0x7f && c != '/' && c != ':' && c != '[' && c != ']' &&
                      c != '"' && c != '\\' && c != '!' && c != '@' && c != ',';
           });
}

void read_interfaces(Reading& reading, Zone& zone, const TomlEntry& entry) {
    for (const TomlNode* node : read_list(reading, entry)) {
        if (node->kind != TomlKind::string || !is_interface(node->text)) {
            reading.error("E048", node->at,
                          node->kind == TomlKind::string
                              ? "'" + node->text + "' is no name of an interface"
                              : "'interfaces' takes names as strings",
                          "interfaces = [\"eth0\"], or a glob: [\"ppp*\"]");
        } else if (std::find(zone.interfaces.begin(), zone.interfaces.end(), node->text) !=
                   zone.interfaces.end()) {
            reading.warning("W102", node->at, "twice in the list of 'interfaces'");
        } else {
            zone.interfaces.push_back(node->text);
        }
    }
}

void read_vlan(Reading& reading, Zone& zone, const TomlEntry& entry) {
    NumberSyntax syntax;
    syntax.field = NumberField::vlan;
    syntax.negation = false;
    syntax.ranges = false;
    for (const NumberItem& item : read_numbers(reading, entry, syntax)) {
        zone.vlans.push_back(item.range.low);
    }
}

// Nothing depends on it: PPPoE and double tags are always parsed through.
void read_encap(Reading& reading, Zone&, const TomlEntry& entry) {
    for (const TomlNode* node : read_list(reading, entry, EmptyList::allowed)) {
        if (node->kind == TomlKind::string && (node->text == "pppoe" || node->text == "qinq")) {
            continue;
        }
        if (node->kind == TomlKind::string && node->text == "gre") {
            reading.error("E013", node->at, "encap \"gre\" is not yet supported");
        } else {
            reading.error("E020", node->at, "'encap' must be \"pppoe\" or \"qinq\"");
        }
    }
}

void read_prefixes(Reading& reading, Zone& zone, const TomlEntry& entry) {
    zone.prefixes = read_addresses(reading, entry, {false, false});
}

void read_mode(Reading& reading, Zone& zone, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"auto", "native", "generic"})) {
        zone.mode = static_cast<XdpMode>(*word);
    }
}

void read_frags(Reading& reading, Zone& zone, const TomlEntry& entry) {
    zone.frags = read_boolean(reading, entry).value_or(false);
}

void read_established(Reading& reading, Zone& zone, const TomlEntry& entry) {
    zone.established = read_boolean(reading, entry).value_or(false);
}

void read_default(Reading& reading, Zone& zone, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"accept", "drop"})) {
        zone.default_action = *word == 0 ? Action::accept : Action::drop;
    }
}

constexpr Key<Zone> zone_keys[] = {{"interfaces", read_interfaces},
                                   {"vlan", read_vlan},
                                   {"encap", read_encap},
                                   {"prefixes", read_prefixes},
                                   {"mode", read_mode},
                                   {"frags", read_frags},
                                   {"default", read_default},
                                   {"established", read_established}};

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

void read_on_down(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    inspect.down_drops = read_word(reading, entry, {"pass", "drop"}).value_or(0) == 1;
}

void read_exclude(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    inspect.exclude = read_addresses(reading, entry, {false, true});
}

// "a.example" or "*.a.example": labels of at most 63 letters, digits, "-" and "_".
bool is_server_name(std::string_view name) {
    constexpr size_t label_max = 63;
    if (name.starts_with("*.")) {
        name.remove_prefix(2);
    }
    if (name.empty() || name.size() > server_name_max) {
        return false;
    }
    while (true) {
        const size_t dot = std::min(name.find('.'), name.size());
        const std::string_view label = name.substr(0, dot);
        const bool good = std::all_of(label.begin(), label.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '-' || c == '_';
        });
        if (label.empty() || label.size() > label_max || !good) {
            return false;
        }
        if (dot == name.size()) {
            return true;
        }
        name.remove_prefix(dot + 1);
    }
}

std::vector<std::string> read_server_names(Reading& reading, const TomlEntry& entry) {
    std::vector<std::string> names;
    for (const TomlNode* node : read_list(reading, entry, EmptyList::allowed)) {
        std::string_view name = node->text;
        if (name.size() > 1 && name.ends_with(".")) {
            name.remove_suffix(1);
        }
        if (node->kind == TomlKind::string && is_server_name(name)) {
            names.emplace_back(name);
        } else {
            reading.error("E047", node->at,
                          node->kind == TomlKind::string
                              ? "'" + node->text + "' is no name of a server"
                              : "'" + entry.key + "' takes names as strings",
                          "\"www.example\", or \"*.example\" for all names below it");
        }
    }
    return names;
}

void read_allow(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    inspect.allow = read_server_names(reading, entry);
}

void read_deny(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    inspect.deny = read_server_names(reading, entry);
}

void read_max_flows(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    if (const auto flows = read_integer(reading, entry, 1, PC_INSPECTED_MAX)) {
        inspect.max_flows = static_cast<uint32_t>(*flows);
    }
}

void refuse_unused(Reading& reading, Inspect&, const TomlEntry& entry) {
    reading.error("E013", entry.key_at,
                  "'" + entry.key + "' is not used: the inspector has its own network namespace",
                  "remove it");
}

constexpr Key<Inspect> inspect_keys[] = {
    {"port", read_port},           {"mark", read_bypass_mark}, {"on_down", read_on_down},
    {"exclude", read_exclude},     {"allow", read_allow},      {"deny", read_deny},
    {"max_flows", read_max_flows}, {"table", refuse_unused},   {"socket", refuse_unused}};

} // namespace

void read_zone(Reading& reading, const TomlEntry& entry) {
    const std::string where = "[zone." + entry.key + "]";
    if (!check_slug(reading, entry.key, entry.key_at, "a zone") ||
        !check_table(reading, entry, "[zone.NAME]")) {
        return;
    }
    Zone zone;
    zone.name = entry.key;
    zone.at = entry.value.at;
    read_keys<Zone>(reading, zone, entry.value, zone_keys, where);
    if (entry.value.find("interfaces") == nullptr) {
        reading.error("E014", entry.value.at, "'interfaces' is missing in " + where,
                      "interfaces = [\"eth0\"]");
    }
    reading.rules.zones.push_back(std::move(zone));
}

void read_inspect(Reading& reading, const TomlEntry& entry) {
    if (!check_slug(reading, entry.key, entry.key_at, "an inspector") ||
        !check_table(reading, entry, "[inspect.NAME]")) {
        return;
    }
    Inspect inspect;
    inspect.name = entry.key;
    inspect.at = entry.value.at;
    read_keys<Inspect>(reading, inspect, entry.value, inspect_keys, "[inspect." + entry.key + "]");
    reading.rules.inspects.push_back(std::move(inspect));
}

} // namespace pc
