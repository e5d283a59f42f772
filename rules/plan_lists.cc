// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/plan_lists.h"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace pc {

namespace {

// A prefix of one list; the sets are found in the order of the prefixes.
struct Entry {
    WidePrefix prefix;
    uint16_t set = 0;
};

WideAddress last_of(const WidePrefix& prefix) {
    return prefix.length == 0 ? ~WideAddress{0}
                              : prefix.first | (~WideAddress{0} >> (prefix.length - 1) >> 1);
}

bool before(const Entry& left, const Entry& right) {
    return std::tuple(left.prefix.first, left.prefix.length) <
           std::tuple(right.prefix.first, right.prefix.length);
}

bool same(const WidePrefix& left, const WidePrefix& right) {
    return left.first == right.first && left.length == right.length;
}

// Covering prefixes come first, so the ones that cover the next entry are always on the stack. One
// look-up finds the longest prefix only: it must know the lists of the shorter ones.
void append_entries(std::vector<PlanAddress>& addresses, Family family,
                    std::vector<Entry>& entries) {
    struct Cover {
        WideAddress last;
        size_t index;
    };

    if (!std::is_sorted(entries.begin(), entries.end(), before)) {
        std::sort(entries.begin(), entries.end(), before);
    }
    std::vector<Cover> stack;
    for (size_t i = 0; i < entries.size(); i++) {
        const Entry& entry = entries[i];
        if (i == 0 || !same(entry.prefix, entries[i - 1].prefix)) {
            while (!stack.empty() && stack.back().last < entry.prefix.first) {
                stack.pop_back();
            }
            addresses.push_back({.prefix = narrow(family, entry.prefix)});
            if (!stack.empty()) {
                addresses.back().sets = addresses[stack.back().index].sets;
            }
            stack.push_back({.last = last_of(entry.prefix), .index = addresses.size() - 1});
        }
        addresses.back().sets[entry.set / 64] |= 1ULL << (entry.set % 64);
    }
}

uint8_t families_of(const AddressList& list) {
    return static_cast<uint8_t>((list.v4.empty() ? 0 : PC_IPV4) | (list.v6.empty() ? 0 : PC_IPV6));
}

auto written_as(const std::vector<AddressItem>& items) {
    std::vector<std::tuple<bool, std::string, AddressRange>> written;
    written.reserve(items.size());
    for (const AddressItem& item : items) {
        written.emplace_back(item.negated, item.set, item.range);
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
    : resolver_(rules, environment), number_sets_(1), byte_sets_(1) {}

Result<PlanLists::Addresses> PlanLists::addresses(const std::vector<AddressItem>& items,
                                                  const std::vector<AddressItem>& excluded) {
    auto key = std::pair(written_as(items), written_as(excluded));
    const auto known = written_.find(key);
    if (known != written_.end()) {
        return known->second;
    }
    AddressList list = TRY(resolver_.addresses(items));
    if (!excluded.empty()) {
        list = without(list, TRY(resolver_.addresses(excluded)));
    }
    const Addresses addresses = TRY(placed(std::move(list)));
    written_.emplace(std::move(key), addresses);
    return addresses;
}

Result<PlanLists::Addresses> PlanLists::placed(AddressList list) {
    Addresses addresses{.set = 0, .prefix = {}, .families = families_of(list)};
    if (empty(list) || list == every_address()) {
        return addresses;
    }
    if (const std::optional<Prefix> prefix = single_prefix(list)) {
        addresses.prefix = *prefix;
        return addresses;
    }
    const auto next = address_lists_.size() + 1;
    const auto place = address_lists_.emplace(std::move(list), static_cast<uint16_t>(next)).first;
    if (address_lists_.size() >= PC_ADDR_SETS_MAX) {
        return limit("different address lists", PC_ADDR_SETS_MAX - 1);
    }
    addresses.set = place->second;
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
    placed.set = static_cast<uint8_t>(number_sets_.size());
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
    const auto [place, added] =
        mac_lists_.emplace(members, static_cast<uint16_t>(mac_lists_.size() + 1));
    macs.set = place->second;
    if (added) {
        for (const MacAddress& mac : members) {
            pc_mac_key key{.set = macs.set, .addr = {}};
            std::copy(mac.bytes.begin(), mac.bytes.end(), std::begin(key.addr));
            macs_.push_back(key);
        }
    }
    if (macs_.size() > PC_MACS_MAX) {
        return limit("MAC addresses in all lists together", PC_MACS_MAX);
    }
    return macs;
}

Result<void> PlanLists::move_to(Plan& plan) {
    std::vector<WidePrefix> prefixes;
    for (const Family family : {Family::v4, Family::v6}) {
        std::vector<Entry> entries;
        for (const auto& [list, set] : address_lists_) {
            prefixes.clear();
            for (const WideRange& range : family == Family::v4 ? list.v4 : list.v6) {
                append_prefixes(prefixes, range);
            }
            for (const WidePrefix& prefix : prefixes) {
                entries.push_back({.prefix = prefix, .set = set});
            }
        }
        append_entries(plan.addresses, family, entries);
        if (plan.addresses.size() > PC_ADDR_ENTRIES_MAX) {
            return limit("prefixes in all address lists together", PC_ADDR_ENTRIES_MAX);
        }
    }
    plan.number_sets = std::move(number_sets_);
    plan.byte_sets = std::move(byte_sets_);
    plan.macs = std::move(macs_);
    return {};
}

} // namespace pc
