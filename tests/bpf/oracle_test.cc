// SPDX-License-Identifier: GPL-3.0-or-later
// Random rule sets and packets: the kernel's verdict, the rule that gave it and each counter on the
// way equal what rules/meaning.h says. PC_SEED, PC_SETS and PC_PACKETS make longer runs, and repeat
// one.
#include <cstdlib>
#include <ctime>

#include <catch2/catch.hpp>
#include <linux/bpf.h>

#include "rules/meaning.h"
#include "tests/bpf/harness.h"
#include "tests/support/random_rules.h"

namespace pc::test {
namespace {

uint64_t number_from(const char* variable, uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// What the program should do with the packet.
struct Expected {
    bool passes = false;
    std::map<std::string, uint64_t> rules;
    std::string reason; // a word, if no rule decided
    Mark mark{.value = 0, .mask = 0};
};

Expected expected_of(const RandomCase& world, const Meaning& meaning) {
    Expected expected;
    for (const Step& step : meaning.steps) {
        const auto rule = std::find_if(world.rules.rules.begin(), world.rules.rules.end(),
                                       [&](const Rule& r) { return r.name == step.rule; });
        REQUIRE(rule != world.rules.rules.end());
        if (!step.matched || ends_walk(rule->action) || hook_of(*rule) == Hook::tc) {
            continue;
        }
        expected.rules[rule->name]++;
        if (rule->action == Action::mark) {
            expected.mark.value = (expected.mark.value & ~rule->mark.mask) | rule->mark.value;
            expected.mark.mask |= rule->mark.mask;
        }
    }
    expected.passes = meaning.verdict == Verdict::accept || meaning.verdict == Verdict::inspect;
    if (!meaning.rule) {
        expected.reason = meaning.reason;
    } else if (meaning.hook == Hook::xdp || !expected.passes) {
        expected.rules[*meaning.rule]++;
    }
    return expected;
}

std::string to_text(const std::map<std::string, uint64_t>& counts) {
    std::string text;
    for (const auto& [name, packets] : counts) {
        text += name + "+" + std::to_string(packets) + " ";
    }
    return text;
}

std::string word_of_reason(uint32_t reason) {
#define PC_WORD(name, word)                                                                        \
    if (reason == PC_REASON_##name) {                                                              \
        return word;                                                                               \
    }
    PC_DROP_REASONS(PC_WORD)
    PC_PASS_REASONS(PC_WORD)
#undef PC_WORD
    return "";
}

// As the packet would meet the router of the harness: the zone it leaves by is where the route
// goes.
void take_route(const RandomCase& world, Packet& packet) {
    const std::string interface = route_to(packet.dst);
    packet.out = std::nullopt;
    for (const Zone& zone : world.rules.zones) {
        const bool has = std::find(zone.interfaces.begin(), zone.interfaces.end(), interface) !=
                         zone.interfaces.end();
        const bool untagged = zone.vlans.empty() || std::find(zone.vlans.begin(), zone.vlans.end(),
                                                              PC_VLAN_NONE) != zone.vlans.end();
        if (has && untagged) {
            packet.out = zone.name;
        }
    }
}

// Multicast, loopback and unspecified IPv6 addresses: where the kernel routes them is its own
// business.
bool is_routable(const Packet& packet) {
    static const std::vector<Prefix> never{parse_prefix("ff00::/8").prefix,
                                           parse_prefix("fe80::/10").prefix,
                                           parse_prefix("::/127").prefix};
    return std::none_of(never.begin(), never.end(), [&](const Prefix& prefix) {
        return contains(prefix, packet.src) || contains(prefix, packet.dst);
    });
}

void compare(const RandomCase& world, const Packet& packet, const FrameShape& shape,
             const Expected& expected) {
    const Outcome outcome =
        Harness::get().run(frame_of(packet, shape), interface_of(world, packet));
    INFO(describe(world, packet));
    const bool passed = outcome.action == XDP_PASS;
    CHECK(passed == expected.passes);
    CHECK(to_text(outcome.rules) == to_text(expected.rules));
    if (!expected.reason.empty()) {
        std::string words;
        for (const auto& [reason, count] : outcome.reasons) {
            words += word_of_reason(reason);
        }
        CHECK(words == expected.reason);
    }
    if (passed && expected.mark.mask != 0) {
        REQUIRE(outcome.meta.has_value());
        CHECK(outcome.meta->mark == expected.mark.value);
        CHECK(outcome.meta->mark_mask == expected.mark.mask);
    } else {
        CHECK_FALSE(outcome.meta.has_value());
    }
}

struct Totals {
    size_t packets = 0;
    size_t by_rule = 0;
    size_t by_tc_rule = 0;
    size_t marked = 0;
};

void check_rules(uint64_t seed, size_t packets, Totals& totals) {
    const RandomShape rules{.rules_max = 24,
                            .out_rules = seed % 2 == 0,
                            .inspect_rules = seed % 3 == 0,
                            .loose = seed % 5 == 0};
    const RandomCase world = random_rules(seed, rules);
    INFO("PC_SEED=" << seed << " PC_SETS=1");
    Harness::get().load(world.rules, world.environment);
    Dice dice(seed ^ 0x9e3779b97f4a7c15);
    for (size_t i = 0; i < packets; i++) {
        Packet packet = random_packet(dice, world);
        while (rules.out_rules && !is_routable(packet)) {
            packet = random_packet(dice, world);
        }
        take_route(world, packet);
        const Meaning meaning = verdict_of(world.rules, world.environment, packet);
        const Expected expected = expected_of(world, meaning);
        FrameShape shape = random_frame_shape(dice);
        // Under a tag that only carries a priority the inner one is the packet's VLAN.
        shape.inner_tag = shape.inner_tag && packet.vlan != PC_VLAN_NONE;
        compare(world, packet, shape, expected);
        totals.packets++;
        totals.by_rule += meaning.rule ? 1 : 0;
        totals.by_tc_rule += meaning.rule && meaning.hook == Hook::tc ? 1 : 0;
        totals.marked += expected.mark.mask != 0 ? 1 : 0;
    }
}

TEST_CASE("the kernel's verdict and rule equal the oracle's for random rules and packets") {
    const uint64_t seed = number_from("PC_SEED", static_cast<uint64_t>(std::time(nullptr)));
    const uint64_t sets = number_from("PC_SETS", 200);
    const uint64_t packets = number_from("PC_PACKETS", 500);
    Totals totals;
    std::printf("PC_SEED=%llu PC_SETS=%llu PC_PACKETS=%llu\n",
                static_cast<unsigned long long>(seed), static_cast<unsigned long long>(sets),
                static_cast<unsigned long long>(packets));
    for (uint64_t i = 0; i < sets; i++) {
        check_rules(seed + i, packets, totals);
    }
    std::printf("%zu packets: %zu decided by a rule, %zu of these by one of TC; %zu marked\n%s\n",
                totals.packets, totals.by_rule, totals.by_tc_rule, totals.marked,
                Harness::get().verifier().c_str());
    // Random packets that meet no rule would prove little.
    CHECK(totals.by_rule > totals.packets / 4);
}

} // namespace
} // namespace pc::test
