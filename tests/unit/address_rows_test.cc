// SPDX-License-Identifier: GPL-3.0-or-later
// The rows that addresses get from prefixes and lists that overlap, against asking each in turn.
#include "rules/address_rows.h"

#include <catch2/catch.hpp>

#include "tests/support/random_rules.h"

namespace pc::test {
namespace {

constexpr WideAddress last_address = ~WideAddress{0};

WideAddress random_address(Dice& dice) {
    WideAddress address = 0;
    for (int i = 0; i < 4; i++) {
        address = address << 32 | dice.below(UINT32_MAX);
    }
    return address;
}

// Few different addresses, so that ranges meet, and the ends of all addresses.
WideAddress some_end(Dice& dice) {
    const WideAddress coarse =
        random_address(dice) & ~(last_address >> dice.pick<int>({3, 34, 70}));
    return dice.one_in(10) ? 0 : dice.one_in(10) ? last_address : coarse;
}

WideRange some_range(Dice& dice) {
    const WideAddress a = some_end(dice);
    const WideAddress b = some_end(dice);
    return {.first = std::min(a, b), .last = std::max(a, b)};
}

} // namespace

TEST_CASE("an address's row has the bits of all that holds it, and no others") {
    constexpr size_t words = 3;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        Dice dice(seed);
        std::vector<AddressBit> prefixes;
        for (uint32_t i = dice.below(40); i > 0; i--) {
            prefixes.push_back({.range = some_range(dice), .bit = dice.below(100)});
        }
        std::vector<std::vector<WideRange>> ranges(dice.below(5));
        std::vector<AddressRegion> lists;
        for (std::vector<WideRange>& list : ranges) {
            AddressList normal;
            for (uint32_t i = dice.below(12); i > 0; i--) {
                normal.v6.push_back(some_range(dice));
            }
            normalize(normal);
            list = normal.v6;
            lists.push_back({.ranges = &list, .bits = {100 + dice.below(40), 150}});
        }
        Image image;
        RowTable rows(image, words);
        AddressTable table(image);
        const auto root = build_address_rows(table, rows, prefixes, lists);
        REQUIRE(root.ok());
        std::vector<WideAddress> asked{0, last_address};
        const auto ask_at = [&](const WideRange& range) {
            for (const WideAddress end : {range.first, range.last}) {
                asked.insert(asked.end(), {end - 1, end, end + 1});
            }
        };
        for (const AddressBit& prefix : prefixes) {
            ask_at(prefix.range);
        }
        for (const std::vector<WideRange>& list : ranges) {
            for (const WideRange& range : list) {
                ask_at(range);
            }
        }
        for (int i = 0; i < 50; i++) {
            asked.push_back(random_address(dice));
        }
        for (const WideAddress address : asked) {
            const auto in = [&](const WideRange& range) {
                return range.first <= address && address <= range.last;
            };
            RowBits expected(words);
            for (const AddressBit& prefix : prefixes) {
                if (in(prefix.range)) {
                    set_bit(expected, prefix.bit);
                }
            }
            for (size_t i = 0; i < lists.size(); i++) {
                if (std::any_of(ranges[i].begin(), ranges[i].end(), in)) {
                    for (const uint32_t bit : lists[i].bits) {
                        set_bit(expected, bit);
                    }
                }
            }
            const uint32_t leaf = table.find(root.value(), address);
            INFO("seed " << seed);
            REQUIRE(PC_REF_TYPE(leaf) == PC_REF_ROW);
            REQUIRE(rows.bits_at(PC_REF_PLACE8(leaf)) == expected);
        }
    }
}

} // namespace pc::test
