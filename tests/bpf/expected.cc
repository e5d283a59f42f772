// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bpf/expected.h"

#include <algorithm>

#include <catch2/catch.hpp>
#include <linux/bpf.h>

#include "tests/bpf/routes.h"

namespace pc::test {

namespace {

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

} // namespace

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

Packet routed_packet(Dice& dice, const RandomCase& world) {
    Packet packet = random_packet(dice, world);
    while (world.shape.out_rules && !is_routable(packet)) {
        packet = random_packet(dice, world);
    }
    take_route(world, packet);
    return packet;
}

FrameShape shape_for(Dice& dice, const Packet& packet) {
    FrameShape shape = random_frame_shape(dice);
    // Under a tag that only carries a priority the inner one is the packet's VLAN.
    shape.inner_tag = shape.inner_tag && packet.vlan != PC_VLAN_NONE;
    return shape;
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

} // namespace pc::test
