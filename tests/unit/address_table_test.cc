// SPDX-License-Identifier: GPL-3.0-or-later
// Address tables against a sorted map of where each leaf begins, built and edited; and a million
// prefixes through all of the classifier (address_rows.cc with it).
#include "rules/address_table.h"

#include <chrono>
#include <cstdio>
#include <map>

#include <catch2/catch.hpp>

#include "tests/support/written_rules.h"

namespace pc::test {
namespace {

constexpr WideAddress last_address = ~WideAddress{0};

// Refs that stand for rows: nothing is read from there.
uint32_t leaf_of(uint32_t number) {
    return number << 2;
}

WideAddress random_address(Dice& dice) {
    WideAddress address = 0;
    for (int i = 0; i < 4; i++) {
        address = address << 32 | dice.below(UINT32_MAX);
    }
    return address;
}

// First address to leaf: what the table has to mean.
class Reference {
public:
    explicit Reference(uint32_t leaf) { leaves_[0] = leaf; }

    explicit Reference(const std::vector<AddressSegment>& segments) {
        for (const AddressSegment& segment : segments) {
            leaves_[segment.first] = segment.ref;
        }
    }

    [[nodiscard]] uint32_t at(WideAddress address) const {
        return std::prev(leaves_.upper_bound(address))->second;
    }

    void change(const WideRange& range, const std::function<uint32_t(uint32_t)>& change) {
        cut(range.first);
        if (range.last != last_address) {
            cut(range.last + 1);
        }
        for (auto leaf = leaves_.find(range.first);
             leaf != leaves_.end() && leaf->first <= range.last; ++leaf) {
            leaf->second = change(leaf->second);
        }
    }

    [[nodiscard]] const std::map<WideAddress, uint32_t>& leaves() const { return leaves_; }

private:
    void cut(WideAddress at) { leaves_.emplace(at, this->at(at)); }

    std::map<WideAddress, uint32_t> leaves_;
};

// Every place where the leaf changes, the address before it and one at random.
void check_equal(const AddressTable& table, uint32_t root, const Reference& reference, Dice& dice,
                 uint32_t one_in = 1) {
    for (const auto& [first, leaf] : reference.leaves()) {
        if (!dice.one_in(one_in)) {
            continue;
        }
        REQUIRE(table.find(root, first) == leaf);
        if (first > 0) {
            REQUIRE(table.find(root, first - 1) == reference.at(first - 1));
        }
        const WideAddress other = random_address(dice) >> dice.below(128);
        REQUIRE(table.find(root, other) == reference.at(other));
    }
    REQUIRE(table.find(root, last_address) == reference.at(last_address));
}

// Clustered as addresses are: within few prefixes of each length, and at the ends.
WideRange random_range(Dice& dice, bool v4) {
    static const WideAddress homes[] = {WideAddress{0x0a000000} << 96,
                                        WideAddress{0x20010db8} << 96,
                                        WideAddress{0x20010db800000001} << 64, 0, last_address};
    const unsigned bits = v4 ? 32 : 128;
    const unsigned length = dice.one_in(3) ? bits : dice.between(0, bits);
    const unsigned kept = dice.between(0, std::min(length, 100U));
    const WideAddress high = kept == 0 ? 0 : last_address << (128 - kept);
    WideAddress first = (homes[dice.below(5)] & high) | (random_address(dice) & ~high);
    const WideAddress mask = length == 0 ? 0 : last_address << (128 - length);
    first &= mask;
    WideRange range{.first = first, .last = first | ~mask};
    if (dice.one_in(4)) {
        WideAddress end = (range.first | (random_address(dice) >> dice.below(128)));
        end = v4 ? end | (last_address >> 32) : end;
        range.last = std::max(range.first, end);
    }
    return range;
}

std::vector<AddressSegment> random_segments(Dice& dice, bool v4, size_t count) {
    Reference reference(leaf_of(1));
    for (size_t i = 0; i < count; i++) {
        const uint32_t leaf = leaf_of(dice.below(9));
        reference.change(random_range(dice, v4), [&](uint32_t) { return leaf; });
    }
    std::vector<AddressSegment> segments;
    for (const auto& [first, leaf] : reference.leaves()) {
        if (segments.empty() || segments.back().ref != leaf) {
            segments.push_back({.first = first, .ref = leaf});
        }
    }
    return segments;
}

} // namespace

TEST_CASE("a table that is built leads every address to its leaf") {
    const uint64_t seed = number_from("PC_SEED", 1);
    for (uint64_t i = 0; i < number_from("PC_SETS", 60); i++) {
        for (const bool v4 : {true, false}) {
            INFO("PC_SEED=" << seed + i << " PC_SETS=1 " << (v4 ? "v4" : "v6"));
            Dice dice(seed + i);
            const auto segments = random_segments(dice, v4, i * i / 3);
            Image image;
            AddressTable table(image);
            const auto root = table.build(segments);
            REQUIRE(root.ok());
            check_equal(table, root.value(), Reference(segments), dice);
            // And a visit meets the same leaves in order.
            std::vector<std::pair<WideAddress, uint32_t>> seen;
            table.visit(root.value(), {.leaf =
                                           [&](WideAddress first, uint32_t leaf) {
                                               if (seen.empty() || seen.back().second != leaf) {
                                                   seen.emplace_back(first, leaf);
                                               }
                                           },
                                       .block = [](uint32_t, size_t) {}});
            REQUIRE(seen.size() == segments.size());
            for (size_t k = 0; k < seen.size(); k++) {
                REQUIRE(seen[k].first == segments[k].first);
                REQUIRE(seen[k].second == segments[k].ref);
            }
        }
    }
}

TEST_CASE("edits change the leaves of their pieces and no others") {
    const uint64_t seed = number_from("PC_SEED", 1);
    for (uint64_t i = 0; i < number_from("PC_SETS", 16); i++) {
        for (const bool v4 : {true, false}) {
            Dice dice(seed + i);
            const auto segments = random_segments(dice, v4, i % 4 == 0 ? 0 : i * 20);
            Image image;
            AddressTable table(image);
            Reference reference(segments);
            uint32_t root = table.build(segments).take();
            for (size_t step = 0; step < 400; step++) {
                std::vector<AddressPiece> pieces;
                WideAddress from = 0;
                for (uint32_t k = dice.one_in(4) ? dice.between(2, 6) : 1; k > 0; k--) {
                    const WideRange range = random_range(dice, v4);
                    if (range.first >= from && (pieces.empty() || from != 0)) {
                        pieces.push_back({.range = range, .index = pieces.size()});
                        from = range.last == last_address ? 0 : range.last + 1;
                        if (from == 0) {
                            break;
                        }
                    }
                }
                const bool set = dice.one_in(2);
                const auto changed = [&](uint32_t leaf, size_t piece) {
                    const auto number = static_cast<uint32_t>(piece + step % 7);
                    return set ? leaf_of(number) : leaf ^ leaf_of(1 + number);
                };
                const auto edited =
                    table.edit(root, pieces, [&](uint32_t leaf, size_t piece) -> Result<uint32_t> {
                        return changed(leaf, piece);
                    });
                REQUIRE(edited.ok());
                root = edited.value();
                for (const AddressPiece& piece : pieces) {
                    reference.change(piece.range,
                                     [&](uint32_t leaf) { return changed(leaf, piece.index); });
                }
                if (dice.one_in(2)) {
                    image.settle();
                }
                INFO("PC_SEED=" << seed + i << " PC_SETS=1 " << (v4 ? "v4" : "v6") << " step "
                                << step);
                check_equal(table, root, reference, dice, 40);
            }
            check_equal(table, root, reference, dice);
        }
    }
}

TEST_CASE("what an edit replaces stays as it was until it is settled") {
    Dice dice(5);
    Image image;
    AddressTable table(image);
    const auto segments = random_segments(dice, true, 300);
    uint32_t root = table.build(segments).take();
    image.settle();
    // All of the addresses change: nothing of the old table is edited in place.
    const std::vector<AddressPiece> all{{.range = {.first = 0, .last = last_address}, .index = 0}};
    const uint32_t old = root;
    root = table
               .edit(root, all,
                     [](uint32_t leaf, size_t) -> Result<uint32_t> { return leaf + leaf_of(100); })
               .take();
    CHECK(root != old);
    check_equal(table, old, Reference(segments), dice);
    for (const AddressSegment& segment : segments) {
        CHECK(table.find(root, segment.first) == segment.ref + leaf_of(100));
    }
    CHECK(image.released() > 0);
}

TEST_CASE("a change that fails changes nothing") {
    Dice dice(6);
    for (const size_t at : {0, 3, 20}) {
        Image image;
        AddressTable table(image);
        const auto segments = random_segments(dice, false, 200);
        const uint32_t root = table.build(segments).take();
        const std::vector<AddressPiece> all{
            {.range = {.first = 0, .last = last_address}, .index = 0}};
        size_t count = 0;
        const auto edited = table.edit(root, all, [&](uint32_t leaf, size_t) -> Result<uint32_t> {
            if (count++ == at) {
                return Error{ENOSPC, "made to fail"};
            }
            return leaf + leaf_of(100);
        });
        CHECK_FALSE(edited.ok());
        check_equal(table, root, Reference(segments), dice);
    }
}

// One address each in a table that begins empty: its entries must not grow without limit.
TEST_CASE("a table grows with the ranges that edits bring") {
    for (const bool v4 : {true, false}) {
        Dice dice(7);
        Image image;
        AddressTable table(image);
        Reference reference(leaf_of(1));
        uint32_t root = table.build({{.first = 0, .ref = leaf_of(1)}}).take();
        const WideAddress home =
            v4 ? WideAddress{10} << 120 : WideAddress{0x20010db800000001} << 64;
        for (size_t i = 0; i < 60000; i++) {
            const WideAddress address =
                home | (v4 ? WideAddress{dice.below(1 << 24)} << 96 : dice.below(1 << 24));
            const WideRange range{.first = address,
                                  .last = v4 ? address | (last_address >> 32) : address};
            const auto set = [&](uint32_t) { return leaf_of(2 + dice.below(2)); };
            const uint32_t leaf = set(0);
            const auto edited =
                table.edit(root, {{.range = range, .index = 0}},
                           [&](uint32_t, size_t) -> Result<uint32_t> { return leaf; });
            REQUIRE(edited.ok());
            root = edited.value();
            image.settle();
            reference.change(range, [&](uint32_t) { return leaf; });
        }
        check_equal(table, root, reference, dice, 3);
        size_t bytes = 0;
        table.visit(root, {.leaf = [](WideAddress, uint32_t) {},
                           .block = [&](uint32_t, size_t size) { bytes += size; }});
        std::printf("60000 addresses by edits: tables and chunks %.1f MB, image %.1f MB\n",
                    static_cast<double>(bytes) / 1e6, static_cast<double>(image.used()) / 1e6);
        CHECK(image.used() < (64 << 20));
    }
}

TEST_CASE("a million prefixes of each family: who is in the list, and what it takes") {
    const size_t count = number_from("PC_PREFIXES", 1000000);
    Dice dice(number_from("PC_SEED", 8));
    RuleSet rules;
    std::vector<AddressRange> ranges;
    for (const bool v4 : {true, false}) {
        Set set;
        set.name = v4 ? "four" : "six";
        for (size_t i = 0; i < count; i++) {
            Prefix prefix{
                .address = {.family = v4 ? Family::v4 : Family::v6},
                .length = static_cast<uint8_t>(v4 ? dice.between(18, 32) : dice.between(32, 128))};
            for (size_t bit = 0; bit < prefix.length; bit++) {
                prefix.address.bytes.at(bit / 8) |=
                    static_cast<uint8_t>(dice.below(2) << (7 - bit % 8));
            }
            if (!v4) {
                prefix.address.bytes[0] = 0x20;
                prefix.address.bytes[1] = 0x01;
                prefix.address.bytes[2] = 0x0d;
            }
            set.file_addresses.push_back(range_of(prefix));
            ranges.push_back(set.file_addresses.back());
        }
        rules.sets.push_back(set);
        Rule rule;
        rule.name = set.name;
        rule.priority = v4 ? 1 : 2;
        rule.action = Action::count;
        rule.match.src.push_back({.negated = false, .set = set.name, .range = {}, .at = {}});
        rules.rules.push_back(rule);
    }
    const auto start = std::chrono::steady_clock::now();
    auto plan = compile(rules, {}, {});
    REQUIRE(plan.ok());
    const auto compiled = std::chrono::steady_clock::now();
    HostClassifier host;
    REQUIRE(host.build(plan.value(), {}, 1).ok());
    const auto built = std::chrono::steady_clock::now();
    const std::chrono::duration<double> compiling = compiled - start;
    const std::chrono::duration<double> building = built - compiled;
    std::printf("%zu prefixes of each family: compiled %.2f s, built %.2f s, %.1f MB\n", count,
                compiling.count(), building.count(),
                static_cast<double>(host.classifier().used()) / 1e6);
    CHECK(building.count() < 30);
    // A vector of sorted ranges, made here, says who is in.
    std::sort(ranges.begin(), ranges.end(), [](const AddressRange& a, const AddressRange& b) {
        return std::pair(a.first, a.last) < std::pair(b.first, b.last);
    });
    std::vector<AddressRange> merged;
    for (const AddressRange& range : ranges) {
        if (!merged.empty() && merged.back().first.family == range.first.family &&
            range.first <= merged.back().last) {
            merged.back().last = std::max(merged.back().last, range.last);
        } else {
            merged.push_back(range);
        }
    }
    const auto is_in = [&](const Address& address) {
        const auto after = std::upper_bound(
            merged.begin(), merged.end(), address,
            [](const Address& one, const AddressRange& range) { return one < range.first; });
        return after != merged.begin() && contains(*std::prev(after), address);
    };
    size_t members = 0;
    for (size_t i = 0; i < 200000; i++) {
        const AddressRange& range = dice.pick(ranges);
        Packet packet;
        packet.in = "";
        switch (i % 5) {
        case 0:
            packet.src = range.first;
            break;
        case 1:
            packet.src = range.last;
            break;
        case 2:
            packet.src = previous_address(range.first);
            break;
        case 3:
            packet.src = next_address(range.last);
            break;
        default:
            packet.src = range.first;
            for (size_t byte = 3; byte < 16; byte++) {
                if (packet.src.family == Family::v6 || byte == 3) {
                    packet.src.bytes.at(byte) = static_cast<uint8_t>(dice.below(256));
                }
            }
        }
        packet.dst = packet.src;
        const std::string names = found(host, plan.value(), packet);
        const std::string name = packet.src.family == Family::v4 ? "four " : "six ";
        INFO(to_string(packet.src));
        members += names.empty() ? 0 : 1;
        REQUIRE(names == (is_in(packet.src) ? name : ""));
    }
    CHECK(members > 50000);
    CHECK(members < 190000);
}

} // namespace pc::test
