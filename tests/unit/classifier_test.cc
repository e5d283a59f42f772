// SPDX-License-Identifier: GPL-3.0-or-later
// The classifier against the oracle: random rules and packets at their edges, built whole.
// PC_SEED, PC_SETS, PC_PACKETS as in tests/bpf/oracle_test.cc.
#include <catch2/catch.hpp>

#include "tests/support/verdicts.h"

namespace pc::test {
TEST_CASE("the first match is the oracle's, for rules built whole") {
    const uint64_t seed = number_from("PC_SEED", 1);
    const uint64_t sets = number_from("PC_SETS", 60);
    const uint64_t packets = number_from("PC_PACKETS", 300);
    for (uint64_t i = 0; i < sets; i++) {
        const RandomCase world = world_of(seed + i, 8 + i % 60);
        const auto plan = compile(world.rules, world.environment, {});
        REQUIRE(plan.ok());
        HostClassifier host;
        REQUIRE(host.build(plan.value(), {}, seed * 77 + i).ok());
        Dice dice(seed + i);
        for (uint64_t k = 0; k < packets; k++) {
            const Packet packet = random_packet(dice, world);
            INFO("PC_SEED=" << seed + i << " PC_SETS=1\n" << describe(world, packet));
            REQUIRE(found(host, plan.value(), packet) == expected(world, packet));
        }
    }
}

} // namespace pc::test
