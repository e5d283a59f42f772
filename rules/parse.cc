// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/parse.h"

#include <algorithm>
#include <map>

#include "rules/check_names.h"
#include "rules/parse_sections.h"

namespace pc {

namespace {

constexpr size_t files_max = 1000;
constexpr size_t include_depth_max = 16;
constexpr size_t sets_max = 4096; // bounds how deep sets of sets can nest
// Half of what there are ids for: those before a commit and those after it have different ones.
constexpr size_t limits_max = PC_LIMITS_MAX / 2 - 1;
constexpr uint32_t priority_step = 10;

struct Document {
    uint32_t file = 0;
    TomlNode tree;
};

// "./a/../b.toml" -> "b.toml", so that a file is known again.
std::string normal_path(std::string_view path) {
    const bool absolute = path.starts_with("/");
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const size_t slash = std::min(path.find('/'), path.size());
        const std::string_view part = path.substr(0, slash);
        path.remove_prefix(std::min(slash + 1, path.size()));
        if (part == ".." && !parts.empty() && parts.back() != "..") {
            parts.pop_back();
        } else if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
    }
    std::string text;
    for (const std::string_view part : parts) {
        text += (text.empty() && !absolute ? "" : "/") + std::string(part);
    }
    return text;
}

// The files of a configuration, each read once.
class Loader {
public:
    explicit Loader(Reading& reading) : reading_(reading) {}

    void load(uint32_t file, size_t depth) {
        RuleSet& rules = reading_.rules;
        const std::string path = normal_path(rules.files[file].path);
        seen_.insert_or_assign(path, file);
        auto tree = read_toml(rules.files, file, reading_.diagnostics);
        if (!tree) {
            ++reading_.errors;
            return;
        }
        documents_.push_back({file, *std::move(tree)});
        // Loading more may move the documents.
        const TomlEntry* found = documents_.back().tree.find("include");
        if (found == nullptr) {
            return;
        }
        const TomlEntry include = *found;
        open_.push_back(path);
        for (const TomlNode* pattern : read_list(reading_, include, EmptyList::allowed)) {
            load_matches(file, *pattern, depth);
        }
        open_.pop_back();
    }

    [[nodiscard]] const std::vector<Document>& documents() const { return documents_; }

private:
    void load_matches(uint32_t from, const TomlNode& pattern, size_t depth) {
        RuleSet& rules = reading_.rules;
        if (pattern.kind != TomlKind::string || pattern.text.empty()) {
            reading_.error("E010", pattern.at, "'include' takes names of files as strings",
                           "include = [\"rules.d/*.toml\"]");
            return;
        }
        if (depth >= include_depth_max) {
            reading_.error("E004", pattern.at, "files include each other more than 16 deep");
            return;
        }
        Result<std::vector<SourceFile>> matches =
            reading_.read(rules.files[from].path, pattern.text);
        if (!matches.ok()) {
            reading_.error("E003", pattern.at, matches.error().message);
            return;
        }
        for (SourceFile& match : matches.value()) {
            if (refuse(match.path, pattern.at)) {
                continue;
            }
            rules.files.push_back(std::move(match));
            load(static_cast<uint32_t>(rules.files.size() - 1), depth + 1);
        }
    }

    bool refuse(const std::string& path, const Location& at) {
        const std::string known = normal_path(path);
        const auto cycle = std::find(open_.begin(), open_.end(), known);
        if (cycle != open_.end()) {
            std::string text;
            for (auto step = cycle; step != open_.end(); ++step) {
                text += *step + " -> ";
            }
            reading_.error("E004", at, "files include each other: " + text + known);
            return true;
        }
        if (seen_.contains(known)) {
            reading_.error("E004", at, "'" + path + "' is included twice");
            return true;
        }
        if (reading_.rules.files.size() >= files_max) {
            reading_.error("E004", at, "more than " + std::to_string(files_max) + " files");
            return true;
        }
        return false;
    }

    Reading& reading_;
    std::vector<Document> documents_;
    std::vector<std::string> open_;
    std::map<std::string, uint32_t> seen_;
};

void check_top_keys(Reading& reading, const Document& document) {
    const KeyNames names{{"schema", "include", "host", "defaults", "safety", "flows", "guard",
                          "zone", "set", "inspect", "limit", "rule"},
                         {"feed", "flowspec", "rtbh", "fleet", "crowdsec", "export"}};
    refuse_unknown_keys(reading, document.tree, names, "a rule file");
    for (const TomlEntry& entry : document.tree.entries) {
        if (std::find(names.later.begin(), names.later.end(), entry.key) == names.later.end()) {
            continue;
        }
        const bool named = entry.key == "feed" || entry.key == "export";
        if (!named || entry.value.entries.empty()) {
            reading.error("E013", entry.key_at, "[" + entry.key + "] is not yet supported");
            continue;
        }
        for (const TomlEntry& inner : entry.value.entries) {
            reading.error("E013", inner.key_at,
                          "[" + entry.key + "." + inner.key + "] is not yet supported");
        }
    }
}

void check_schema(Reading& reading, const Document& document) {
    const TomlEntry* schema = document.tree.find("schema");
    if (schema == nullptr) {
        if (document.file == 0) {
            reading.error("E005", Location{0, 1, 1, 1, 0}, "'schema' is missing",
                          "begin the file with: schema = 1");
        }
        return;
    }
    if (schema->value.kind != TomlKind::integer || schema->value.integer != 1) {
        reading.error("E005", schema->value.at, "this version reads schema 1 only", "schema = 1");
    }
}

// [host], [defaults] and their like stand once in all files.
const TomlEntry* the_only(Reading& reading, const std::vector<Document>& documents,
                          std::string_view key) {
    const TomlEntry* first = nullptr;
    for (const Document& document : documents) {
        const TomlEntry* entry = document.tree.find(key);
        if (entry != nullptr && first != nullptr) {
            reading.error("E015", entry->value.at, "[" + std::string(key) + "] is given twice", {},
                          {Note{"first in " + place(first->key_at, reading.rules.files)}});
        }
        first = first == nullptr ? entry : first;
    }
    return first;
}

// Calls `read` for each [KEY.NAME] of all files, at most `max` times.
void read_named(Reading& reading, const std::vector<Document>& documents, std::string_view key,
                size_t max, void (*read)(Reading&, const TomlEntry&)) {
    std::map<std::string, Location> seen;
    for (const Document& document : documents) {
        const TomlEntry* section = document.tree.find(key);
        if (section == nullptr ||
            !check_table(reading, *section, "[" + std::string(key) + ".NAME]")) {
            continue;
        }
        for (const TomlEntry& entry : section->value.entries) {
            const std::string where = "[" + std::string(key) + "." + entry.key + "]";
            const auto [first, added] = seen.emplace(entry.key, entry.key_at);
            if (!added) {
                reading.error("E015", entry.key_at, where + " is defined twice", {},
                              {Note{"first in " + place(first->second, reading.rules.files)}});
            } else if (seen.size() > max) {
                reading.error("E070", entry.key_at,
                              "more than " + std::to_string(max) + " tables [" + std::string(key) +
                                  ".NAME]");
                return;
            } else if (entry.value.kind != TomlKind::table) {
                reading.error("E010", entry.key_at,
                              where + " must be a table, not " +
                                  std::string(kind_name(entry.value.kind)),
                              "the keys of " + std::string(key) + "s stand under [" +
                                  std::string(key) + ".NAME]");
            } else {
                read(reading, entry);
            }
        }
    }
}

std::vector<WrittenRule> read_rules(Reading& reading, const std::vector<Document>& documents) {
    std::vector<WrittenRule> rules;
    std::map<std::string, Location> names;
    for (const Document& document : documents) {
        const TomlEntry* section = document.tree.find("rule");
        if (section == nullptr) {
            continue;
        }
        if (section->value.kind != TomlKind::array) {
            reading.error("E010", section->key_at, "rules are written [[rule]], in double brackets",
                          "[[rule]]");
            continue;
        }
        rules.reserve(rules.size() + section->value.items.size());
        for (const TomlNode& table : section->value.items) {
            tell_progress(reading.progress, Phase::reading, rules.size(),
                          section->value.items.size());
            if (table.kind != TomlKind::table) {
                reading.error("E010", table.at, "a rule must be a table", "[[rule]]");
                continue;
            }
            if (rules.size() == PC_RULES_MAX) {
                reading.error("E070", table.at,
                              "more than " + std::to_string(PC_RULES_MAX) + " rules");
                return rules;
            }
            rules.push_back(read_rule(reading, table));
            const TomlEntry* name = table.find("name");
            const std::string& text = rules.back().rule.name;
            if (text.empty()) {
                continue;
            }
            const auto [first, added] = names.emplace(text, name->value.at);
            if (!added) {
                reading.error("E015", name->value.at, "another rule is named '" + text + "'", {},
                              {Note{"in " + place(first->second, reading.rules.files)}});
            }
        }
    }
    return rules;
}

// "195, 205": what operators would choose, or the next free ones.
std::string free_nearby(const std::map<uint32_t, const Rule*>& taken, uint32_t priority) {
    constexpr uint32_t half_step = priority_step / 2;
    const auto is_free = [&](int64_t number) {
        return number >= 0 && number <= priority_max &&
               !taken.contains(static_cast<uint32_t>(number));
    };
    int64_t below = int64_t{priority} - half_step;
    int64_t above = int64_t{priority} + half_step;
    for (below = is_free(below) ? below : priority; below >= 0 && !is_free(below);) {
        --below;
    }
    for (above = is_free(above) ? above : priority; above <= priority_max && !is_free(above);) {
        ++above;
    }
    std::string text = "free nearby:";
    text += below >= 0 ? " " + std::to_string(below) : "";
    text += below >= 0 && above <= priority_max ? "," : "";
    return text + (above <= priority_max ? " " + std::to_string(above) : "");
}

// A rule without a priority gets that of the one before it + 10.
void give_priorities(Reading& reading, std::vector<WrittenRule>& entries) {
    std::map<uint32_t, const Rule*> taken;
    uint32_t previous = 0;
    for (WrittenRule& entry : entries) {
        const bool given = entry.priority.has_value();
        const uint32_t priority = given ? *entry.priority : previous + priority_step;
        if (priority > priority_max) {
            reading.error("E050", entry.rule.at, "no priority is left for this rule",
                          "give the rules before it lower priorities");
            continue;
        }
        entry.rule.priority = priority;
        previous = priority;
        const auto [first, added] = taken.emplace(priority, &entry.rule);
        if (!added) {
            reading.error("E052", given ? entry.priority_at : entry.rule.at,
                          "priority " + std::to_string(priority) + " is already taken",
                          reading.errors < diagnostics_max ? free_nearby(taken, priority) : "",
                          {Note{"by rule '" + first->second->name + "', " +
                                place(first->second->at, reading.rules.files)}});
        }
    }
}

std::vector<std::string> names_of_sets(const std::vector<Document>& documents) {
    std::vector<std::string> names;
    for (const Document& document : documents) {
        if (const TomlEntry* sets = document.tree.find("set")) {
            for (const TomlEntry& entry : sets->value.entries) {
                names.push_back(entry.key);
            }
        }
    }
    return names;
}

void read_sections(Reading& reading, const std::vector<Document>& documents) {
    reading.set_names = names_of_sets(documents);
    for (const Document& document : documents) {
        check_schema(reading, document);
        check_top_keys(reading, document);
    }
    if (const TomlEntry* host = the_only(reading, documents, "host")) {
        read_host(reading, *host);
    }
    if (const TomlEntry* defaults = the_only(reading, documents, "defaults")) {
        read_defaults(reading, *defaults);
    }
    std::vector<NamedSet> protect_sets;
    if (const TomlEntry* safety = the_only(reading, documents, "safety")) {
        read_safety(reading, *safety, protect_sets);
    }
    if (const TomlEntry* flows = the_only(reading, documents, "flows")) {
        read_flows(reading, *flows);
    }
    read_named(reading, documents, "zone", PC_ZONES_MAX - 1, read_zone);
    read_named(reading, documents, "set", sets_max, read_set);
    reading.sets.emplace(reading.rules, reading.nowhere);
    if (const TomlEntry* guard = the_only(reading, documents, "guard")) {
        read_guard(reading, *guard);
    }
    read_named(reading, documents, "inspect", PC_INSPECTS_MAX - 1, read_inspect);
    read_named(reading, documents, "limit", limits_max, read_limit);
    for (const NamedSet& set : protect_sets) {
        if (auto error =
                check_set_name(reading.rules, *reading.sets, set.name, SetType::prefix, set.at)) {
            reading.diagnostics.add(*std::move(error));
        }
    }
    std::vector<WrittenRule> entries = read_rules(reading, documents);
    give_priorities(reading, entries);
    // A rule is large: it is moved once.
    std::vector<WrittenRule*> order;
    order.reserve(entries.size());
    for (WrittenRule& entry : entries) {
        order.push_back(&entry);
    }
    std::stable_sort(order.begin(), order.end(), [](const WrittenRule* a, const WrittenRule* b) {
        return a->rule.priority < b->rule.priority;
    });
    reading.rules.rules.reserve(entries.size());
    for (WrittenRule* entry : order) {
        entry->rule.family = reading.rules.defaults.family;
        reading.rules.rules.push_back(std::move(entry->rule));
    }
}

} // namespace

Parsed parse(SourceFile main, const ReadFiles& read, const Progress& progress) {
    Parsed parsed;
    parsed.rules.files.push_back(std::move(main));
    Reading reading{parsed.rules, parsed.diagnostics, read, progress, {}, {}, std::nullopt, 0};
    Loader loader(reading);
    loader.load(0, 0);
    read_sections(reading, loader.documents());
    sort(parsed.diagnostics);
    return parsed;
}

} // namespace pc
