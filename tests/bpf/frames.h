// SPDX-License-Identifier: GPL-3.0-or-later
// Packets in the words of `explain packet`, for the tables of these tests.
#pragma once

#include <string>

#include "tests/bpf/harness.h"
#include "tests/support/frame.h"

namespace pc::test {

// Zones as the tests have them: wan, lan (untagged on lan0), guest (VLAN 30 on lan0), dmz.
inline constexpr const char* zones_toml = R"(
schema = 1
[zone.wan]
interfaces = "wan0"
[zone.lan]
interfaces = "lan0"
vlan = "untagged"
[zone.guest]
interfaces = "lan0"
vlan = 30
[zone.dmz]
interfaces = ["dmz0", "dmz1"]
)";

// "in lan tcp 10.1.0.2 192.0.2.1:22 frag first": words must be right.
[[nodiscard]] Packet packet_of(const std::string& words);

// The frame of such a packet, on the interface of its zone.
[[nodiscard]] Outcome run(const std::string& words, const FrameShape& shape = {});
[[nodiscard]] std::string interface_of(const Packet& packet);

// The words of the reasons that were counted, in order, with a space between.
[[nodiscard]] std::string reasons_of(const Outcome& outcome);

// "r1+1 r2+1": the rules whose counters moved.
[[nodiscard]] std::string rules_of(const Outcome& outcome);

} // namespace pc::test
