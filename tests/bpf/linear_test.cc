// SPDX-License-Identifier: GPL-3.0-or-later
// Large rule sets: the rules that the classifier finds in the kernel are those that asking each in
// turn finds there (linear.bpf.c), and those of the oracle. PC_SEED, PC_SETS, PC_RULES, PC_PACKETS.
#include <cstdio>

#include <catch2/catch.hpp>

#include "tests/bpf/expected.h"
#include "tests/bpf/witness.h"
#include "tests/support/verdicts.h"

namespace pc::test {
namespace {

// Many rules of which few end the walk, or nobody would ever meet the later ones.
RandomCase large_case(uint64_t seed, size_t count, Dice& dice) {
    RandomCase world = random_rules(
        seed, {.rules_max = count, .out_rules = seed % 2 == 0, .inspect_rules = seed % 3 == 0});
    for (uint64_t more = 1; world.rules.rules.size() < count; more++) {
        const RandomCase other = random_rules(seed, {.rules_max = count * (more + 1),
                                                     .out_rules = seed % 2 == 0,
                                                     .inspect_rules = seed % 3 == 0});
        for (Rule rule : other.rules.rules) {
            rule.name = "m" + std::to_string(more) + rule.name;
            world.rules.rules.push_back(rule);
        }
    }
    world.rules.rules.resize(count);
    uint32_t priority = 0;
    for (Rule& rule : world.rules.rules) {
        rule.priority = ++priority;
        if (ends_walk(rule.action) && rule.action != Action::inspect && !dice.one_in(30)) {
            rule.action = Action::count;
        }
    }
    return world;
}

struct Totals {
    size_t packets = 0;
    size_t rules = 0;
};

void ask(const RandomCase& world, Witness& witness, Dice& dice, size_t packets, Totals& totals) {
    for (size_t i = 0; i < packets; i++) {
        const Packet packet = routed_packet(dice, world);
        const FrameShape shape = shape_for(dice, packet);
        const Frame frame = frame_of(packet, shape);
        const Outcome outcome = Harness::get().run(frame, interface_of(world, packet));
        INFO(describe(world, packet).substr(0, 400));
        REQUIRE(to_text(outcome.rules) == to_text(witness.run(frame, packet)));
        totals.packets++;
        totals.rules += outcome.rules.size();
        if (i % 5 == 0) {
            const Meaning meaning = verdict_of(world.rules, world.environment, packet);
            REQUIRE(to_text(outcome.rules) == to_text(expected_of(world, meaning).rules));
        }
    }
}

} // namespace

TEST_CASE("both ways of asking find the same rules in the kernel") {
    const uint64_t seed = number_from("PC_SEED", 1);
    const uint64_t sets = number_from("PC_SETS", 6);
    const size_t packets = number_from("PC_PACKETS", 60);
    Harness::get();
    Witness witness;
    Totals totals;
    for (uint64_t i = 0; i < sets; i++) {
        const size_t count = number_from("PC_RULES", 200 + i % 7 * 300);
        INFO("PC_SEED=" << seed + i << " PC_SETS=1 PC_RULES=" << count);
        Dice dice(seed + i);
        RandomCase world = large_case(seed + i, count, dice);
        Harness::get().load(world.rules, world.environment);
        REQUIRE(Harness::get().plan().records.size() > count / 2);
        witness.load(Harness::get().plan());
        ask(world, witness, dice, packets, totals);
        // Edited: a tenth of the rules goes, and comes back elsewhere.
        std::vector<Rule>& rules = world.rules.rules;
        size_t edits = 0;
        for (size_t k = 0; k < 20; k++) {
            const auto from = rules.begin() + dice.below(static_cast<uint32_t>(rules.size()));
            const Rule rule = *from;
            rules.erase(from);
            if (k % 2 == 0) {
                rules.insert(rules.begin() + dice.below(static_cast<uint32_t>(rules.size())), rule);
            }
            uint32_t priority = 0;
            for (Rule& each : rules) {
                each.priority = ++priority;
            }
            edits += Harness::get().edit(world.rules, world.environment) ? 1 : 0;
            if (k % 3 == 0) {
                Harness::get().settle();
            }
            witness.load(Harness::get().plan());
            ask(world, witness, dice, 4, totals);
        }
        CHECK(edits > 10);
    }
    std::printf("%zu packets met %zu rules\n", totals.packets, totals.rules);
    CHECK(totals.rules > totals.packets);
}

} // namespace pc::test
