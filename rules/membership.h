// SPDX-License-Identifier: GPL-3.0-or-later
// Who is in a list or a set, found the slowest clear way: item by item, set by set, file line by
// file line. For the oracle and for `show set NAME match`; the compiler has its own.
//
// A value matches a list if a positive item holds it (or the list has no positive item) and no
// negated item holds it. A named set is such a list, in which the lines of its files are positive
// items too, without what its `exclude` matches; with neither items nor files it holds nothing. A
// dynamic set holds its live entries, which the environment tells.
#pragma once

#include "rules/rule.h"

namespace pc {

// What of a list held the value, and by which sets it was reached.
struct Found {
    std::string element; // "10.0.0.0/8"; empty for @any
    std::string sets;    // "set drop", "set all, set drop", "@local"; empty: the list itself

    bool operator==(const Found&) const = default;
};

// Of a list that a rule, a zone or an inspector names; nothing if it has no items.
[[nodiscard]] std::optional<Found> find_in_list(const RuleSet& rules,
                                                const Environment& environment,
                                                const std::vector<AddressItem>& items,
                                                const Address& address);

// Whether the item without its "!" holds the value.
[[nodiscard]] std::optional<Found> find_in_item(const RuleSet& rules,
                                                const Environment& environment,
                                                const AddressItem& item, const Address& address);
[[nodiscard]] bool number_in_item(const RuleSet& rules, const NumberItem& item, SetType type,
                                  uint32_t number);

// Built-in (any, self, local, bogons, blocks, management) or of the rule file.
[[nodiscard]] std::optional<Found> find_in_set(const RuleSet& rules, const Environment& environment,
                                               const std::string& name, const Address& address);

[[nodiscard]] std::optional<Found> find_in_ranges(const std::vector<AddressRange>& ranges,
                                                  const Address& address);

} // namespace pc
