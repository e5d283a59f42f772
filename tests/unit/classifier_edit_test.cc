// SPDX-License-Identifier: GPL-3.0-or-later
// A live classifier that is edited at random, against the oracle after every step. Longer runs:
//   PC_SEED=1 PC_SETS=250 PC_PACKETS=40 build/tests/unit/classifier_edit_test
// asks over a million packets; a failure says which PC_SEED shows it again with PC_SETS=1.
#include <cstdio>

#include <catch2/catch.hpp>

#include "tests/support/verdicts.h"

namespace pc::test {
namespace {

using Change = LiveRules::Change;

constexpr size_t steps = 120;

// What goes before packets in one step.
void step(LiveRules& live, uint32_t kind) {
    Dice& dice = live.dice();
    if (kind < 60) {
        live.change(static_cast<Change>(dice.below(4)));
        live.commit();
    } else if (kind < 70) {
        live.change(Change::list);
        live.commit();
    } else if (kind < 80) {
        live.change(Change::set);
        live.commit();
    } else if (kind < 90) {
        for (uint32_t i = dice.between(2, 20); i > 0; i--) {
            live.change(static_cast<Change>(dice.below(6)));
        }
        live.commit();
    } else if (kind == 90) {
        live.change(Change::defaults);
        live.commit();
    } else {
        live.commit(); // the same again
    }
}

void say(const char* what, const LiveRules::Counts& counts) {
    std::printf("%s: %zu commits, %zu built anew; %zu dynamic edits, %zu built anew\n", what,
                counts.edits, counts.anew, counts.dynamic_edits, counts.dynamic_anew);
    for (const auto& [reason, count] : counts.reasons) {
        std::printf("    %zu: %s\n", count, reason.c_str());
    }
}

void add(LiveRules::Counts& sum, const LiveRules::Counts& counts) {
    sum.edits += counts.edits;
    sum.anew += counts.anew;
    sum.dynamic_edits += counts.dynamic_edits;
    sum.dynamic_anew += counts.dynamic_anew;
    for (const auto& [reason, count] : counts.reasons) {
        sum.reasons[reason] += count;
    }
}

} // namespace

TEST_CASE("after every edit the rules mean what the oracle says") {
    const uint64_t seed = number_from("PC_SEED", 1);
    const uint64_t sets = number_from("PC_SETS", 6);
    const uint64_t packets = number_from("PC_PACKETS", 12);
    LiveRules::Counts sum;
    for (uint64_t i = 0; i < sets; i++) {
        LiveRules live(world_of(seed + i, 20 + (seed + i) % 100), seed + i);
        for (size_t k = 0; k < steps; k++) {
            step(live, live.dice().below(100));
            if (live.dice().one_in(3)) {
                live.settle();
            }
            const std::string difference = live.first_difference(packets);
            INFO("PC_SEED=" << seed + i << " PC_SETS=1 step " << k << "\n" << difference);
            REQUIRE(difference.empty());
        }
        add(sum, live.counts);
    }
    say("random edits", sum);
}

TEST_CASE("edits of rules and of dynamic sets do not disturb each other") {
    const uint64_t seed = number_from("PC_SEED", 1);
    const uint64_t sets = number_from("PC_SETS", 6);
    const uint64_t packets = number_from("PC_PACKETS", 12);
    LiveRules::Counts sum;
    for (uint64_t i = 0; i < sets; i++) {
        RandomCase world = world_of(seed + i, 20 + (seed + i) % 30);
        world.shape.blocks = (seed + i) % 2 == 0;
        world.environment.dynamic.clear();
        if (world.shape.blocks) {
            world.environment.dynamic["blocks"];
        }
        LiveRules live(std::move(world), seed + i, 12);
        for (size_t k = 0; k < steps; k++) {
            if (live.dice().one_in(3)) {
                step(live, live.dice().below(90));
            } else {
                live.change_dynamic();
            }
            if (live.dice().one_in(4)) {
                live.pass_time(live.dice().below(8));
            }
            if (live.dice().one_in(3)) {
                live.settle();
            }
            const std::string difference = live.first_difference(packets);
            INFO("PC_SEED=" << seed + i << " PC_SETS=1 step " << k << "\n" << difference);
            REQUIRE(difference.empty());
        }
        add(sum, live.counts);
    }
    say("random edits with dynamic sets", sum);
}

TEST_CASE("an edit of one rule is mostly no new generation") {
    LiveRules::Counts sum;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        LiveRules live(world_of(seed * 100 + 7, 150), seed);
        for (size_t k = 0; k < steps; k++) {
            live.change(static_cast<Change>(live.dice().below(4)));
            live.commit();
            live.settle();
        }
        add(sum, live.counts);
    }
    say("single-rule edits", sum);
    CHECK(sum.anew * 20 <= sum.edits);
}

} // namespace pc::test
