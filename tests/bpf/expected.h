// SPDX-License-Identifier: GPL-3.0-or-later
// What the XDP program should do with a packet, from what the oracle says of it.
#pragma once

#include "rules/meaning.h"
#include "tests/bpf/harness.h"
#include "tests/support/random_rules.h"

namespace pc::test {

struct Expected {
    bool passes = false;
    std::map<std::string, uint64_t> rules; // as Outcome::rules
    std::string reason;                    // a word, if no rule decided
    Mark mark{.value = 0, .mask = 0};
};

[[nodiscard]] Expected expected_of(const RandomCase& world, const Meaning& meaning);

[[nodiscard]] std::string to_text(const std::map<std::string, uint64_t>& counts);

// A packet as it would meet the router of the harness: the zone it leaves by is where the route
// goes.
[[nodiscard]] Packet routed_packet(Dice& dice, const RandomCase& world);

// What does not change what a packet is.
[[nodiscard]] FrameShape shape_for(Dice& dice, const Packet& packet);

// Runs the frame and checks all of that.
void compare(const RandomCase& world, const Packet& packet, const FrameShape& shape,
             const Expected& expected);

} // namespace pc::test
