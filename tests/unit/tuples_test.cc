// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/tuples.h"

#include <catch2/catch.hpp>

namespace pc {
namespace {

constexpr uint64_t seed = 12345;

struct Shaping {
    Image image;
    PortTable sports{image};
    PortTable dports{image};

    [[nodiscard]] ShapedEntry shape(const Entry& entry, unsigned coarseness = 0) const {
        return TupleShaper(sports, dports, seed, coarseness).shape(entry);
    }
};

Entry entry(Family family, unsigned src, unsigned dst) {
    Entry entry;
    entry.family = family;
    entry.src = {.address = WideAddress{0x0a0b0c0d} << 96, .length = static_cast<uint8_t>(src)};
    entry.dst = {.address = WideAddress{0x20010db8} << 96 | 1, .length = static_cast<uint8_t>(dst)};
    for (EntryAddress* side : {&entry.src, &entry.dst}) {
        side->address &= side->length == 0 ? 0 : ~WideAddress{0} << (128 - side->length);
    }
    entry.protos.fill(~0ULL);
    entry.zones = ~0ULL;
    return entry;
}

// The address part of a packet's key under the tuple's masks, as xdp/lookup.h makes it.
uint64_t key_under(const pc_tuple& tuple, Family family, WideAddress src, WideAddress dst) {
    if (family == Family::v4) {
        return ((static_cast<uint64_t>(src >> 96) << 32) | static_cast<uint32_t>(dst >> 96)) &
               tuple.addr[0];
    }
    return pc_fold_addr(seed, static_cast<uint64_t>(src >> 64) & tuple.addr[0],
                        static_cast<uint64_t>(src) & tuple.addr[1],
                        static_cast<uint64_t>(dst >> 64) & tuple.addr[2],
                        static_cast<uint64_t>(dst) & tuple.addr[3]);
}

TEST_CASE("the first and the last address of an entry's prefixes have its key, at any coarseness") {
    const Shaping shaping;
    for (const Family family : {Family::v4, Family::v6}) {
        const unsigned longest = family == Family::v4 ? 32 : 128;
        for (unsigned src = 0; src <= longest; src++) {
            const unsigned dst = (src * 7 + 5) % (longest + 1);
            const Entry one = entry(family, src, dst);
            for (unsigned coarseness = 0; coarseness <= coarsest; coarseness++) {
                INFO(longest << " " << src << " " << dst << " " << coarseness);
                const ShapedEntry shaped = shaping.shape(one, coarseness);
                const pc_tuple tuple = TupleShaper::tuple_of(shaped.shape, family);
                const auto end = [](const EntryAddress& side) {
                    return side.length == 128 ? side.address
                                              : side.address | (~WideAddress{0} >> side.length);
                };
                REQUIRE(key_under(tuple, family, one.src.address, one.dst.address) ==
                        shaped.key.addr);
                REQUIRE(key_under(tuple, family, end(one.src), end(one.dst)) == shaped.key.addr);
                REQUIRE(shaped.shape.src_length <= src);
                REQUIRE(shaped.shape.dst_length <= dst);
                // What the key says less than the entry is asked of the record.
                const bool less = shaped.shape.src_length < src || shaped.shape.dst_length < dst;
                REQUIRE((!less || shaped.check || shaped.addresses));
            }
        }
    }
}

TEST_CASE("an address beside the prefix has another key, where nothing is coarse") {
    const Shaping shaping;
    for (unsigned length = 1; length <= 32; length++) {
        const Entry one = entry(Family::v4, length, 0);
        const ShapedEntry shaped = shaping.shape(one);
        const pc_tuple tuple = TupleShaper::tuple_of(shaped.shape, Family::v4);
        const WideAddress next = one.src.address + (WideAddress{1} << (128 - length));
        CHECK(key_under(tuple, Family::v4, next, 0) != shaped.key.addr);
        CHECK_FALSE(shaped.check);
    }
}

TEST_CASE("entries share a tuple only if their keys name the same parts") {
    Shaping shaping;
    const auto shape = [&](const std::function<void(Entry&)>& change) {
        Entry one = entry(Family::v4, 24, 0);
        change(one);
        return shaping.shape(one).shape;
    };
    const TupleShape plain = shape([](Entry&) {});
    CHECK(plain == shape([](Entry& one) { one.src.address ^= WideAddress{1} << 120; }));
    CHECK(plain != shape([](Entry& one) { one.src.length = 25; }));
    CHECK(plain != shape([](Entry& one) { one.proto = 6; }));
    CHECK(plain != shape([](Entry& one) { one.zone = 3; }));
    const auto port = [](PortSpec::Kind kind) {
        return [kind](Entry& one) { one.dport = {.kind = kind, .ranges = {{8, 8}}}; };
    };
    CHECK(plain != shape(port(PortSpec::Kind::port)));
    CHECK(shape(port(PortSpec::Kind::icmp)) != shape(port(PortSpec::Kind::port)));
    const auto list = [](uint16_t number) {
        return [number](Entry& one) { one.src = {.list = number}; };
    };
    CHECK(shape(list(1)) != shape(list(2)));
    CHECK(shape(list(1)) != plain);
}

TEST_CASE("protocol and zone are in the key where the entry has one of each") {
    const Shaping shaping;
    Entry one = entry(Family::v4, 0, 0);
    one.proto = 17;
    one.zone = 5;
    const ShapedEntry shaped = shaping.shape(one);
    const pc_tuple tuple = TupleShaper::tuple_of(shaped.shape, Family::v4);
    CHECK((PC_REST(17, 5, 63, 255) & tuple.rest) == shaped.key.rest);
    CHECK((PC_REST(6, 5, 63, 255) & tuple.rest) != shaped.key.rest);
    CHECK((PC_REST(17, 4, 0, 0) & tuple.rest) != shaped.key.rest);
}

} // namespace
} // namespace pc
