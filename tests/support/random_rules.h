// SPDX-License-Identifier: GPL-3.0-or-later
// Random rule sets that overlap, and packets aimed at their edges: the ends of each range and one
// beyond, the first and last address of each prefix and its neighbours. One seed, one outcome, on
// every machine.
#pragma once

#include <random>

#include "tests/support/frame.h"

namespace pc::test {

class Dice {
public:
    explicit Dice(uint64_t seed) : engine_(seed) {}

    // 0 to n - 1.
    [[nodiscard]] uint32_t below(uint32_t n) { return static_cast<uint32_t>(engine_() % n); }

    [[nodiscard]] uint32_t between(uint32_t low, uint32_t high) {
        return low + below(high - low + 1);
    }

    [[nodiscard]] bool one_in(uint32_t n) { return below(n) == 0; }

    [[nodiscard]] bool percent(uint32_t share) { return below(100) < share; }

    template <typename T>
    [[nodiscard]] const T& pick(const std::vector<T>& from) {
        return from.at(below(static_cast<uint32_t>(from.size())));
    }

private:
    std::mt19937_64 engine_;
};

struct RandomShape {
    size_t rules_max = 24;
    bool out_rules = false;     // some rules name `out`, packets have a zone they leave by
    bool inspect_rules = false; // some rules inspect (tcp)
    // What parse() refuses and the semantics say nonetheless: ports, types and flags without their
    // protocol, negated items in sets.
    bool loose = false;
    bool set_files = true;     // sets with entries from a file
    bool blocks = false;       // the dynamic set "blocks" is not empty
    bool dynamic_sets = false; // rules name dynamic sets, which hold something or nothing
    bool states = false;      // rules name states, zones accept known flows; packets have any state
    bool zoneless = false;    // packets that enter by an interface's VLAN of no zone (in = "")
    uint32_t own_percent = 0; // packets of the router itself (no `in`)
};

// What rules and packets have in common, so that they meet.
struct RandomPools {
    std::vector<AddressRange> addresses; // of both families, nested and touching
    std::vector<NumberRange> ports, lengths, ttls, dscps, vlans;
    std::vector<MacAddress> macs;
};

struct RandomCase {
    uint64_t seed = 0;
    RandomShape shape;
    RandomPools pools;
    RuleSet rules;
    Environment environment;
};

// Valid rules (check() finds no error, unless the shape is loose), without files and locations: for
// these parse(print_toml(rules)). A tc rule names neither `vlan` nor `src_mac`, which are no longer
// there to be asked when a packet leaves.
[[nodiscard]] RandomCase random_rules(uint64_t seed, const RandomShape& shape = {});

// Every other one is aimed at a rule. A frame can express it: frame_of() and the zone's interface.
[[nodiscard]] Packet random_packet(Dice& dice, const RandomCase& world);
[[nodiscard]] pc_state_bit random_state(Dice& dice);
[[nodiscard]] FrameShape random_frame_shape(Dice& dice);

// By which a packet enters: the first interface of its zone.
[[nodiscard]] std::string interface_of(const RandomCase& world, const Packet& packet);

// What to print so that a failure can be seen again.
[[nodiscard]] std::string describe(const RandomCase& world, const Packet& packet);

} // namespace pc::test
