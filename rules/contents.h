// SPDX-License-Identifier: GPL-3.0-or-later
// What lists hold, as sorted disjoint ranges: for checks that compare lists. (The compiler has its
// own way, and so has the oracle.)
#pragma once

#include <map>
#include <unordered_map>

#include "rules/rule.h"

namespace pc {

using Numbers = std::vector<NumberRange>; // sorted, disjoint, not adjacent

struct Addresses {
    std::vector<AddressRange> ranges; // sorted, disjoint, not adjacent
    bool known = true; // false: depends on what this machine does not say, as @self in a file check

    bool operator==(const Addresses&) const = default;
};

[[nodiscard]] Numbers united(Numbers ranges);
[[nodiscard]] Numbers without(const Numbers& from, const Numbers& what);
[[nodiscard]] bool covers(const Numbers& outer, const Numbers& inner);
[[nodiscard]] std::vector<AddressRange> united(std::vector<AddressRange> ranges);
[[nodiscard]] std::vector<AddressRange> without(const std::vector<AddressRange>& from,
                                                const std::vector<AddressRange>& what);
[[nodiscard]] bool covers(const std::vector<AddressRange>& outer,
                          const std::vector<AddressRange>& inner);
[[nodiscard]] const std::vector<AddressRange>& all_addresses();

// Resolves each set once. Names that nothing defines hold nothing, as do sets that name themselves.
// The rule set and the environment must outlive it.
class Contents {
public:
    Contents(const RuleSet& rules, const Environment& environment);

    // Equal lists give the same object.
    [[nodiscard]] const Addresses& addresses(const std::vector<AddressItem>& items);
    // `all`: what a list without positive items begins with. Equal lists give the same object.
    [[nodiscard]] const Numbers& numbers(const std::vector<NumberItem>& items,
                                         const NumberRange& all);
    // The values of the flag byte that match one of the items.
    [[nodiscard]] const Numbers& flags(const std::vector<TcpFlagsItem>& items);
    [[nodiscard]] const Addresses& address_set(std::string_view name);
    [[nodiscard]] const Numbers& number_set(std::string_view name);
    [[nodiscard]] const Set* find(std::string_view name) const;

private:
    [[nodiscard]] Addresses built_in(std::string_view name) const;
    [[nodiscard]] Addresses positive(const std::vector<AddressItem>& items,
                                     const std::vector<AddressRange>& more);
    void count(Addresses& addresses);

    const RuleSet& rules_;
    const Environment& environment_;
    std::map<std::string, const Set*, std::less<>> by_name_;
    // By the bytes of their items. There may be as many as rules.
    std::unordered_map<std::string, Addresses> lists_;
    std::unordered_map<std::string, Numbers> number_lists_;
    std::map<std::string, Addresses, std::less<>> addresses_;
    std::map<std::string, Numbers, std::less<>> numbers_;
    size_t ranges_ = 0; // held in all sets: sets of sets may multiply
};

} // namespace pc
