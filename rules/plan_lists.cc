// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/plan_lists.h"

#include <algorithm>
#include <iterator>

namespace pc {

namespace {

uint8_t families_of(const AddressList& list) {
    return static_cast<uint8_t>((list.v4.empty() ? 0 : PC_IPV4) | (list.v6.empty() ? 0 : PC_IPV6));
}

std::string written_as(const std::vector<AddressItem>& items) {
    std::string written;
    for (const AddressItem& item : items) {
        written += item.negated ? "!" : "";
        written += item.set.empty() ? to_string(item.range) : "@" + item.set;
        written += ' ';
    }
    return written;
}

// The first number from `number` on that is held (or is not); 65536: there is none.
uint32_t next_number(const pc_number_set& set, uint32_t number, bool held) {
    while (number < 65536) {
        const uint64_t word = held ? set.bits[number / 64] : ~set.bits[number / 64];
        const uint64_t rest = word >> (number % 64);
        if (rest != 0) {
            return number + static_cast<uint32_t>(__builtin_ctzll(rest));
        }
        number = (number / 64 + 1) * 64;
    }
    return 65536;
}

Error limit(const std::string& what, size_t highest) {
    return {.err = 0, .message = "more than " + std::to_string(highest) + " " + what};
}

} // namespace

PlanLists::PlanLists(const RuleSet& rules, const Environment& environment)
    : resolver_(rules, environment), lists_(1), number_sets_(1), byte_sets_(1), mac_lists_(1) {}

Result<PlanLists::Addresses> PlanLists::addresses(const std::vector<AddressItem>& items,
                                                  const std::vector<AddressItem>& excluded) {
    const std::string key = written_as(items) + "- " + written_as(excluded);
    const auto known = written_.find(key);
    if (known != written_.end()) {
        return known->second;
    }
    PlanList list;
    list.written = key;
    list.addresses = TRY(resolver_.addresses(items));
    if (!excluded.empty()) {
        list.addresses = without(list.addresses, TRY(resolver_.addresses(excluded)));
    }
    TRY(add_dynamic(items, excluded, list));
    const Addresses addresses = TRY(placed(std::move(list)));
    written_.emplace(key, addresses);
    return addresses;
}

// What dynamic sets hold is added to the list, or taken from it, while the rules run.
Result<void> PlanLists::add_dynamic(const std::vector<AddressItem>& items,
                                    const std::vector<AddressItem>& excluded, PlanList& list) {
    std::vector<AddressItem> negative;
    for (const AddressItem& item : items) {
        if (!item.set.empty() && resolver_.is_dynamic(item.set)) {
            list.dynamic.push_back({.set = item.set, .negated = item.negated});
        } else if (item.negated) {
            negative.push_back(item);
            negative.back().negated = false;
        }
    }
    if (list.dynamic.empty()) {
        return {};
    }
    negative.insert(negative.end(), excluded.begin(), excluded.end());
    if (!negative.empty()) {
        list.never = TRY(resolver_.addresses(negative));
    }
    return {};
}

Result<PlanLists::Addresses> PlanLists::placed(PlanList list) {
    Addresses addresses{.set = 0, .prefix = {}, .families = families_of(list.addresses)};
    const bool fixed = list.dynamic.empty();
    if (!fixed) {
        addresses.families = PC_IPV4 | PC_IPV6;
    }
    if (fixed && (empty(list.addresses) || list.addresses == every_address())) {
        return addresses;
    }
    const std::optional<Prefix> prefix = single_prefix(list.addresses);
    if (fixed && prefix) {
        addresses.prefix = *prefix;
        return addresses;
    }
    for (size_t i = 1; i < lists_.size(); i++) {
        if (lists_[i].addresses == list.addresses && lists_[i].dynamic == list.dynamic &&
            lists_[i].never == list.never) {
            addresses.set = static_cast<uint16_t>(i);
            return addresses;
        }
    }
    if (lists_.size() >= PC_ADDR_LISTS_MAX) {
        return limit("different address lists", PC_ADDR_LISTS_MAX - 1);
    }
    addresses.set = static_cast<uint16_t>(lists_.size());
    lists_.push_back(std::move(list));
    return addresses;
}

Result<PlanLists::Numbers> PlanLists::numbers(const std::vector<NumberItem>& items,
                                              uint32_t highest) {
    if (items.empty()) {
        return Numbers{.set = 0, .low = 0, .high = 65535, .empty = false};
    }
    return placed(TRY(resolver_.numbers(items, highest)));
}

Result<PlanLists::Numbers> PlanLists::vlans(const std::vector<NumberItem>& items) {
    return numbers(items, PC_VLAN_NONE);
}

Result<PlanLists::Numbers> PlanLists::placed(const pc_number_set& numbers) {
    Numbers placed;
    const uint32_t low = next_number(numbers, 0, true);
    if (low == 65536) {
        placed.low = 1; // a range that holds nothing
        placed.empty = true;
        return placed;
    }
    const uint32_t end = next_number(numbers, low, false);
    if (next_number(numbers, end, true) == 65536) {
        placed.low = static_cast<uint16_t>(low);
        placed.high = static_cast<uint16_t>(end - 1);
        return placed;
    }
    const std::vector<uint64_t> key(std::begin(numbers.bits), std::end(numbers.bits));
    const auto known = number_lists_.find(key);
    if (known != number_lists_.end()) {
        placed.set = known->second;
        return placed;
    }
    if (number_sets_.size() >= PC_NUMBER_SETS_MAX) {
        return limit("different lists of ports, lengths and VLANs", PC_NUMBER_SETS_MAX - 1);
    }
    placed.set = static_cast<uint16_t>(number_sets_.size());
    number_lists_.emplace(key, placed.set);
    number_sets_.push_back(numbers);
    return placed;
}

Result<PlanLists::Bytes> PlanLists::bytes(const std::vector<NumberItem>& items) {
    if (items.empty()) {
        return Bytes{};
    }
    const pc_number_set numbers = TRY(resolver_.numbers(items, 255));
    pc_byte_set bytes{};
    std::copy_n(std::begin(numbers.bits), std::size(bytes.bits), std::begin(bytes.bits));
    return placed(bytes);
}

Result<PlanLists::Bytes> PlanLists::tcp_flags(const std::vector<TcpFlagsItem>& items) {
    if (items.empty()) {
        return Bytes{};
    }
    pc_byte_set bytes{};
    for (uint32_t flags = 0; flags < 256; flags++) {
        const bool holds = std::any_of(items.begin(), items.end(), [&](const TcpFlagsItem& item) {
            return (flags & item.mask) == item.value;
        });
        if (holds) {
            bytes.bits[flags / 64] |= 1ULL << (flags % 64);
        }
    }
    return placed(bytes);
}

Result<PlanLists::Bytes> PlanLists::placed(const pc_byte_set& bytes) {
    std::array<uint64_t, 4> key{};
    std::copy(std::begin(bytes.bits), std::end(bytes.bits), key.begin());
    if (std::all_of(key.begin(), key.end(), [](uint64_t word) { return word == ~0ULL; })) {
        return Bytes{};
    }
    if (std::all_of(key.begin(), key.end(), [](uint64_t word) { return word == 0; })) {
        return Bytes{.set = 0, .empty = true};
    }
    const auto known = byte_lists_.find(key);
    if (known != byte_lists_.end()) {
        return Bytes{.set = known->second};
    }
    if (byte_sets_.size() >= PC_BYTE_SETS_MAX) {
        return limit("different lists of protocols, types, codes, flags and hop limits",
                     PC_BYTE_SETS_MAX - 1);
    }
    const auto set = static_cast<uint16_t>(byte_sets_.size());
    byte_lists_.emplace(key, set);
    byte_sets_.push_back(bytes);
    return Bytes{.set = set};
}

Result<uint64_t> PlanLists::dscp(const std::vector<NumberItem>& items) {
    if (items.empty()) {
        return ~0ULL;
    }
    return TRY(resolver_.numbers(items, 63)).bits[0];
}

Result<PlanLists::Macs> PlanLists::macs(const std::vector<MacItem>& items) {
    if (items.empty()) {
        return Macs{};
    }
    std::vector<MacAddress> positive;
    std::vector<MacAddress> negative;
    for (const MacItem& item : items) {
        (item.negated ? negative : positive).push_back(item.mac);
    }
    Macs macs{.negated = positive.empty()};
    std::vector<MacAddress> members = positive.empty() ? negative : positive;
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    if (!macs.negated) {
        const auto removed = [&](const MacAddress& mac) {
            return std::find(negative.begin(), negative.end(), mac) != negative.end();
        };
        members.erase(std::remove_if(members.begin(), members.end(), removed), members.end());
        macs.empty = members.empty();
    }
    const auto known = std::find(std::next(mac_lists_.begin()), mac_lists_.end(), members);
    macs.set = static_cast<uint16_t>(known - mac_lists_.begin());
    if (known == mac_lists_.end()) {
        mac_count_ += members.size();
        mac_lists_.push_back(std::move(members));
    }
    if (mac_count_ > PC_MACS_MAX) {
        return limit("MAC addresses in all lists together", PC_MACS_MAX);
    }
    return macs;
}

void PlanLists::move_to(Plan& plan) {
    plan.lists = std::move(lists_);
    plan.number_sets = std::move(number_sets_);
    plan.byte_sets = std::move(byte_sets_);
    plan.mac_lists = std::move(mac_lists_);
}

} // namespace pc
