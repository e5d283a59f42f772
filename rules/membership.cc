// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/membership.h"

#include <algorithm>

namespace pc {

namespace {

using Items = std::vector<AddressItem>;

// `depth` counts the sets entered. One that holds itself is an error of the rule file: here it
// ends.
struct Asking {
    const RuleSet& rules;
    const Environment& environment;
    const Address& address;
};

std::optional<Found> in_set(const Asking& asking, const std::string& name, size_t depth);

std::optional<Found> in_item(const Asking& asking, const AddressItem& item, size_t depth) {
    if (!item.set.empty()) {
        return in_set(asking, item.set, depth);
    }
    if (contains(item.range, asking.address)) {
        return Found{to_string(item.range), {}};
    }
    return std::nullopt;
}

bool has_positive(const Items& items) {
    return std::any_of(items.begin(), items.end(),
                       [](const AddressItem& item) { return !item.negated; });
}

bool is_ruled_out(const Asking& asking, const Items& items, size_t depth) {
    return std::any_of(items.begin(), items.end(), [&](const AddressItem& item) {
        return item.negated && in_item(asking, item, depth);
    });
}

std::optional<Found> in_positive(const Asking& asking, const Items& items, size_t depth) {
    for (const AddressItem& item : items) {
        if (item.negated) {
            continue;
        }
        if (std::optional<Found> found = in_item(asking, item, depth)) {
            return found;
        }
    }
    return std::nullopt;
}

std::optional<Found> in_list(const Asking& asking, const Items& items, size_t depth) {
    if (items.empty() || is_ruled_out(asking, items, depth)) {
        return std::nullopt;
    }
    return has_positive(items) ? in_positive(asking, items, depth) : Found{"all others", {}};
}

std::optional<Found> in_local(const Asking& asking, size_t depth) {
    std::optional<Found> found = asking.rules.host.local.empty()
                                     ? find_in_ranges(asking.environment.local, asking.address)
                                     : in_list(asking, asking.rules.host.local, depth);
    for (const Zone& zone : asking.rules.zones) {
        found = found ? found : in_list(asking, zone.prefixes, depth);
    }
    return found;
}

std::optional<Found> in_dynamic(const Asking& asking, const std::string& name) {
    const auto entries = asking.environment.dynamic.find(name);
    return entries == asking.environment.dynamic.end()
               ? std::nullopt
               : find_in_ranges(entries->second, asking.address);
}

std::optional<Found> in_named(const Asking& asking, const Set& set, size_t depth) {
    if (set.dynamic) {
        return in_dynamic(asking, set.name);
    }
    if (in_list(asking, set.exclude, depth) || is_ruled_out(asking, set.addresses, depth)) {
        return std::nullopt;
    }
    if (std::optional<Found> found = find_in_ranges(set.file_addresses, asking.address)) {
        return found;
    }
    const bool from_files = !set.files.empty() || !set.file_addresses.empty();
    if (from_files || set.addresses.empty() || has_positive(set.addresses)) {
        return in_positive(asking, set.addresses, depth);
    }
    return Found{"all others", {}};
}

std::optional<Found> in_built_in(const Asking& asking, const std::string& name, size_t depth) {
    if (name == "any") {
        return Found{};
    }
    if (name == "self") {
        return find_in_ranges(asking.environment.self, asking.address);
    }
    if (name == "local") {
        return in_local(asking, depth);
    }
    if (name == "bogons") {
        return find_in_ranges(bogons(), asking.address);
    }
    if (name == blocks_set) {
        return in_dynamic(asking, name);
    }
    return name == "management" ? in_list(asking, asking.rules.host.management, depth)
                                : std::nullopt;
}

std::optional<Found> in_set(const Asking& asking, const std::string& name, size_t depth) {
    constexpr size_t built_ins = 6;
    if (depth > asking.rules.sets.size() + built_ins) {
        return std::nullopt;
    }
    std::string by = "@" + name;
    std::optional<Found> found = in_built_in(asking, name, depth + 1);
    for (const Set& set : asking.rules.sets) {
        if (set.name == name && set.type == SetType::prefix && !found) {
            by = "set " + name;
            found = in_named(asking, set, depth + 1);
        }
    }
    if (found) {
        found->sets = found->sets.empty() ? by : by + ", " + found->sets;
    }
    return found;
}

// ---- numbers: the same once more

using Numbers = std::vector<NumberItem>;

bool number_in(const RuleSet& rules, const NumberItem& item, SetType type, uint32_t number,
               size_t depth);

bool number_in_list(const RuleSet& rules, const Numbers& items, SetType type, uint32_t number,
                    size_t depth) {
    bool positive = false;
    bool held = false;
    for (const NumberItem& item : items) {
        const bool holds = number_in(rules, item, type, number, depth);
        if (item.negated && holds) {
            return false;
        }
        positive = positive || !item.negated;
        held = held || (!item.negated && holds);
    }
    return held || (!positive && !items.empty());
}

bool number_in_named(const RuleSet& rules, const Set& set, uint32_t number, size_t depth) {
    Numbers items = set.numbers;
    for (const NumberRange& range : set.file_numbers) {
        items.push_back({false, {}, range, {}});
    }
    // A file without a line is a positive item that holds nothing.
    if (!set.files.empty() && set.file_numbers.empty()) {
        items.push_back({false, {}, {1, 0}, {}});
    }
    return number_in_list(rules, items, set.type, number, depth) &&
           !number_in_list(rules, set.exclude_numbers, set.type, number, depth);
}

bool number_in(const RuleSet& rules, const NumberItem& item, SetType type, uint32_t number,
               size_t depth) {
    if (item.set.empty()) {
        return item.range.low <= number && number <= item.range.high;
    }
    if (item.set == "any") {
        return true;
    }
    return depth <= rules.sets.size() &&
           std::any_of(rules.sets.begin(), rules.sets.end(), [&](const Set& set) {
               return set.name == item.set && set.type == type &&
                      number_in_named(rules, set, number, depth + 1);
           });
}

} // namespace

std::optional<Found> find_in_list(const RuleSet& rules, const Environment& environment,
                                  const std::vector<AddressItem>& items, const Address& address) {
    return in_list({rules, environment, address}, items, 0);
}

std::optional<Found> find_in_item(const RuleSet& rules, const Environment& environment,
                                  const AddressItem& item, const Address& address) {
    return in_item({rules, environment, address}, item, 0);
}

bool number_in_item(const RuleSet& rules, const NumberItem& item, SetType type, uint32_t number) {
    return number_in(rules, item, type, number, 0);
}

std::optional<Found> find_in_set(const RuleSet& rules, const Environment& environment,
                                 const std::string& name, const Address& address) {
    return in_set({rules, environment, address}, name, 0);
}

std::optional<Found> find_in_ranges(const std::vector<AddressRange>& ranges,
                                    const Address& address) {
    for (const AddressRange& range : ranges) {
        if (contains(range, address)) {
            return Found{to_string(range), {}};
        }
    }
    return std::nullopt;
}

} // namespace pc
