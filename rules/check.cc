// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/check.h"

#include <algorithm>
#include <map>
#include <set>

#include "rules/check_inspect.h"
#include "rules/check_limits.h"
#include "rules/check_names.h"
#include "rules/check_shadow.h"
#include "rules/words.h"

namespace pc {

namespace {

constexpr size_t interfaces_max = 1024;

// Which rules have errors of their own, by the places of the errors. They stand for less than what
// was written: a warning about them could be wrong.
class Soundness {
public:
    Soundness(const RuleSet& rules, const Diagnostics& diagnostics) {
        if (!diagnostics.has_errors()) {
            return;
        }
        std::map<Place, bool> starts; // true: of a rule
        const auto add = [&](const auto& tables, bool is_rule) {
            for (const auto& table : tables) {
                starts.emplace(Place(table.at.file, table.at.line), is_rule);
            }
        };
        add(rules.rules, true);
        add(rules.zones, false);
        add(rules.sets, false);
        add(rules.inspects, false);
        for (const Inspect& inspect : rules.inspects) {
            add(inspect.rules, false);
        }
        add(rules.limits, false);
        for (const Diagnostic& diagnostic : diagnostics.list) {
            if (diagnostic.severity != Severity::error) {
                continue;
            }
            all_ = false;
            // The last table that begins at or before the error.
            auto table = starts.upper_bound({diagnostic.at.file, diagnostic.at.line});
            if (table == starts.begin() || !(--table)->second) {
                sections_ = false;
            } else {
                rules_.insert(table->first);
            }
        }
    }

    [[nodiscard]] bool is_sound(const Rule& rule) const {
        return !rules_.contains({rule.at.file, rule.at.line});
    }

    // All that rules refer to.
    [[nodiscard]] bool sections() const { return sections_; }

    [[nodiscard]] bool all() const { return all_; }

private:
    using Place = std::pair<uint32_t, uint32_t>; // file and line

    std::set<Place> rules_;
    bool sections_ = true;
    bool all_ = true;
};

void warn(Diagnostics& diagnostics, std::string_view code, const Location& at,
          std::string message) {
    diagnostics.add({Severity::warning,
                     std::string(code),
                     Location{at.file, at.line, at.col, 0, 0},
                     std::move(message),
                     {},
                     {}});
}

// Globs of "*" and "?": whether some name matches both.
bool globs_meet(std::string_view a, std::string_view b) {
    // reach[j]: the part of `a` so far and the first j of `b` can stand for the same text.
    std::vector<char> reach(b.size() + 1, 0);
    reach[0] = 1;
    for (size_t j = 0; j < b.size() && b[j] == '*'; ++j) {
        reach[j + 1] = 1;
    }
    for (const char c : a) {
        std::vector<char> next(b.size() + 1, 0);
        next[0] = static_cast<char>(c == '*' && reach[0] != 0);
        for (size_t j = 0; j < b.size(); ++j) {
            const bool star = c == '*' || b[j] == '*';
            const bool same = c == b[j] || c == '?' || b[j] == '?';
            next[j + 1] = static_cast<char>((star && (reach[j + 1] != 0 || next[j] != 0)) ||
                                            ((star || same) && reach[j] != 0));
        }
        reach = std::move(next);
    }
    return reach.back() != 0;
}

bool vlans_meet(const Zone& a, const Zone& b) {
    return a.vlans.empty() || b.vlans.empty() ||
           std::any_of(a.vlans.begin(), a.vlans.end(), [&](uint32_t vlan) {
               return std::find(b.vlans.begin(), b.vlans.end(), vlan) != b.vlans.end();
           });
}

// The first interface of `a` that `b` has as well, with a VLAN of both.
const std::string* shared_interface(const Zone& a, const Zone& b) {
    if (!vlans_meet(a, b)) {
        return nullptr;
    }
    const auto found =
        std::find_if(a.interfaces.begin(), a.interfaces.end(), [&](const std::string& name) {
            return std::any_of(b.interfaces.begin(), b.interfaces.end(),
                               [&](const std::string& other) { return globs_meet(name, other); });
        });
    return found == a.interfaces.end() ? nullptr : &*found;
}

void check_zones(const RuleSet& rules, Diagnostics& diagnostics) {
    size_t interfaces = 0;
    for (const Zone& zone : rules.zones) {
        interfaces += zone.interfaces.size();
        if (interfaces > interfaces_max) {
            diagnostics.add(
                {Severity::error,
                 "E070",
                 zone.at,
                 "the zones name more than " + std::to_string(interfaces_max) + " interfaces",
                 {},
                 "use globs: interfaces = [\"ppp*\"]"});
            return;
        }
    }
    for (size_t i = 0; i < rules.zones.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
            const std::string* name = shared_interface(rules.zones[i], rules.zones[j]);
            if (name == nullptr) {
                continue;
            }
            diagnostics.add({Severity::error,
                             "E071",
                             rules.zones[i].at,
                             "interface '" + *name + "' is in two zones, [zone." +
                                 rules.zones[j].name + "] and [zone." + rules.zones[i].name + "]",
                             {Note{"[zone." + rules.zones[j].name + "] is in " +
                                   place(rules.zones[j].at, rules.files)}},
                             "give each zone its own `vlan` ids, or \"untagged\""});
        }
    }
}

// All inspectors are one program, with one mark for its own packets.
void check_inspects(const RuleSet& rules, Diagnostics& diagnostics) {
    const Inspect* marked = nullptr;
    for (const Inspect& inspect : rules.inspects) {
        if (inspect.mark && marked != nullptr && *inspect.mark != *marked->mark) {
            diagnostics.add(
                {Severity::error,
                 "E072",
                 inspect.at,
                 "[inspect." + inspect.name + "] and [inspect." + marked->name +
                     "] have different marks",
                 {Note{"[inspect." + marked->name + "] is in " + place(marked->at, rules.files)}},
                 "give both the same mark, or none"});
        }
        marked = inspect.mark && marked == nullptr ? &inspect : marked;
    }
}

void check_set_use(const RuleSet& rules, Diagnostics& diagnostics) {
    std::set<std::string, std::less<>> used;
    const auto use = [&](const auto& items) {
        for (const auto& item : items) {
            if (!item.set.empty()) {
                used.insert(item.set);
            }
        }
    };
    for (const Rule& rule : rules.rules) {
        use(rule.match.src);
        use(rule.match.dst);
        use(rule.match.proto);
        use(rule.match.sport);
        use(rule.match.dport);
    }
    for (const Inspect& inspect : rules.inspects) {
        use(inspect.exclude);
        for (const InspectRule& rule : inspect.rules) {
            use(rule.host);
            use(rule.client);
        }
    }
    use(rules.guard.except);
    for (const Set& set : rules.sets) {
        use(set.addresses);
        use(set.exclude);
        use(set.numbers);
        use(set.exclude_numbers);
    }
    for (const std::string& line : rules.safety.protect) {
        for (size_t at = line.find('@'); at != std::string::npos; at = line.find('@', at + 1)) {
            const size_t end = line.find_first_of(" :>", at);
            const bool arrow = end != std::string::npos && line[end] == '>';
            used.insert(line.substr(at + 1, end - at - (arrow ? 2 : 1)));
        }
    }
    for (const Set& set : rules.sets) {
        if (!used.contains(set.name)) {
            warn(diagnostics, "W110", set.at, "set '" + set.name + "' has no references");
        }
    }
}

void check_limit_use(const RuleSet& rules, Diagnostics& diagnostics) {
    for (const Limit& limit : rules.limits) {
        if (std::none_of(rules.rules.begin(), rules.rules.end(),
                         [&](const Rule& rule) { return rule.limit == limit.name; })) {
            warn(diagnostics, "W110", limit.at, "no rule has limit '" + limit.name + "'");
        }
    }
}

void check_dates(const RuleSet& rules, const Environment& environment, Diagnostics& diagnostics) {
    for (const Rule& rule : rules.rules) {
        if (rule.until && environment.today && *rule.until < *environment.today && !rule.disabled) {
            warn(diagnostics, "W120", rule.at,
                 "'until' of rule '" + rule.name + "' is in the past (" + word_of(*rule.until) +
                     "); the rule is off");
        }
    }
}

} // namespace

void check(const RuleSet& rules, const Environment& environment, Diagnostics& diagnostics,
           const Progress& progress) {
    tell_progress(progress, Phase::checking, 0, rules.rules.size());
    Contents contents(rules, environment);
    check_names(rules, contents, diagnostics);
    check_zones(rules, diagnostics);
    check_inspects(rules, diagnostics);
    check_inspect_rules(rules, contents, diagnostics);
    check_limits(rules, environment, contents, diagnostics);
    const Soundness soundness(rules, diagnostics);
    if (soundness.sections()) {
        check_shadows(
            rules, environment, contents,
            [&](const Rule& rule) { return soundness.is_sound(rule); }, diagnostics, progress);
    }
    if (soundness.all()) {
        check_inspect_shadows(rules, diagnostics);
        check_set_use(rules, diagnostics);
        check_limit_use(rules, diagnostics);
    }
    check_dates(rules, environment, diagnostics);
    sort(diagnostics);
}

} // namespace pc
