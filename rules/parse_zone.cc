// SPDX-License-Identifier: GPL-3.0-or-later
// [zone.NAME].
#include <algorithm>

#include "rules/parse_sections.h"

namespace pc {

namespace {

constexpr size_t interface_name_max = 15;

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

} // namespace pc
