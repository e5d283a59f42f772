// SPDX-License-Identifier: GPL-3.0-or-later
// Port tables as the look-up reads them: the class of each port, its row and its labels.
#include "rules/port_table.h"

#include <catch2/catch.hpp>

#include "tests/support/random_rules.h"

namespace pc {
namespace {

PortSpec ports(uint16_t low, uint16_t high) {
    return {.kind = PortSpec::Kind::port, .ranges = {{low, high}}};
}

PortSpec icmp(uint16_t low, uint16_t high) {
    return {.kind = PortSpec::Kind::icmp, .ranges = {{low, high}}};
}

bool holds(const PortSpec& spec, uint32_t index) {
    if (spec.is_any()) {
        return true;
    }
    const uint32_t offset = spec.kind == PortSpec::Kind::icmp ? PC_PORT_ICMP : 0;
    return std::any_of(spec.ranges.begin(), spec.ranges.end(), [&](const auto& range) {
        return index >= range.first + offset && index <= range.second + offset;
    });
}

// What xdp/lookup.h does with an index.
struct Seen {
    RowBits row;
    uint64_t key = 0; // labels | port
    uint32_t number = 0;
};

Seen look_up(const Image& image, const PortTable& table, uint32_t index) {
    const auto number = image.read<uint16_t>(table.ports() + index * 2);
    const auto found = image.read<pc_port_class>(
        table.classes() + number * static_cast<uint32_t>(sizeof(pc_port_class)));
    const uint32_t value = index < PC_PORT_ICMP   ? index
                           : index < PC_PORT_NONE ? index - PC_PORT_ICMP
                                                  : 0;
    return {.row = table.rows().bits_at(found.row), .key = found.labels | value, .number = value};
}

bool key_holds(const PortKey& key, const Seen& seen) {
    return (seen.key & key.mask) == key.value && seen.number >= key.low && seen.number <= key.high;
}

// Every index, or those at an edge.
std::vector<uint32_t> edges(const std::vector<PortSpec>& specs) {
    std::set<uint32_t> all{0, 65535, PC_PORT_ICMP, PC_PORT_ICMP + 255, PC_PORT_NONE};
    for (const PortSpec& spec : specs) {
        for (const auto& [low, high] : PortTable::indexes_of(spec)) {
            for (const uint32_t index : {low == 0 ? 0 : low - 1, low, high, high + 1}) {
                all.insert(std::min<uint32_t>(index, PC_PORT_NONE));
            }
        }
    }
    return {all.begin(), all.end()};
}

void check_all(const Image& image, const PortTable& table, const std::vector<PortSpec>& specs) {
    for (const uint32_t index : edges(specs)) {
        const Seen seen = look_up(image, table, index);
        for (size_t i = 0; i < specs.size(); i++) {
            const bool held = holds(specs[i], index);
            INFO("index " << index << " spec " << i);
            // One bit too many would cost time; one too few is wrong.
            REQUIRE((!held || bit_of(seen.row, i)));
            const PortKey key = table.key_of(specs[i]);
            if (key.kind == PortKey::Kind::exact || key.kind == PortKey::Kind::layer) {
                if (held) {
                    REQUIRE(key_holds(key, seen));
                } else if (bit_of(seen.row, i) && index < PC_PORT_ICMP) {
                    REQUIRE_FALSE(key_holds(key, seen));
                }
            }
        }
    }
}

std::vector<PortSpec> random_specs(test::Dice& dice, size_t count) {
    std::vector<PortSpec> specs;
    while (specs.size() < count) {
        PortSpec spec;
        const bool is_icmp = dice.one_in(5);
        if (!dice.one_in(12)) {
            spec.kind = is_icmp ? PortSpec::Kind::icmp : PortSpec::Kind::port;
            const uint32_t high = is_icmp ? 255 : 65535;
            for (uint32_t i = dice.one_in(4) ? 3 : 1, from = 0; i > 0 && from < high; i--) {
                const uint32_t low = dice.between(from, high);
                const uint32_t end = dice.one_in(3) ? low : dice.between(low, high);
                spec.ranges.emplace_back(low, end);
                from = end + 2;
            }
        }
        if (std::find(specs.begin(), specs.end(), spec) == specs.end()) {
            specs.push_back(spec);
        }
    }
    return specs;
}

TEST_CASE("each port has a row with the tuples that may hold it, and labels of its ranges") {
    for (uint64_t seed = 1; seed <= 25; seed++) {
        INFO("seed " << seed);
        test::Dice dice(seed);
        const auto specs = random_specs(dice, 2 + seed * 2);
        Image image;
        PortTable table(image);
        table.add_ranges(specs);
        std::map<PortSpec, RowBits> rows;
        for (size_t i = 0; i < specs.size(); i++) {
            rows[specs[i]] = RowBits(1);
            set_bit(rows[specs[i]], i);
        }
        REQUIRE(table.build(rows, 1).ok());
        check_all(image, table, specs);
        // Built whole, the rows are exact.
        for (const uint32_t index : edges(specs)) {
            for (size_t i = 0; i < specs.size(); i++) {
                REQUIRE(bit_of(look_up(image, table, index).row, i) == holds(specs[i], index));
            }
        }
    }
}

TEST_CASE("specs that come later are held as well") {
    for (uint64_t seed = 1; seed <= 25; seed++) {
        INFO("seed " << seed);
        test::Dice dice(seed + 100);
        const auto specs = random_specs(dice, 40);
        const std::vector<PortSpec> first(specs.begin(), specs.begin() + 8);
        Image image;
        PortTable table(image);
        table.add_ranges(first);
        std::map<PortSpec, RowBits> rows;
        for (size_t i = 0; i < first.size(); i++) {
            rows[first[i]] = RowBits(1);
            set_bit(rows[first[i]], i);
        }
        REQUIRE(table.build(rows, 1).ok());
        for (size_t i = first.size(); i < specs.size(); i++) {
            const auto added = table.add(specs[i], i);
            if (!added) {
                break; // full: it is built anew
            }
            check_all(image, table, {specs.begin(), specs.begin() + static_cast<ptrdiff_t>(i) + 1});
            if (i % 4 == 0) {
                table.tidy();
                image.settle();
            }
        }
    }
}

TEST_CASE("an exact port is part of a key, three ranges deep have layers, the next is asked") {
    Image image;
    PortTable table(image);
    const std::vector<PortSpec> specs{ports(1, 60000), ports(10, 5000), ports(20, 600),
                                      ports(30, 70),   ports(40, 40),   icmp(3, 5),
                                      icmp(8, 8)};
    table.add_ranges(specs);
    std::set<uint8_t> layers;
    for (size_t i = 0; i < 3; i++) {
        CHECK(table.key_of(specs[i]).kind == PortKey::Kind::layer);
        layers.insert(table.key_of(specs[i]).layer);
    }
    CHECK(layers == std::set<uint8_t>{1, 2, 3});
    const PortKey fourth = table.key_of(specs[3]);
    CHECK(fourth.mask == 0);
    CHECK((fourth.low == 30 && fourth.high == 70));
    CHECK(table.key_of(specs[4]).kind == PortKey::Kind::exact);
    CHECK(table.key_of(specs[6]).kind == PortKey::Kind::exact);
    CHECK(table.key_of(PortSpec{}).kind == PortKey::Kind::none);
    CHECK(table.key_of(ports(0, 65535)).mask == 0);
    // The same range has the same label, one beside it another one of the same layer.
    table.add_ranges({ports(60001, 60010), ports(10, 5000)});
    CHECK(table.key_of(ports(60001, 60010)).layer == table.key_of(specs[0]).layer);
    CHECK(table.key_of(ports(60001, 60010)).value != table.key_of(specs[0]).value);
}

TEST_CASE("ICMP types are behind the ports, and nothing comes last") {
    CHECK(PortTable::indexes_of(ports(5, 9)) == std::vector<PortTable::Indexes>{{5, 9}});
    CHECK(PortTable::indexes_of(icmp(5, 255)) ==
          std::vector<PortTable::Indexes>{{PC_PORT_ICMP + 5, PC_PORT_ICMP + 255}});
    CHECK(PortTable::indexes_of(PortSpec{}) == std::vector<PortTable::Indexes>{{0, PC_PORT_NONE}});
}

} // namespace
} // namespace pc
