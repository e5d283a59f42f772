// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/random_pools.h"

#include <algorithm>
#include <array>

namespace pc::test {

namespace {

constexpr uint32_t frame_len_max = 1500;

Address random_address(Dice& dice, const Prefix& within) {
    Address result = within.address;
    for (int bit = within.length; bit < address_bits(within.address.family); ++bit) {
        const unsigned mask = dice.one_in(2) ? 0x80U >> (static_cast<unsigned>(bit) % 8U) : 0U;
        uint8_t& byte = result.bytes.at(static_cast<size_t>(bit) / 8);
        byte = static_cast<uint8_t>(byte | mask);
    }
    return result;
}

// Prefixes inside each other, ranges that touch, single addresses, and all of the family.
void add_addresses(Dice& dice, Family family, std::vector<AddressRange>& pool) {
    const bool v4 = family == Family::v4;
    const auto bits = static_cast<unsigned>(address_bits(family));
    const Prefix home = v4 ? Prefix{address("10.1.0.0"), 16} : Prefix{address("2001:db8:1::"), 48};
    pool.push_back(range_of(home));
    for (int i = 0; i < 3; ++i) {
        const Address inside = random_address(dice, home);
        for (unsigned length = home.length + 1U + dice.below(v4 ? 8 : 40); length <= bits;
             length += 1 + dice.below(v4 ? 8 : 48)) {
            pool.push_back(range_of(prefix_around(inside, length)));
        }
        pool.push_back({inside, inside});
    }
    for (int i = 0; i < 2; ++i) {
        std::array<Address, 3> ends;
        for (Address& end : ends) {
            end = random_address(dice, home);
        }
        std::sort(ends.begin(), ends.end());
        pool.push_back({ends[0], ends[1]});
        if (ends[1] < ends[2]) {
            pool.push_back({next_address(ends[1]), ends[2]});
        }
    }
    const Address outside = random_address(dice, {v4 ? address("0.0.0.0") : address("::"), 0});
    pool.push_back(range_of(prefix_around(outside, dice.between(0, bits))));
    pool.push_back(range_of({v4 ? address("0.0.0.0") : address("::"), 0}));
    const Address last = previous_address(v4 ? address("0.0.0.0") : address("::"));
    pool.push_back({last, last});
}

std::vector<NumberRange> random_numbers(Dice& dice, std::vector<NumberRange> known, uint32_t low,
                                        uint32_t high) {
    for (int i = 0; i < 3; ++i) {
        const uint32_t a = dice.between(low, high);
        const uint32_t b = dice.between(a, high);
        known.push_back({a, b});
        known.push_back({b < high ? b + 1 : b, high}); // touches it
        known.push_back({a, a});
    }
    return known;
}

} // namespace

RandomPools random_pools(Dice& dice) {
    RandomPools pools;
    add_addresses(dice, Family::v4, pools.addresses);
    add_addresses(dice, Family::v6, pools.addresses);
    pools.ports = random_numbers(
        dice, {{0, 0}, {22, 22}, {53, 53}, {80, 80}, {443, 443}, {1, 1023}, {1024, 65535}}, 0,
        65535);
    pools.lengths =
        random_numbers(dice, {{400, 65535}, {64, 128}, {1500, 1500}}, 20, frame_len_max);
    pools.ttls = random_numbers(dice, {{1, 1}, {255, 255}, {0, 1}}, 0, 255);
    pools.dscps = random_numbers(dice, {{0, 0}, {46, 46}, {63, 63}}, 0, 63);
    pools.vlans = random_numbers(dice, {{30, 30}, {30, 31}, {4094, 4094}}, 1, 4094);
    pools.vlans.push_back({PC_VLAN_NONE, PC_VLAN_NONE});
    for (int i = 0; i < 4; ++i) {
        MacAddress mac{{0x02, 0, 0, 0, 0, static_cast<uint8_t>(dice.below(8))}};
        pools.macs.push_back(mac);
    }
    return pools;
}

Address address(const char* text) {
    return parse_address(text).value();
}

Prefix prefix_around(const Address& inside, unsigned length) {
    Prefix prefix{inside, static_cast<uint8_t>(length)};
    for (size_t bit = length; bit < 128; ++bit) {
        uint8_t& byte = prefix.address.bytes.at(bit / 8);
        byte = static_cast<uint8_t>(byte & ~(0x80U >> (bit % 8)));
    }
    return prefix;
}

} // namespace pc::test
