// SPDX-License-Identifier: GPL-3.0-or-later
// Many rules: of the same key, of more kinds than there is room for, and such that collide.
#include <chrono>
#include <cstdio>

#include <catch2/catch.hpp>

#include "rules/hash.h"
#include "tests/support/written_rules.h"

namespace pc::test {
namespace {

// Rules without the detour over text.
Rule rule_of(size_t number, Action action = Action::drop) {
    Rule rule;
    rule.name = "r" + std::to_string(number);
    rule.priority = static_cast<uint32_t>(number + 1);
    rule.action = action;
    return rule;
}

AddressItem item(const Prefix& prefix) {
    return {.negated = false, .set = {}, .range = range_of(prefix), .at = {}};
}

NumberItem number(uint32_t low, uint32_t high) {
    return {.negated = false, .set = {}, .range = {.low = low, .high = high}, .at = {}};
}

Prefix v4_prefix(uint32_t address, uint8_t length) {
    Prefix prefix{.address = {.family = Family::v4}, .length = length};
    for (size_t i = 0; i < 4; i++) {
        prefix.address.bytes.at(i) = static_cast<uint8_t>(
            (length == 0 ? 0 : address & ~uint32_t{0} << (32 - length)) >> (24 - 8 * i));
    }
    return prefix;
}

Prefix v6_prefix(uint64_t high, uint64_t low, uint8_t length) {
    Prefix prefix{.address = {.family = Family::v6}, .length = length};
    for (size_t i = 0; i < 16; i++) {
        prefix.address.bytes.at(i) = static_cast<uint8_t>((i < 8 ? high : low) >> (56 - i % 8 * 8));
        if (i * 8 + 8 > length) {
            const unsigned kept = length > i * 8 ? length - static_cast<unsigned>(i) * 8 : 0;
            prefix.address.bytes.at(i) &= static_cast<uint8_t>(0xff00U >> kept);
        }
    }
    return prefix;
}

Packet udp_packet(const Address& source, const Address& destination, uint16_t dport) {
    Packet packet;
    packet.in = "";
    packet.src = source;
    packet.dst = destination;
    packet.proto = 17;
    packet.sport = 1;
    packet.dport = dport;
    return packet;
}

struct Scale {
    RandomCase world;
    Plan plan;
    HostClassifier host;

    void build(uint64_t seed) {
        const auto start = std::chrono::steady_clock::now();
        auto compiled = compile(world.rules, world.environment, {});
        REQUIRE(compiled.ok());
        plan = compiled.take();
        const auto built = host.build(plan, {}, seed);
        INFO((built.ok() ? "" : built.error().message));
        REQUIRE(built.ok());
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
        std::printf("%zu rules: %.2f s, %.1f MB, kinds %zu and %zu, coarseness %u and %u\n",
                    plan.rules.size(), seconds.count(),
                    static_cast<double>(host.classifier().used()) / 1e6,
                    host.classifier().tables(Family::v4).tuple_count(),
                    host.classifier().tables(Family::v6).tuple_count(),
                    host.classifier().tables(Family::v4).coarseness(),
                    host.classifier().tables(Family::v6).coarseness());
    }

    void check(const Packet& packet) {
        INFO(to_string(packet.src)
             << " > " << to_string(packet.dst) << " " << packet.dport.value_or(0));
        REQUIRE(found(host, plan, packet) == expected(world, packet));
    }
};

// How many buckets a key's chain has.
size_t chain_of(const HostClassifier& host, Family family, const pc_key& key) {
    const pc_generation& head = host.head();
    const pc_tables& tables = head.tables[family == Family::v4 ? 0 : 1];
    const Image& image = const_cast<HostClassifier&>(host).classifier().image();
    size_t length = 0;
    uint32_t bucket = pc_hash(head.seed, &key) & tables.bucket_mask;
    do {
        length++;
        bucket =
            image
                .read<pc_bucket>(tables.buckets + bucket * static_cast<uint32_t>(sizeof(pc_bucket)))
                .next;
    } while (bucket != 0);
    return length;
}

} // namespace

TEST_CASE("thousands of rules with one key: in their order, and each by itself") {
    Scale scale;
    constexpr size_t count = 3000;
    for (size_t i = 0; i < count; i++) {
        Rule rule = rule_of(i);
        rule.match.src = {item(v4_prefix(0x0a000000, 8))};
        // A length each, so that none shadows another.
        rule.match.len = {number(static_cast<uint32_t>(28 + i), static_cast<uint32_t>(28 + i))};
        scale.world.rules.rules.push_back(rule);
    }
    scale.build(1);
    Packet packet =
        udp_packet(parse_address("10.1.2.3").value(), parse_address("10.9.9.9").value(), 53);
    for (const uint32_t i : {0U, 1U, 2U, 1500U, 2998U, 2999U, 3000U}) {
        packet.len = 28 + i;
        CHECK(found(scale.host, scale.plan, packet) ==
              (i < count ? "r" + std::to_string(i) + " " : ""));
    }
    // The same without anything that tells them apart: the first wins; edited away, the next does.
    for (Rule& rule : scale.world.rules.rules) {
        rule.match.len.clear();
    }
    scale.build(2);
    for (size_t i = 0; i < 40; i++) {
        CHECK(found(scale.host, scale.plan, packet) == "r" + std::to_string(i) + " ");
        scale.world.rules.rules.erase(scale.world.rules.rules.begin());
        auto plan = compile(scale.world.rules, {}, rule_ids(scale.plan));
        REQUIRE(plan.ok());
        scale.plan = plan.take();
        REQUIRE(scale.host.classifier().update(scale.plan).ok());
        if (i % 2 == 0) {
            scale.host.classifier().settle();
        }
    }
}

TEST_CASE("more kinds of rules than there are tuples are made coarser, and stay exact") {
    for (const bool v6 : {false, true}) {
        Scale scale;
        size_t number_of = 0;
        // Each pair of prefix lengths, with and without protocol, port, range and zone.
        const unsigned lengths = v6 ? 40 : 33;
        for (unsigned src = 0; src < lengths; src++) {
            for (unsigned dst = 0; dst < lengths; dst++) {
                for (unsigned kind = 0; kind < 6; kind++) {
                    Rule rule =
                        rule_of(number_of, number_of % 3 == 0 ? Action::count : Action::drop);
                    const uint64_t mixed = number_of * 0x9e3779b97f4a7c15ULL;
                    const auto prefix = [&](unsigned length, uint64_t bits) {
                        return v6 ? v6_prefix(0x20010db800000000 | bits >> 40, bits,
                                              static_cast<uint8_t>(length * 3))
                                  : v4_prefix(0x0a000000 | static_cast<uint32_t>(bits >> 44),
                                              static_cast<uint8_t>(length));
                    };
                    rule.match.src = {item(prefix(src, mixed))};
                    rule.match.dst = {item(prefix(dst, mixed << 20))};
                    if (kind >= 1) {
                        rule.match.proto = {number(17, 17)};
                    }
                    if (kind == 2 || kind == 5) {
                        rule.match.dport = {number(kind * 11, kind * 11)};
                    }
                    if (kind == 3) {
                        rule.match.dport = {number(10, 1000 + src)};
                    }
                    if (kind >= 4) {
                        rule.match.sport = {number(1, 1)};
                    }
                    scale.world.rules.rules.push_back(rule);
                    number_of++;
                }
            }
        }
        scale.build(7);
        const FamilyTables& tables = scale.host.classifier().tables(v6 ? Family::v6 : Family::v4);
        CHECK(tables.tuple_count() <= PC_TUPLES_MAX);
        CHECK(tables.coarseness() > 0);
        Dice dice(v6 ? 1 : 2);
        for (size_t i = 0; i < 150; i++) {
            const Rule& rule = dice.pick(scale.world.rules.rules);
            const AddressRange& src = rule.match.src.front().range;
            const AddressRange& dst = rule.match.dst.front().range;
            const uint16_t dport = dice.pick<uint16_t>({9, 10, 22, 55, 1000, 1020, 1039, 1040});
            scale.check(udp_packet(dice.one_in(2) ? src.first : next_address(src.last),
                                   dice.one_in(2) ? dst.last : previous_address(dst.first), dport));
        }
    }
}

TEST_CASE("keys that share a bucket and its chain are told apart") {
    constexpr uint64_t seed = 0x1234567890abcdef;
    constexpr size_t count = 200;
    for (const bool v6 : {false, true}) {
        // As many buckets as this many rules of other addresses get.
        Scale sample;
        for (size_t i = 0; i < count; i++) {
            Rule rule = rule_of(i);
            rule.match.src = {item(v6 ? v6_prefix(i << 16, i, 128)
                                      : v4_prefix(static_cast<uint32_t>(i) << 12, 32))};
            sample.world.rules.rules.push_back(rule);
        }
        sample.build(seed);
        const uint32_t mask = sample.host.head().tables[v6 ? 1 : 0].bucket_mask;
        const auto key_of = [&](uint64_t n) {
            return v6 ? pc_key{.addr = pc_fold_addr(seed, 0x20010db800000000 | n >> 32, n, 0, 0),
                               .sport = 0,
                               .dport = 0,
                               .rest = 0,
                               .tuple = 0}
                      : pc_key{.addr = n << 32, .sport = 0, .dport = 0, .rest = 0, .tuple = 0};
        };
        const auto address_of = [&](uint64_t n) {
            return v6 ? v6_prefix(0x20010db800000000 | n >> 32, n, 128)
                      : v4_prefix(static_cast<uint32_t>(n), 32);
        };
        Scale scale;
        std::vector<uint64_t> others; // not in a rule, but of the same bucket
        uint64_t n = 0;
        while (scale.world.rules.rules.size() < count || others.size() < count) {
            n += 0x10001;
            const pc_key key = key_of(n);
            if ((pc_hash(seed, &key) & mask) != 3 % (mask + 1)) {
                continue;
            }
            if (scale.world.rules.rules.size() < count) {
                Rule rule = rule_of(scale.world.rules.rules.size());
                rule.match.src = {item(address_of(n))};
                scale.world.rules.rules.push_back(rule);
            } else {
                others.push_back(n);
            }
        }
        scale.build(seed);
        REQUIRE(scale.host.head().tables[v6 ? 1 : 0].bucket_mask == mask);
        CHECK(chain_of(scale.host, v6 ? Family::v6 : Family::v4, key_of(others[0])) >= count / 2);
        for (size_t i = 0; i < count; i++) {
            const Address& source = scale.world.rules.rules[i].match.src.front().range.first;
            CHECK(found(scale.host, scale.plan, udp_packet(source, source, 1)) ==
                  "r" + std::to_string(i) + " ");
            const Address other = address_of(others[i]).address;
            CHECK(found(scale.host, scale.plan, udp_packet(other, other, 1)).empty());
        }
        // Every second one goes, and something else comes in its place.
        for (size_t i = 0; i < count; i += 2) {
            Rule& rule = scale.world.rules.rules[i];
            rule.match.src = {item(address_of(others[i]))};
        }
        auto plan = compile(scale.world.rules, {}, rule_ids(scale.plan));
        REQUIRE(plan.ok());
        scale.plan = plan.take();
        REQUIRE(scale.host.classifier().update(scale.plan).ok());
        for (int settled = 0; settled < 3; settled++) {
            for (size_t i = 0; i < count; i++) {
                const Address& source = scale.world.rules.rules[i].match.src.front().range.first;
                CHECK(found(scale.host, scale.plan, udp_packet(source, source, 1)) ==
                      "r" + std::to_string(i) + " ");
            }
            scale.host.classifier().settle();
        }
    }
}

TEST_CASE("ten thousand random rules find what the oracle finds") {
    const uint64_t seed = number_from("PC_SEED", 1);
    const size_t count = number_from("PC_RULES", 10000);
    Scale scale;
    Dice dice(seed);
    for (size_t i = 0; i < count; i++) {
        Rule rule = rule_of(i, dice.one_in(4) ? Action::count : Action::drop);
        const bool v6 = dice.one_in(3);
        const auto prefix = [&] {
            const uint64_t bits = (uint64_t{dice.below(UINT32_MAX)} << 32) | dice.below(UINT32_MAX);
            return v6 ? v6_prefix(0x20010db800000000 | bits >> 52, bits,
                                  dice.pick<uint8_t>({32, 48, 52, 64, 96, 128}))
                      : v4_prefix(0x0a000000 | static_cast<uint32_t>(bits >> 48),
                                  dice.pick<uint8_t>({8, 16, 20, 24, 32}));
        };
        if (!dice.one_in(5)) {
            rule.match.src = {item(prefix())};
        }
        if (!dice.one_in(3)) {
            rule.match.dst = {item(prefix())};
        }
        rule.match.proto = {number(17, 17)};
        if (!dice.one_in(4)) {
            const uint32_t low = dice.below(300);
            rule.match.dport = {number(low, dice.one_in(2) ? low : low + dice.below(100))};
        }
        if (i + 1000 < count && (rule.match.src.empty() || rule.match.dst.empty())) {
            rule.match.sport = {number(dice.below(3), 3)}; // or few of the later ones are ever met
        }
        scale.world.rules.rules.push_back(rule);
    }
    scale.build(seed);
    for (size_t i = 0; i < number_from("PC_PACKETS", 120); i++) {
        const Match& match = dice.pick(scale.world.rules.rules).match;
        const Match& other = dice.pick(scale.world.rules.rules).match;
        const auto end = [&](const std::vector<AddressItem>& one,
                             const std::vector<AddressItem>& two) {
            const AddressRange fallback = range("10.0.0.0/8");
            const AddressRange& from = !one.empty()   ? one.front().range
                                       : !two.empty() ? two.front().range
                                                      : fallback;
            return dice.one_in(3)   ? from.last
                   : dice.one_in(8) ? next_address(from.last)
                                    : from.first;
        };
        Packet packet = udp_packet(end(match.src, other.dst), end(match.dst, other.src),
                                   static_cast<uint16_t>(dice.below(400)));
        if (packet.src.family != packet.dst.family) {
            packet.dst = packet.src;
        }
        packet.sport = static_cast<uint16_t>(dice.below(6));
        scale.check(packet);
    }
}

} // namespace pc::test
