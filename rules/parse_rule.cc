// SPDX-License-Identifier: GPL-3.0-or-later
// [[rule]]: all keys, in an order in which each knows what it needs of the others (ICMP names need
// the protocol).
#include <algorithm>

#include "rules/parse_sections.h"

namespace pc {

namespace {

constexpr uint8_t icmp = 1;
constexpr uint8_t tcp = 6;
constexpr uint8_t icmp6 = 58;

std::string label(const Rule& rule) {
    return rule.name.empty() ? "[[rule]]" : "[[rule]] '" + rule.name + "'";
}

void read_name(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    if (const auto name = read_string(reading, entry);
        name && check_slug(reading, *name, entry.value.at, "a rule")) {
        into.rule.name = *name;
    }
}

void read_priority(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    if (const auto priority = read_integer(reading, entry, 0, priority_max)) {
        into.priority = static_cast<uint32_t>(*priority);
        into.priority_at = entry.value.at;
    }
}

void read_disabled(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    into.rule.disabled = read_boolean(reading, entry).value_or(false);
}

void read_until(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    if (entry.value.kind == TomlKind::date) {
        into.rule.until = entry.value.date;
        return;
    }
    const bool quoted = entry.value.kind == TomlKind::string;
    reading.error("E010", entry.value.at, "'until' must be a date",
                  quoted ? "a date has no quotes: until = 2027-06-30" : "until = 2027-06-30");
}

void read_note(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    into.rule.note = read_string(reading, entry).value_or("");
}

void read_tags(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    into.rule.tags = read_strings(reading, entry, EmptyList::allowed);
}

void read_action(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    if (const auto word =
            read_word(reading, entry, {"accept", "drop", "reject", "inspect", "mark", "count"})) {
        into.rule.action = static_cast<Action>(*word);
    }
}

void read_log(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    if (entry.value.kind == TomlKind::boolean) {
        into.rule.log = entry.value.boolean ? Log::sampled : Log::none;
    } else if (const auto word = read_word(reading, entry, {"none", "sampled", "all"})) {
        into.rule.log = static_cast<Log>(*word);
    }
}

void read_rule_mark(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    into.rule.mark = read_mark(reading, entry).value_or(Mark{});
}

void read_keep_flows(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    into.rule.keep_flows = read_boolean(reading, entry).value_or(false);
}

// The [KIND.NAME] that a rule names has to be there.
template <typename Table>
void check_defined(Reading& reading, const TomlEntry& entry, const std::vector<Table>& tables) {
    std::vector<std::string> names;
    for (const Table& table : tables) {
        names.push_back(table.name);
    }
    const std::string& name = entry.value.text;
    if (std::find(names.begin(), names.end(), name) == names.end()) {
        reading.error("E023", entry.value.at, "no [" + entry.key + "." + name + "] is defined",
                      offer(name, names, names.empty() ? "" : "there is " + alternatives(names)));
    }
}

void read_limit_name(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    const auto name = read_string(reading, entry);
    if (name && check_slug(reading, *name, entry.value.at, "a limit")) {
        into.rule.limit = *name;
        check_defined(reading, entry, reading.rules.limits);
    }
}

void read_inspect_name(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    const auto name = read_string(reading, entry);
    if (name && check_slug(reading, *name, entry.value.at, "an inspector")) {
        into.rule.inspect = *name;
        check_defined(reading, entry, reading.rules.inspects);
    }
}

// Only the protocols that the rule can match, by number; none if that is not known.
std::optional<Numbers> protocols_of(Reading& reading, const Rule& rule) {
    for (const NumberItem& item : rule.match.proto) {
        const Set* set = item.set.empty() ? nullptr : reading.sets->find(item.set);
        if (!item.set.empty() && (set == nullptr || set->type != SetType::proto)) {
            return std::nullopt;
        }
    }
    return reading.sets->numbers(rule.match.proto, range_of(NumberField::proto));
}

// Whose names ICMP types and codes have.
std::optional<Family> icmp_family(Reading& reading, const Rule& rule) {
    const auto protocols = protocols_of(reading, rule);
    if (protocols == Numbers{{icmp, icmp}}) {
        return Family::v4;
    }
    return protocols == Numbers{{icmp6, icmp6}} ? std::optional(Family::v6) : std::nullopt;
}

template <std::vector<AddressItem> Match::*list>
void read_list_of_addresses(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    into.rule.match.*list = read_addresses(reading, entry, {});
}

template <std::vector<ZoneItem> Match::*list>
void read_list_of_zones(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    into.rule.match.*list = read_zones(reading, entry);
}

template <std::vector<NumberItem> Match::*list, NumberField field>
void read_list_of_numbers(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    NumberSyntax syntax;
    syntax.field = field;
    if (field == NumberField::icmp_type || field == NumberField::icmp_code) {
        syntax.icmp = icmp_family(reading, into.rule);
    }
    into.rule.match.*list = read_numbers(reading, entry, syntax);
}

void read_flags(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    into.rule.match.tcp_flags = read_tcp_flags(reading, entry);
}

void read_frag(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    into.rule.match.frags = read_fragments(reading, entry);
}

void read_src_mac(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    into.rule.match.src_mac = read_macs(reading, entry);
}

void read_state(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    into.rule.match.states = read_states(reading, entry);
}

// Needs the rule's action and `out`, so that it stands last in the table.
void read_hook(Reading& reading, WrittenRule& into, const TomlEntry& entry) {
    const auto word = read_word(reading, entry, {"auto", "xdp", "tc-in", "tc-out"});
    if (!word || *word == 0) {
        return;
    }
    const std::string& wanted = entry.value.text;
    if (wanted == "tc-in") {
        reading.error("E013", entry.value.at, "hook \"tc-in\" is not yet supported",
                      "remove `hook`");
        return;
    }
    const bool at_tc = hook_of(into.rule) == Hook::tc;
    if (at_tc == (wanted == "tc-out")) {
        return;
    }
    const std::string why = !at_tc ? "hook \"tc-out\" is for rules with 'out' or action \"inspect\""
                            : into.rule.action == Action::inspect
                                ? "action \"inspect\" cannot run at hook \"xdp\""
                                : "a rule with 'out' cannot run at hook \"xdp\"";
    reading.error("E061", entry.value.at, why, "remove `hook`");
}

// Names come first, what needs others last.
constexpr Key<WrittenRule> keys[] = {
    {"name", read_name},
    {"priority", read_priority},
    {"disabled", read_disabled},
    {"until", read_until},
    {"note", read_note},
    {"tags", read_tags},
    {"in", read_list_of_zones<&Match::in>},
    {"out", read_list_of_zones<&Match::out>},
    {"src", read_list_of_addresses<&Match::src>},
    {"dst", read_list_of_addresses<&Match::dst>},
    {"proto", read_list_of_numbers<&Match::proto, NumberField::proto>},
    {"sport", read_list_of_numbers<&Match::sport, NumberField::port>},
    {"dport", read_list_of_numbers<&Match::dport, NumberField::port>},
    {"icmp_type", read_list_of_numbers<&Match::icmp_type, NumberField::icmp_type>},
    {"icmp_code", read_list_of_numbers<&Match::icmp_code, NumberField::icmp_code>},
    {"tcp_flags", read_flags},
    {"frag", read_frag},
    {"len", read_list_of_numbers<&Match::len, NumberField::len>},
    {"dscp", read_list_of_numbers<&Match::dscp, NumberField::dscp>},
    {"ttl", read_list_of_numbers<&Match::ttl, NumberField::ttl>},
    {"vlan", read_list_of_numbers<&Match::vlan, NumberField::vlan>},
    {"src_mac", read_src_mac},
    {"flow_label", nullptr},
    {"state", read_state},
    {"action", read_action},
    {"inspect", read_inspect_name},
    {"limit", read_limit_name},
    {"mark", read_rule_mark},
    {"keep_flows", read_keep_flows},
    {"log", read_log},
    {"hook", read_hook},
};

// Keys that speak of an action the rule does not have.
void check_action_keys(Reading& reading, const Rule& rule, const TomlNode& table) {
    const std::string where = label(rule);
    const auto belongs = [&](std::string_view key, Action action, const char* word) {
        const TomlEntry* entry = table.find(key);
        if (entry != nullptr && rule.action != action) {
            reading.error("E018", entry->key_at,
                          "'" + std::string(key) + "' in " + where + " needs action = \"" + word +
                              "\"");
        }
    };
    if (table.find("action") == nullptr) {
        reading.error("E014", rule.at, "'action' is missing in " + where,
                      "action = \"accept\", \"drop\", \"reject\", \"inspect\", \"mark\" or "
                      "\"count\"");
        return;
    }
    belongs("mark", Action::mark, "mark");
    belongs("inspect", Action::inspect, "inspect");
    const TomlEntry* keep = table.find("keep_flows");
    if (keep != nullptr && rule.action != Action::accept && rule.action != Action::inspect) {
        reading.error("E018", keep->key_at,
                      "'keep_flows' in " + where + " needs action = \"accept\" or \"inspect\"",
                      "only flows that the rule accepted can be kept");
    }
    const TomlEntry* limit = table.find("limit");
    if (limit != nullptr && rule.action == Action::inspect) {
        reading.error("E018", limit->key_at,
                      "'limit' in " + where + " does not go with action = \"inspect\"",
                      "a rule before it, with action = \"count\" and the limit");
    }
    if (rule.action == Action::mark && table.find("mark") == nullptr) {
        reading.error("E014", rule.at, "'mark' is missing in " + where, "mark = \"0x1/0xff\"");
    }
}

void check_inspect(Reading& reading, const Rule& rule, const TomlNode& table,
                   const std::optional<Numbers>& protocols, const std::string& where) {
    const TomlEntry* proto = table.find("proto");
    constexpr uint8_t udp = 17;
    if (protocols && !covers(Numbers{{tcp, tcp}, {udp, udp}}, *protocols)) {
        reading.error("E044", proto != nullptr ? proto->value.at : rule.at,
                      "action \"inspect\" needs proto tcp or udp in " + where,
                      "proto = \"tcp\", \"udp\" or [\"tcp\", \"udp\"]");
    }
    if (table.find("inspect") == nullptr) {
        std::vector<std::string> names;
        for (const Inspect& inspect : reading.rules.inspects) {
            names.push_back("inspect = \"" + inspect.name + "\"");
        }
        reading.error("E014", rule.at, "'inspect' is missing in " + where,
                      names.empty() ? "define an [inspect.NAME] and name it" : alternatives(names));
    }
}

// E041 to E044: what the fields need of the protocol.
void check_rule_fields(Reading& reading, const Rule& rule, const TomlNode& table,
                       const std::string& where) {
    const auto protocols = protocols_of(reading, rule);
    const TomlEntry* proto = table.find("proto");
    const std::string missing =
        proto == nullptr
            ? "proto is missing in " + where + " (line " + std::to_string(rule.at.line) + ")"
            : "proto (line " + std::to_string(proto->key_at.line) + ") allows others";
    const auto needs = [&](std::string_view key, std::string_view code, const Numbers& allowed,
                           std::string_view words, std::string help) {
        const TomlEntry* entry = table.find(key);
        if (entry == nullptr || !protocols || covers(allowed, *protocols)) {
            return;
        }
        const bool list = entry->value.kind == TomlKind::array && !entry->value.items.empty();
        reading.error(code, list ? entry->value.items.front().at : entry->value.at,
                      std::string(key) + " needs proto " + std::string(words), std::move(help),
                      {Note{missing}});
    };
    constexpr uint8_t udp = 17;
    constexpr uint8_t dccp = 33;
    constexpr uint8_t sctp = 132;
    constexpr uint8_t udplite = 136;
    const Numbers with_ports{
        {tcp, tcp}, {udp, udp}, {dccp, dccp}, {sctp, sctp}, {udplite, udplite}};
    for (const std::string_view key : {"sport", "dport"}) {
        needs(key, "E041", with_ports, "tcp, udp, udplite, sctp or dccp",
              "proto = [\"tcp\", \"udp\"]");
    }
    for (const std::string_view key : {"icmp_type", "icmp_code"}) {
        needs(key, "E042", {{icmp, icmp}, {icmp6, icmp6}}, "icmp or icmp6", "proto = \"icmp\"");
    }
    needs("tcp_flags", "E043", {{tcp, tcp}}, "tcp and nothing else", "proto = \"tcp\"");
    if (rule.action == Action::inspect) {
        check_inspect(reading, rule, table, protocols, where);
    }
}

} // namespace

WrittenRule read_rule(Reading& reading, const TomlNode& table) {
    const size_t errors_before = reading.errors;
    WrittenRule entry;
    entry.rule.at = table.at;
    const TomlEntry* name = table.find("name");
    const bool named = name != nullptr && name->value.kind == TomlKind::string;
    const std::string where = named ? "[[rule]] '" + name->value.text + "'" : "[[rule]]";
    if (name == nullptr) {
        reading.error("E014", table.at, "'name' is missing in [[rule]]",
                      "give each rule a name: counters and `show rules` go by it");
    }
    read_keys<WrittenRule>(reading, entry, table, keys, where);
    if (reading.errors == errors_before) {
        check_action_keys(reading, entry.rule, table);
        check_rule_fields(reading, entry.rule, table, where);
    }
    entry.sound = reading.errors == errors_before;
    return entry;
}

} // namespace pc
