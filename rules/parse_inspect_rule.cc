// SPDX-License-Identifier: GPL-3.0-or-later
// [[inspect.NAME.rule]].
#include <set>

#include "rules/parse_names.h"
#include "rules/parse_sections.h"

namespace pc {

namespace {

constexpr size_t alpn_max = 255; // RFC 7301: the length is one byte
constexpr size_t path_max = 2048;
constexpr size_t method_max = 32;

bool is_visible(char c) {
    return c > ' ' && c < 0x7f;
}

bool is_alpn(std::string_view text) {
    return !text.empty() && text.size() <= alpn_max &&
           std::all_of(text.begin(), text.end(), is_visible);
}

// A token of RFC 9110. Methods are case-sensitive, and no known one has a small letter.
bool is_method(std::string_view text) {
    return !text.empty() && text.size() <= method_max &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
           });
}

bool is_path(std::string_view text) {
    return text.starts_with("/") && text.size() <= path_max &&
           std::all_of(text.begin(), text.end(), is_visible) &&
           text.find_first_of("?#%") == std::string_view::npos && text.find('*') >= text.size() - 1;
}

// "t13d1516h2_8daaf6152771_e5627efa2ab1"
bool is_ja4(std::string_view text) {
    constexpr std::string_view form = "aaaaaaaaaa_xxxxxxxxxxxx_xxxxxxxxxxxx";
    if (text.size() != form.size()) {
        return false;
    }
    for (size_t i = 0; i < form.size(); ++i) {
        const char c = text[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        const bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
        if (form[i] == '_' ? c != '_' : form[i] == 'x' ? !hex : !letter) {
            return false;
        }
    }
    return true;
}

// What a word of a key may be.
struct WordSyntax {
    bool (*holds)(std::string_view text);
    std::string_view what;
    std::string_view help;
};

std::vector<WordItem> read_word_items(Reading& reading, const TomlEntry& entry,
                                      const WordSyntax& syntax) {
    std::vector<WordItem> items;
    std::set<std::string> seen;
    for (const TomlNode* node : read_list(reading, entry)) {
        if (node->kind != TomlKind::string) {
            reading.error("E010", node->at,
                          "'" + entry.key + "' takes strings, not " +
                              std::string(kind_name(node->kind)));
            continue;
        }
        std::string_view text = trim(node->text);
        const bool negated = text.starts_with("!");
        text = negated ? trim(text.substr(1)) : text;
        WordItem item{negated, std::string(text), node->at};
        if (!syntax.holds(text)) {
            reading.error("E047", node->at, "'" + item.text + "' is no " + std::string(syntax.what),
                          std::string(syntax.help));
        } else if (!seen.insert(word_of(item)).second) {
            reading.warning("W102", node->at, "twice in the list of '" + entry.key + "'");
        } else {
            items.push_back(std::move(item));
        }
    }
    return items;
}

void read_rule_name(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    const auto name = read_string(reading, entry);
    if (name && check_slug(reading, *name, entry.value.at, "a rule")) {
        rule.name = *name;
    }
}

void read_host_items(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    rule.host = read_hosts(reading, entry);
}

void read_alpn(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    rule.alpn =
        read_word_items(reading, entry, {is_alpn, "ALPN name", "alpn = [\"h2\", \"http/1.1\"]"});
}

void read_method(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    rule.method =
        read_word_items(reading, entry, {is_method, "HTTP method", "method = [\"GET\", \"HEAD\"]"});
}

void read_path(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    rule.path = read_word_items(
        reading, entry,
        {is_path, "path", "\"/login\", or \"/admin/*\" for all that begin so; decoded, no query"});
}

void read_ja4(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    rule.ja4 = read_word_items(
        reading, entry,
        {is_ja4, "JA4 fingerprint", "ja4 = \"t13d1516h2_8daaf6152771_e5627efa2ab1\""});
}

void read_rule_ech(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    rule.ech = read_boolean(reading, entry);
}

void read_protocol(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    std::vector<WordItem> kept;
    const auto any = [](std::string_view) { return true; };
    for (WordItem& item : read_word_items(reading, entry, {any, "", ""})) {
        const auto& names = flow_protocol_names();
        if (parse_flow_protocol(item.text)) {
            kept.push_back(std::move(item));
        } else {
            reading.error("E020", item.at,
                          "'protocol' must be " + alternatives(names) + ", not '" + item.text + "'",
                          offer(item.text, names, ""));
        }
    }
    rule.protocol = std::move(kept);
}

void read_client(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    rule.client = read_addresses(reading, entry, {});
}

void read_zone_items(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    rule.zone = read_zones(reading, entry);
}

void read_time(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    for (const TomlNode* node : read_list(reading, entry)) {
        WeekItem item;
        item.at = node->at;
        std::string_view text = trim(node->text);
        item.negated = text.starts_with("!");
        text = item.negated ? trim(text.substr(1)) : text;
        const auto time = node->kind == TomlKind::string ? parse_week_time(text) : std::nullopt;
        if (!time) {
            reading.error("E039", node->at,
                          node->kind == TomlKind::string
                              ? "'" + std::string(text) + "' is no time of the week"
                              : "'time' takes strings",
                          "\"Mon-Fri 08:00-18:00\", \"Sat,Sun\" or \"22:00-06:00\"");
            continue;
        }
        item.time = *time;
        rule.time.push_back(item);
    }
}

void read_action(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"allow", "deny", "log", "limit"})) {
        rule.action = static_cast<InspectRule::Action>(*word);
    }
}

void read_rule_rate(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    const std::string help = "rate = \"10mbit\" or \"2MB/s\"";
    const auto rate = read_rate(reading, entry, help);
    if (rate && rate->of != Rate::Of::bytes) {
        reading.error("E039", entry.value.at,
                      "'" + entry.value.text + "' does not count bytes: a flow has a rate of bytes",
                      help);
    } else if (rate) {
        rule.rate = *rate;
    }
}

void read_per(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"flow", "client", "rule"})) {
        rule.per = static_cast<InspectRule::Per>(*word);
    }
}

void read_deny_with(Reading& reading, InspectRule& rule, const TomlEntry& entry) {
    if (entry.value.kind == TomlKind::string && entry.value.text == "icmp") {
        reading.error("E013", entry.value.at, "deny_with = \"icmp\" is not yet supported",
                      "deny_with = \"reset\": the connection stands by then, and ICMP would not "
                      "end it");
    } else if (const auto word = read_word(reading, entry, {"reset", "page"})) {
        rule.deny_with = static_cast<InspectRule::DenyWith>(*word);
    }
}

constexpr Key<InspectRule> keys[] = {
    {"name", read_rule_name},  {"protocol", read_protocol}, {"host", read_host_items},
    {"alpn", read_alpn},       {"ja4", read_ja4},           {"ech", read_rule_ech},
    {"method", read_method},   {"path", read_path},         {"client", read_client},
    {"zone", read_zone_items}, {"time", read_time},         {"action", read_action},
    {"rate", read_rule_rate},  {"per", read_per},           {"deny_with", read_deny_with}};

// Keys that speak of an action the rule does not have.
void check_action_keys(Reading& reading, const InspectRule& rule, const TomlNode& table,
                       const std::string& where) {
    using Action = InspectRule::Action;
    if (table.find("action") == nullptr) {
        reading.error("E014", rule.at, "'action' is missing in " + where,
                      "action = \"allow\", \"deny\", \"log\" or \"limit\"");
        return;
    }
    const auto belongs = [&](std::string_view key, Action action) {
        const TomlEntry* entry = table.find(key);
        if (entry != nullptr && rule.action != action) {
            reading.error("E018", entry->key_at,
                          "'" + entry->key + "' in " + where + " needs action = \"" +
                              std::string(to_string(action)) + "\"");
        }
    };
    belongs("rate", Action::limit);
    belongs("per", Action::limit);
    belongs("deny_with", Action::deny);
    if (rule.action == Action::limit && table.find("rate") == nullptr) {
        reading.error("E014", rule.at, "'rate' is missing in " + where, "rate = \"10mbit\"");
    }
}

} // namespace

void read_inspect_rule(Reading& reading, Inspect& inspect, const TomlNode& table) {
    const size_t errors_before = reading.errors;
    InspectRule rule;
    rule.at = table.at;
    const TomlEntry* name = table.find("name");
    const bool named = name != nullptr && name->value.kind == TomlKind::string;
    const std::string where =
        "[[inspect." + inspect.name + ".rule]]" + (named ? " '" + name->value.text + "'" : "");
    read_keys<InspectRule>(reading, rule, table, keys, where);
    if (reading.errors == errors_before) {
        check_action_keys(reading, rule, table, where);
    }
    for (const InspectRule& other : inspect.rules) {
        if (!rule.name.empty() && other.name == rule.name) {
            reading.error("E015", name->value.at,
                          "another rule of [inspect." + inspect.name + "] is named '" + rule.name +
                              "'",
                          {}, {Note{"in " + place(other.at, reading.rules.files)}});
        }
    }
    inspect.rules.push_back(std::move(rule));
}

} // namespace pc
