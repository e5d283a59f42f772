// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/resolve.h"

#include <algorithm>

namespace pc {

namespace {

constexpr size_t words = sizeof(pc_number_set::bits) / sizeof(uint64_t);

template <typename Item>
bool has_positive(const std::vector<Item>& items) {
    return std::any_of(items.begin(), items.end(), [](const Item& item) { return !item.negated; });
}

void unite(pc_number_set& set, const pc_number_set& other) {
    for (size_t i = 0; i < words; i++) {
        set.bits[i] |= other.bits[i];
    }
}

void subtract(pc_number_set& set, const pc_number_set& other) {
    for (size_t i = 0; i < words; i++) {
        set.bits[i] &= ~other.bits[i];
    }
}

Error no_such_set(const std::string& name) {
    return {.err = 0, .message = "no set is named " + name};
}

Error wrong_type(const std::string& name) {
    return {.err = 0, .message = "set " + name + " is of another type than its use asks for"};
}

} // namespace

void add_numbers(pc_number_set& set, const NumberRange& range) {
    const uint32_t high = std::min(range.high, 65535U);
    for (uint32_t word = range.low / 64; word <= high / 64; word++) {
        const uint32_t from = std::max(range.low, word * 64) % 64;
        const uint32_t to = std::min(high, word * 64 + 63) % 64;
        set.bits[word] |= (~0ULL << from) & (~0ULL >> (63 - to));
    }
}

bool has_number(const pc_number_set& set, uint32_t number) {
    return number < 65536 && (set.bits[number / 64] >> (number % 64) & 1) != 0;
}

const Set* Resolver::find(const std::string& name) const {
    const auto found = std::find_if(rules_.sets.begin(), rules_.sets.end(),
                                    [&](const Set& set) { return set.name == name; });
    return found == rules_.sets.end() ? nullptr : &*found;
}

bool Resolver::is_dynamic(const std::string& name) const {
    const Set* set = find(name);
    return name == blocks_set || (set != nullptr && set->dynamic.has_value());
}

Result<AddressList> Resolver::addresses(const std::vector<AddressItem>& items) {
    AddressList list = every_address();
    if (has_positive(items)) {
        list = TRY(any_of(items, false));
    }
    return without(list, TRY(any_of(items, true)));
}

// The union of the items with this sign.
Result<AddressList> Resolver::any_of(const std::vector<AddressItem>& items, bool negated) {
    AddressList list;
    for (const AddressItem& item : items) {
        if (item.negated != negated) {
            continue;
        }
        if (item.set.empty()) {
            append(list, item.range);
        } else {
            append(list, *TRY(address_set(item.set)));
        }
    }
    normalize(list);
    return list;
}

Result<const AddressList*> Resolver::address_set(const std::string& name) {
    const auto known = address_sets_.find(name);
    if (known != address_sets_.end()) {
        return &known->second;
    }
    if (std::find(open_.begin(), open_.end(), name) != open_.end()) {
        return Error{.err = 0, .message = "set " + name + " contains itself"};
    }
    open_.push_back(name);
    AddressList list = TRY(make_address_set(name));
    open_.pop_back();
    return &address_sets_.emplace(name, std::move(list)).first->second;
}

Result<AddressList> Resolver::make_address_set(const std::string& name) {
    AddressList list;
    if (name == "any") {
        return every_address();
    }
    if (name == "self") {
        append(list, environment_.self);
    } else if (name == "bogons") {
        append(list, bogons());
    } else if (name == "management" && !rules_.host.management.empty()) {
        list = TRY(addresses(rules_.host.management));
    } else if (name == "local") {
        if (rules_.host.local.empty()) {
            append(list, environment_.local);
        } else {
            list = TRY(addresses(rules_.host.local));
        }
        for (const Zone& zone : rules_.zones) {
            if (!zone.prefixes.empty()) {
                append(list, TRY(addresses(zone.prefixes)));
            }
        }
    } else if (name != "management" && name != blocks_set) {
        const Set* set = find(name);
        if (set == nullptr) {
            return no_such_set(name);
        }
        return made_of(*set);
    }
    normalize(list);
    return list;
}

// A set without any item is empty: unlike a list of a rule, it is always meant.
Result<AddressList> Resolver::made_of(const Set& set) {
    if (set.type != SetType::prefix) {
        return wrong_type(set.name);
    }
    AddressList list;
    if (set.dynamic) {
        return list;
    }
    if (set.files.empty() && !set.addresses.empty() && !has_positive(set.addresses)) {
        list = every_address();
    } else {
        list = TRY(any_of(set.addresses, false));
        append(list, set.file_addresses);
        normalize(list);
    }
    list = without(list, TRY(any_of(set.addresses, true)));
    if (!set.exclude.empty()) {
        list = without(list, TRY(addresses(set.exclude)));
    }
    return list;
}

Result<pc_number_set> Resolver::numbers(const std::vector<NumberItem>& items, uint32_t highest) {
    pc_number_set positive{};
    pc_number_set negative{};
    if (!has_positive(items)) {
        add_numbers(positive, {.low = 0, .high = highest});
    }
    for (const NumberItem& item : items) {
        pc_number_set& target = item.negated ? negative : positive;
        if (item.set.empty()) {
            add_numbers(target,
                        {.low = item.range.low, .high = std::min(item.range.high, highest)});
        } else {
            unite(target, *TRY(number_set(item.set)));
        }
    }
    subtract(positive, negative);
    return positive;
}

Result<const pc_number_set*> Resolver::number_set(const std::string& name) {
    const auto known = number_sets_.find(name);
    if (known != number_sets_.end()) {
        return &known->second;
    }
    if (std::find(open_.begin(), open_.end(), name) != open_.end()) {
        return Error{.err = 0, .message = "set " + name + " contains itself"};
    }
    const Set* set = find(name);
    if (set == nullptr) {
        return no_such_set(name);
    }
    open_.push_back(name);
    const pc_number_set numbers = TRY(made_of_numbers(*set));
    open_.pop_back();
    return &number_sets_.emplace(name, numbers).first->second;
}

Result<pc_number_set> Resolver::made_of_numbers(const Set& set) {
    if (set.type == SetType::prefix || set.type == SetType::name) {
        return wrong_type(set.name);
    }
    const uint32_t highest = set.type == SetType::port ? 65535 : 255;
    pc_number_set numbers{};
    if (!set.numbers.empty() && (set.files.empty() || has_positive(set.numbers))) {
        numbers = TRY(this->numbers(set.numbers, highest));
    }
    pc_number_set negative{};
    for (const NumberRange& range : set.file_numbers) {
        add_numbers(numbers, {.low = range.low, .high = std::min(range.high, highest)});
    }
    for (const NumberItem& item : set.numbers) {
        if (item.negated && item.set.empty()) {
            add_numbers(negative, item.range);
        } else if (item.negated) {
            unite(negative, *TRY(number_set(item.set)));
        }
    }
    if (!set.exclude_numbers.empty()) {
        unite(negative, TRY(this->numbers(set.exclude_numbers, highest)));
    }
    subtract(numbers, negative);
    return numbers;
}

} // namespace pc
