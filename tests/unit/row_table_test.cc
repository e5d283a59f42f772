// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/row_table.h"

#include <catch2/catch.hpp>

namespace pc {
namespace {

TEST_CASE("equal rows are one, and others are not") {
    Image image;
    RowTable rows(image, 3);
    std::map<RowBits, uint32_t> places;
    for (uint64_t i = 0; i < 500; i++) {
        const RowBits bits{i % 50, i % 7 == 0 ? 1ULL << 63 : 0, i % 3};
        const uint32_t place = rows.place_of(bits).take();
        const auto known = places.emplace(bits, place);
        REQUIRE(known.first->second == place);
        REQUIRE(rows.bits_at(place) == bits);
    }
    CHECK(rows.places().size() == places.size());
    std::set<uint32_t> different;
    for (const auto& [bits, place] : places) {
        different.insert(place);
        CHECK(rows.bits_at(place) == bits);
        CHECK(place % 8 == 0);
    }
    CHECK(different.size() == places.size());
}

TEST_CASE("a row with another bit is another row, and the old one stays") {
    Image image;
    RowTable rows(image, 2);
    const uint32_t none = rows.place_of({0, 0}).take();
    for (const size_t bit : {size_t{0}, size_t{63}, size_t{64}, size_t{127}}) {
        const uint32_t with = rows.with(none, bit, true).take();
        CHECK(with != none);
        CHECK(bit_of(rows.bits_at(with), bit));
        CHECK(rows.bits_at(none) == RowBits{0, 0});
        CHECK(rows.with(with, bit, true).value() == with);
        CHECK(rows.with(with, bit, false).value() == none);
        RowBits expected{0, 0};
        set_bit(expected, bit);
        CHECK(rows.bits_at(with) == expected);
    }
}

TEST_CASE("a bit is set in every row there is, or where another one is") {
    Image image;
    RowTable rows(image, 2);
    const uint32_t low = rows.place_of({1, 0}).take();
    const uint32_t high = rows.place_of({0, 1}).take();
    rows.set_everywhere(70);
    CHECK(rows.bits_at(low) == RowBits{1, 64});
    CHECK(rows.bits_at(high) == RowBits{0, 65});
    rows.set_where(0, 5);
    CHECK(rows.bits_at(low) == RowBits{33, 64});
    CHECK(rows.bits_at(high) == RowBits{0, 65});
    rows.set_where(64, 6);
    CHECK(rows.bits_at(low) == RowBits{33, 64});
    CHECK(rows.bits_at(high) == RowBits{64, 65});
}

// Bits set in place change what a row is found by.
TEST_CASE("after tidy() equal rows are one again") {
    Image image;
    RowTable rows(image, 1);
    const uint32_t one = rows.place_of({1}).take();
    const uint32_t two = rows.place_of({2}).take();
    rows.set_where(0, 7);
    CHECK(rows.bits_at(rows.place_of({1}).take()) == RowBits{1}); // never the row that changed
    CHECK(rows.bits_at(rows.place_of({0x81}).take()) == RowBits{0x81});
    rows.tidy();
    CHECK(rows.place_of({2}).value() == two);
    const uint32_t known = rows.place_of({0x81}).take();
    CHECK(rows.bits_at(known) == RowBits{0x81});
    const size_t count = rows.places().size();
    CHECK(rows.place_of({0x81}).value() == known);
    CHECK(rows.places().size() == count);
    CHECK(rows.bits_at(one) == RowBits{0x81});
}

} // namespace
} // namespace pc
