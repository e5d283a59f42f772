// SPDX-License-Identifier: GPL-3.0-or-later
// The readers of the sections of a rule file. Each takes the table's entry, reports what is wrong
// and adds what is right to the rule set.
#pragma once

#include "rules/parse_items.h"

namespace pc {

// One per table "[host]", "[defaults]", "[safety]".
void read_host(Reading& reading, const TomlEntry& entry);
void read_defaults(Reading& reading, const TomlEntry& entry);

// `protect` names sets: they are checked when all files are read.
struct NamedSet {
    std::string name;
    Location at;
};

void read_safety(Reading& reading, const TomlEntry& entry, std::vector<NamedSet>& protect_sets);

void read_flows(Reading& reading, const TomlEntry& entry);
void read_guard(Reading& reading, const TomlEntry& entry);

// One per entry of [zone], [set], [inspect], [limit].
void read_zone(Reading& reading, const TomlEntry& entry);
void read_set(Reading& reading, const TomlEntry& entry);
void read_inspect(Reading& reading, const TomlEntry& entry);
void read_limit(Reading& reading, const TomlEntry& entry);

// One per [[inspect.NAME.rule]].
void read_inspect_rule(Reading& reading, Inspect& inspect, const TomlNode& table);

// [inspect.NAME.upstream]; `inspect` has its mode.
void read_upstream(Reading& reading, Inspect& inspect, const TomlEntry& entry);

// "200pps" and its kin, else E039.
[[nodiscard]] std::optional<Rate> read_rate(Reading& reading, const TomlEntry& entry,
                                            std::string help);
// "src/24,src6/56"
[[nodiscard]] std::optional<PrefixLengths> read_source_prefix(Reading& reading,
                                                              const TomlEntry& entry);

// The lines of a set's file into the set.
void read_set_file(Reading& reading, Set& set, const Location& named_at, const SourceFile& file);

// A rule as written, and what only its reader knows.
struct WrittenRule {
    Rule rule;
    std::optional<uint32_t> priority;
    Location priority_at;
    bool sound = false; // no errors of its own
};

[[nodiscard]] WrittenRule read_rule(Reading& reading, const TomlNode& table);

// A protect line; its sets go to `sets`. False if reported.
void check_protect(Reading& reading, const TomlNode& node, std::vector<NamedSet>& sets);
void check_probe(Reading& reading, const TomlNode& node);

} // namespace pc
