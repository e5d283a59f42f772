// SPDX-License-Identifier: GPL-3.0-or-later
// Random rule sets and packets: the kernel's verdict, the rule that gave it and each counter on the
// way equal what rules/meaning.h says. PC_SEED, PC_SETS and PC_PACKETS make longer runs, and repeat
// one.
#include <cstdio>
#include <ctime>

#include <catch2/catch.hpp>

#include "tests/bpf/expected.h"
#include "tests/support/verdicts.h"

namespace pc::test {
namespace {

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
        const Packet packet = routed_packet(dice, world);
        const Meaning meaning = verdict_of(world.rules, world.environment, packet);
        const Expected expected = expected_of(world, meaning);
        compare(world, packet, shape_for(dice, packet), expected);
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

TEST_CASE("the kernel's verdict and rule equal the oracle's after every edit") {
    const uint64_t seed = number_from("PC_SEED", 1);
    const uint64_t sets = std::min<uint64_t>(number_from("PC_SETS", 8), 100000);
    size_t edits = 0;
    size_t anew = 0;
    for (uint64_t i = 0; i < sets; i++) {
        INFO("PC_SEED=" << seed + i << " PC_SETS=1");
        LiveRules live(
            random_rules(seed + i,
                         {.rules_max = 60, .out_rules = i % 2 == 0, .inspect_rules = i % 3 == 0}),
            seed + i);
        Harness& harness = Harness::get();
        harness.load(live.world().rules, live.world().environment);
        for (int step = 0; step < 40; step++) {
            for (uint32_t k = live.dice().one_in(4) ? live.dice().between(2, 9) : 1; k > 0; k--) {
                live.change(static_cast<LiveRules::Change>(live.dice().below(6)));
            }
            edits++;
            anew += harness.edit(live.world().rules, live.world().environment) ? 0 : 1;
            if (live.dice().one_in(3)) {
                harness.settle();
            }
            for (int k = 0; k < 10; k++) {
                const Packet packet = routed_packet(live.dice(), live.world());
                const Meaning meaning =
                    verdict_of(live.world().rules, live.world().environment, packet);
                INFO("step " << step);
                compare(live.world(), packet, shape_for(live.dice(), packet),
                        expected_of(live.world(), meaning));
            }
        }
    }
    std::printf("%zu commits, %zu of them built anew\n", edits, anew);
    CHECK(anew < edits / 2);
}

} // namespace
} // namespace pc::test
