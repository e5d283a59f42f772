// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/check_names.h"

#include <algorithm>
#include <set>

#include "rules/words.h"

namespace pc {

namespace {

constexpr std::string_view built_in[] = {"any", "self", "local", "bogons", "management", "blocks"};

std::string_view word_of(SetType type) {
    switch (type) {
    case SetType::prefix:
        return "prefix";
    case SetType::port:
        return "port";
    case SetType::proto:
        return "proto";
    case SetType::name:
        return "name";
    }
    return {};
}

bool is_built_in(std::string_view name) {
    return std::find(std::begin(built_in), std::end(built_in), name) != std::end(built_in);
}

Diagnostic error(std::string_view code, const Location& at, std::string message,
                 std::string help = {}) {
    return {Severity::error, std::string(code), at, std::move(message), {}, std::move(help)};
}

// "did you mean '@bad-nets' (rules.toml:52)?"
std::string set_offer(const RuleSet& rules, const Contents& contents, std::string_view name,
                      SetType wanted) {
    std::vector<std::string> names;
    for (const Set& set : rules.sets) {
        if (set.type == wanted) {
            names.push_back(set.name);
        }
    }
    if (wanted == SetType::prefix) {
        names.insert(names.end(), std::begin(built_in), std::end(built_in));
    }
    std::vector<std::string> offers = did_you_mean(name, names);
    for (std::string& offer : offers) {
        const Set* set = contents.find(offer);
        offer.insert(0, "'@");
        offer += "'";
        if (set != nullptr) {
            offer += " (" + place(set->at, rules.files) + ")";
        }
    }
    return offers.empty() ? "" : "did you mean " + join(offers, " or ") + "?";
}

std::string zone_offer(const std::string& name, const std::vector<std::string>& zones) {
    const auto offers = did_you_mean(name, zones);
    if (!offers.empty()) {
        return "did you mean '" + join(offers, "' or '") + "'?";
    }
    return zones.empty() ? "define it: [zone." + name + "]" : "zones: " + join(zones, " ", 10);
}

// Reports through what it holds.
struct NameCheck {
    const RuleSet& rules;
    const Contents& contents;
    Diagnostics& diagnostics;

    void addresses(const std::vector<AddressItem>& items, DynamicNames dynamic) {
        for (const AddressItem& item : items) {
            set(item.set, SetType::prefix, item.at, dynamic);
        }
    }

    void numbers(const std::vector<NumberItem>& items, SetType type) {
        for (const NumberItem& item : items) {
            set(item.set, type, item.at);
        }
    }

    void set(const std::string& name, SetType type, const Location& at,
             DynamicNames dynamic = DynamicNames::refused) {
        if (name.empty() || diagnostics.truncated) {
            return;
        }
        if (auto diagnostic = check_set_name(rules, contents, name, type, at, dynamic)) {
            diagnostics.add(*std::move(diagnostic));
        }
    }

    void zones(const std::vector<ZoneItem>& items, const std::set<std::string>& names) {
        for (const ZoneItem& item : items) {
            if (!names.contains(item.zone) && !diagnostics.truncated) {
                diagnostics.add(error("E022", item.at, "no zone named '" + item.zone + "'",
                                      zone_offer(item.zone, {names.begin(), names.end()})));
            }
        }
    }
};

// Sets that hold, or exclude, themselves by way of others.
class CycleCheck {
public:
    CycleCheck(const Contents& contents, Diagnostics& diagnostics)
        : contents_(contents), diagnostics_(diagnostics) {}

    void visit(const Set& set) {
        if (done_.contains(set.name)) {
            return;
        }
        path_.push_back(set.name);
        const auto follow_all = [this](const auto& items) {
            for (const auto& item : items) {
                follow(item.set, item.at);
            }
        };
        follow_all(set.addresses);
        follow_all(set.exclude);
        follow_all(set.numbers);
        follow_all(set.exclude_numbers);
        path_.pop_back();
        done_.insert(set.name);
    }

private:
    void follow(const std::string& name, const Location& at) {
        const Set* set = name.empty() ? nullptr : contents_.find(name);
        if (set == nullptr) {
            return;
        }
        const auto start = std::find(path_.begin(), path_.end(), name);
        if (start == path_.end()) {
            visit(*set);
            return;
        }
        std::vector<std::string> cycle(start, path_.end());
        cycle.push_back(name);
        diagnostics_.add(
            error("E025", at, "sets refer to each other: @" + join(cycle, " -> @", 10)));
    }

    const Contents& contents_;
    Diagnostics& diagnostics_;
    std::vector<std::string> path_;
    std::set<std::string, std::less<>> done_;
};

void check_sets(NameCheck& names, Diagnostics& diagnostics) {
    CycleCheck cycles(names.contents, diagnostics);
    for (const Set& set : names.rules.sets) {
        names.addresses(set.addresses, DynamicNames::refused);
        names.addresses(set.exclude, DynamicNames::refused);
        names.numbers(set.numbers, set.type);
        names.numbers(set.exclude_numbers, set.type);
        cycles.visit(set);
    }
}

} // namespace

std::optional<Diagnostic> check_set_name(const RuleSet& rules, const Contents& contents,
                                         std::string_view name, SetType wanted, const Location& at,
                                         DynamicNames dynamic) {
    const std::string text(name);
    const Set* set = contents.find(name);
    if (set != nullptr && set->type != wanted) {
        return error("E024", at,
                     "@" + text + " is a set of type \"" + std::string(word_of(set->type)) +
                         "\"; here one of type \"" + std::string(word_of(wanted)) + "\" is needed");
    }
    if (set != nullptr && set->dynamic && dynamic == DynamicNames::refused) {
        return error("E024", at,
                     "@" + text + " is dynamic: only `src` and `dst` of rules can name it",
                     "what stands here is read when the rules are committed");
    }
    if (set != nullptr) {
        return std::nullopt;
    }
    if (!is_built_in(name)) {
        return error("E021", at, "no set named '" + text + "'",
                     set_offer(rules, contents, name, wanted));
    }
    if (wanted != SetType::prefix) {
        return error("E024", at, "@" + text + " holds addresses");
    }
    if (name == blocks_set) {
        return error("E024", at, "@blocks cannot be named",
                     "its sources are dropped before any rule is asked; for lists of your own: "
                     "[set.NAME] with dynamic = true");
    }
    if (name == "management" && rules.host.management.empty()) {
        return error("E026", at, "@management is empty", "[host] management = [\"192.0.2.0/24\"]");
    }
    return std::nullopt;
}

void check_names(const RuleSet& rules, const Contents& contents, Diagnostics& diagnostics) {
    NameCheck names{rules, contents, diagnostics};
    check_sets(names, diagnostics);
    std::set<std::string> zones;
    for (const Zone& zone : rules.zones) {
        zones.insert(zone.name);
    }
    for (const Inspect& inspect : rules.inspects) {
        names.addresses(inspect.exclude, DynamicNames::refused);
        for (const InspectRule& rule : inspect.rules) {
            names.addresses(rule.client, DynamicNames::refused);
            names.zones(rule.zone, zones);
            for (const NameItem& item : rule.host) {
                names.set(item.set, SetType::name, item.at);
            }
        }
    }
    names.addresses(rules.guard.except, DynamicNames::refused);
    for (const Rule& rule : rules.rules) {
        const Match& match = rule.match;
        names.zones(match.in, zones);
        names.zones(match.out, zones);
        names.addresses(match.src, DynamicNames::allowed);
        names.addresses(match.dst, DynamicNames::allowed);
        names.numbers(match.proto, SetType::proto);
        names.numbers(match.sport, SetType::port);
        names.numbers(match.dport, SetType::port);
    }
}

} // namespace pc
