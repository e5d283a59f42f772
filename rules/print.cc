// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/print.h"

#include <algorithm>
#include <map>
#include <set>

#include "rules/fields.h"
#include "rules/words.h"

namespace pc {

namespace {

constexpr size_t column_max = 100;
constexpr size_t values_shown_max = 8;

// ---- TOML

std::string toml_string(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string quoted = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (c == '\n' || c == '\t') {
            quoted += c == '\n' ? "\\n" : "\\t";
        } else if (byte < 0x20 || byte == 0x7f) {
            quoted += "\\u00";
            quoted += digits[byte / 16];
            quoted += digits[byte % 16];
        } else {
            quoted += c;
        }
    }
    return quoted + "\"";
}

std::string toml_key(const std::string& name) {
    constexpr std::string_view bare =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const bool is_bare = !name.empty() && name.find_first_not_of(bare) == std::string::npos;
    return is_bare ? name : toml_string(name);
}

std::string toml_value(const FieldValue& value) {
    return value.quoted ? toml_string(value.text) : value.text;
}

// "[1, 2]" on one line, else as many lines as it takes.
std::string toml_list(const std::vector<FieldValue>& values, size_t column) {
    std::string flat;
    std::string broken;
    std::string line;
    for (const FieldValue& value : values) {
        const std::string text = toml_value(value);
        flat += (flat.empty() ? "" : ", ") + text;
        if (!line.empty() && 4 + line.size() + 2 + text.size() > column_max) {
            broken += "    " + line + ",\n";
            line.clear();
        }
        line += (line.empty() ? "" : ", ") + text;
    }
    if (column + flat.size() + 2 <= column_max) {
        return "[" + flat + "]";
    }
    return "[\n" + broken + "    " + line + ",\n]";
}

void add_fields(std::string& text, const Fields& fields) {
    for (const Field& field : fields) {
        const std::string start = field.key + " = ";
        const bool one = field.values.size() == 1;
        text += start +
                (one ? toml_value(field.values[0]) : toml_list(field.values, start.size())) + "\n";
    }
}

void add_section(std::string& text, std::string_view name, const Fields& fields) {
    if (!fields.empty()) {
        text += "\n[" + std::string(name) + "]\n";
        add_fields(text, fields);
    }
}

void add_upstream(std::string& text, const Inspect& inspect) {
    if (inspect.upstream) {
        const std::string name = "inspect." + toml_key(inspect.name) + ".upstream";
        add_section(text, name,
                    without_defaults(fields_of(*inspect.upstream), fields_of(Upstream{})));
        add_section(
            text, name + ".health",
            without_defaults(fields_of(inspect.upstream->health), fields_of(HealthChecks{})));
    }
}

// ---- compare

struct Section {
    std::string kind; // "rule", "defaults"
    std::string name; // empty: there is one only
    Fields fields;
    Fields fresh;        // what need not be said of a new one
    std::string entries; // a digest of a set's files, which have no key of their own
};

std::string entries_of(const Set& set) {
    const size_t count = set.file_addresses.size() + set.file_numbers.size() + set.file_names_count;
    return set.files.empty() ? "" : std::to_string(count) + " entries";
}

// With its place among the others, which means something.
Section section_of(const Inspect& inspect, size_t rule) {
    Fields fields = fields_of(inspect.rules[rule]);
    fields.insert(fields.begin(), Field{"place", {{std::to_string(rule + 1), false}}, false});
    return {"inspect",
            inspect.name + " rule " + name_of(inspect.rules[rule], rule),
            std::move(fields),
            fields_of(InspectRule{}),
            {}};
}

void add_upstream(std::vector<Section>& sections, const Inspect& inspect) {
    if (inspect.upstream) {
        const std::string name = inspect.name + " upstream";
        sections.push_back(
            {"inspect", name, fields_of(*inspect.upstream), fields_of(Upstream{}), {}});
        sections.push_back({"inspect",
                            name + " health",
                            fields_of(inspect.upstream->health),
                            fields_of(HealthChecks{}),
                            {}});
    }
}

std::vector<Section> sections_of(const RuleSet& rules) {
    std::vector<Section> sections;
    sections.push_back({"host", "", fields_of(rules.host), {}, {}});
    sections.push_back({"defaults", "", fields_of(rules.defaults), {}, {}});
    sections.push_back({"safety", "", fields_of(rules.safety), {}, {}});
    if (rules.flows.written) {
        sections.push_back({"flows", "", fields_of(rules.flows), fields_of(Flows{}), {}});
    }
    sections.push_back({"guard", "", fields_of(rules.guard), {}, {}});
    for (const Zone& zone : rules.zones) {
        sections.push_back({"zone", zone.name, fields_of(zone), fields_of(Zone{}), {}});
    }
    for (const Set& set : rules.sets) {
        sections.push_back({"set", set.name, fields_of(set), fields_of(Set{}), entries_of(set)});
    }
    for (const Inspect& inspect : rules.inspects) {
        sections.push_back({"inspect", inspect.name, fields_of(inspect), fields_of(Inspect{}), {}});
        add_upstream(sections, inspect);
        for (size_t i = 0; i < inspect.rules.size(); ++i) {
            sections.push_back(section_of(inspect, i));
        }
    }
    for (const Limit& limit : rules.limits) {
        sections.push_back({"limit", limit.name, fields_of(limit), fields_of(Limit{}), {}});
    }
    for (const Rule& rule : rules.rules) {
        sections.push_back({"rule", rule.name, fields_of(rule), fields_of(Rule{}), {}});
    }
    return sections;
}

std::string title(const Section& section) {
    return section.name.empty() ? section.kind : section.kind + " " + section.name;
}

using Index = std::map<std::string, const Section*, std::less<>>;

Index index_of(const std::vector<Section>& sections) {
    Index index;
    for (const Section& section : sections) {
        index.emplace(title(section), &section);
    }
    return index;
}

std::string field_text(const Field& field) {
    const std::string values = values_text(field, ", ", values_shown_max);
    return field.key + " " + (values.empty() ? "\"\"" : values);
}

std::string added(const Section& section) {
    std::string text = "+ " + title(section) + " {";
    std::string_view separator = " ";
    for (const Field& field :
         without_defaults(section.fields, section.fresh, {"priority", "action", "type"})) {
        text += separator;
        text += field_text(field);
        separator = "; ";
    }
    return text + " }";
}

std::vector<std::string> missing_from(const Field& field, const Field& other,
                                      std::string_view before) {
    std::set<std::string_view> known;
    for (const FieldValue& value : other.values) {
        known.insert(value.text);
    }
    std::vector<std::string> words;
    for (const FieldValue& value : field.values) {
        if (known.count(value.text) == 0) {
            words.push_back(std::string(before) + value.text);
        }
    }
    return words;
}

// "dport 22 (was 23)", "no log (was all)", of long lists "items +192.0.2.1 -192.0.2.7".
std::string changed(const Field* before, const Field* after) {
    if (before == nullptr) {
        return field_text(*after) + " (new)";
    }
    if (after == nullptr) {
        return "no " + before->key + " (was " + values_text(*before, ", ", values_shown_max) + ")";
    }
    if (std::max(before->values.size(), after->values.size()) <= values_shown_max) {
        const std::string was = values_text(*before, ", ");
        return field_text(*after) + " (was " + (was.empty() ? "\"\"" : was) + ")";
    }
    std::vector<std::string> words = missing_from(*after, *before, "+");
    const std::vector<std::string> gone = missing_from(*before, *after, "-");
    words.insert(words.end(), gone.begin(), gone.end());
    return after->key + " " +
           (words.empty() ? "in another order" : join(words, " ", 2 * values_shown_max));
}

void compare_sections(const Section& before, const Section& after,
                      std::vector<std::string>& lines) {
    const std::string start = "> " + title(after) + ": ";
    for (const Field& field : after.fields) {
        const Field* was = find_field(before.fields, field.key);
        if (was == nullptr || *was != field) {
            lines.push_back(start + changed(was, &field));
        }
    }
    for (const Field& field : before.fields) {
        if (find_field(after.fields, field.key) == nullptr) {
            lines.push_back(start + changed(&field, nullptr));
        }
    }
    if (before.entries != after.entries && !before.entries.empty() && !after.entries.empty()) {
        lines.push_back(start + "files hold " + after.entries + " (was " + before.entries + ")");
    }
}

// The number of entries may be the same where the entries are not.
void compare_files(const RuleSet& before, const RuleSet& after, std::vector<std::string>& lines) {
    for (const Set& set : after.sets) {
        for (const Set& was : before.sets) {
            if (was.name == set.name && entries_of(was) == entries_of(set) &&
                (was.file_addresses != set.file_addresses || was.file_numbers != set.file_numbers ||
                 was.file_names != set.file_names)) {
                lines.push_back("> set " + set.name + ": files hold other entries");
            }
        }
    }
}

} // namespace

std::string print_toml(const RuleSet& rules) {
    std::string text = "schema = " + std::to_string(rules.schema) + "\n";
    add_section(text, "host", without_defaults(fields_of(rules.host), fields_of(Host{})));
    add_section(text, "defaults",
                without_defaults(fields_of(rules.defaults), fields_of(Defaults{})));
    add_section(text, "safety", without_defaults(fields_of(rules.safety), fields_of(Safety{})));
    if (rules.flows.written) { // that it is there means something, so that it is not left empty
        add_section(text, "flows",
                    without_defaults(fields_of(rules.flows), fields_of(Flows{}), {"max"}));
    }
    add_section(text, "guard", without_defaults(fields_of(rules.guard), fields_of(Guard{})));
    for (const Zone& zone : rules.zones) {
        text += "\n[zone." + toml_key(zone.name) + "]\n";
        add_fields(text, without_defaults(fields_of(zone), fields_of(Zone{})));
    }
    for (const Set& set : rules.sets) {
        text += "\n[set." + toml_key(set.name) + "]\n";
        add_fields(text, without_defaults(fields_of(set), fields_of(Set{}), {"type"}));
    }
    for (const Inspect& inspect : rules.inspects) {
        text += "\n[inspect." + toml_key(inspect.name) + "]\n";
        add_fields(text, without_defaults(fields_of(inspect), fields_of(Inspect{})));
        add_upstream(text, inspect);
        for (const InspectRule& rule : inspect.rules) {
            text += "\n[[inspect." + toml_key(inspect.name) + ".rule]]\n";
            add_fields(text,
                       without_defaults(fields_of(rule), fields_of(InspectRule{}), {"action"}));
        }
    }
    for (const Limit& limit : rules.limits) {
        text += "\n[limit." + toml_key(limit.name) + "]\n";
        add_fields(text, without_defaults(fields_of(limit), fields_of(Limit{})));
    }
    for (const Rule& rule : rules.rules) {
        text += "\n[[rule]]\nname = " + toml_string(rule.name) + "\n";
        add_fields(text,
                   without_defaults(fields_of(rule), fields_of(Rule{}), {"priority", "action"}));
    }
    return text;
}

std::string print_match(const Match& match) {
    std::string text;
    for (const Field& field : fields_of(match)) {
        // Zones have a column of their own; the protocol needs no name: "tcp dport 22".
        if (field.key == "in" || field.key == "out") {
            continue;
        }
        text += text.empty() ? "" : " ";
        text += field.key == "proto" ? "" : field.key + " ";
        text += values_text(field, field.key == "tcp_flags" ? "|" : ",", values_shown_max);
    }
    return text;
}

std::string print_zones(const std::vector<ZoneItem>& zones) {
    std::vector<std::string> words;
    words.reserve(zones.size());
    for (const ZoneItem& item : zones) {
        words.push_back(word_of(item));
    }
    return words.empty() ? "*" : join(words, ",");
}

std::string_view to_string(Action action) {
    switch (action) {
    case Action::accept:
        return "accept";
    case Action::drop:
        return "drop";
    case Action::reject:
        return "reject";
    case Action::inspect:
        return "inspect";
    case Action::mark:
        return "mark";
    case Action::count:
        return "count";
    }
    return {};
}

std::vector<std::string> compare(const RuleSet& before, const RuleSet& after) {
    const std::vector<Section> old_sections = sections_of(before);
    const std::vector<Section> new_sections = sections_of(after);
    const Index old_index = index_of(old_sections);
    const Index new_index = index_of(new_sections);
    std::vector<std::string> lines;
    for (const Section& section : new_sections) {
        const auto was = old_index.find(title(section));
        if (was == old_index.end()) {
            lines.push_back(added(section));
        } else {
            compare_sections(*was->second, section, lines);
        }
    }
    for (const Section& section : old_sections) {
        if (new_index.count(title(section)) == 0) {
            lines.push_back("- " + title(section));
        }
    }
    compare_files(before, after, lines);
    return lines;
}

} // namespace pc
