// SPDX-License-Identifier: GPL-3.0-or-later
// Names to contents, for the compiler: lists with their sets, negations and exclusions resolved.
#pragma once

#include <map>

#include "rules/address_list.h"
#include "rules/result.h"
#include "rules/rule.h"

namespace pc {

// Remembers each set it has resolved. The rule set and the environment must outlive it.
class Resolver {
public:
    Resolver(const RuleSet& rules, const Environment& environment)
        : rules_(rules), environment_(environment) {}

    // Does the set get and lose entries while the rules run?
    [[nodiscard]] bool is_dynamic(const std::string& name) const;

    // The addresses that match a list: all of them for a list that is not named. Dynamic sets are
    // empty here: what they hold is not compiled.
    [[nodiscard]] Result<AddressList> addresses(const std::vector<AddressItem>& items);

    // The numbers from 0 to `highest` that match a list.
    [[nodiscard]] Result<pc_number_set> numbers(const std::vector<NumberItem>& items,
                                                uint32_t highest);

private:
    [[nodiscard]] Result<AddressList> any_of(const std::vector<AddressItem>& items, bool negated);
    [[nodiscard]] Result<const AddressList*> address_set(const std::string& name);
    [[nodiscard]] Result<AddressList> make_address_set(const std::string& name);
    [[nodiscard]] Result<AddressList> made_of(const Set& set);
    [[nodiscard]] Result<const pc_number_set*> number_set(const std::string& name);
    [[nodiscard]] Result<pc_number_set> made_of_numbers(const Set& set);
    [[nodiscard]] const Set* find(const std::string& name) const;

    const RuleSet& rules_;
    const Environment& environment_;
    std::map<std::string, AddressList> address_sets_;
    std::map<std::string, pc_number_set> number_sets_;
    std::vector<std::string> open_; // being resolved: a name that comes again here is a cycle
};

void add_numbers(pc_number_set& set, const NumberRange& range);
[[nodiscard]] bool has_number(const pc_number_set& set, uint32_t number);

} // namespace pc
