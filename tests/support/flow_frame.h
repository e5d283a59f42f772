// SPDX-License-Identifier: GPL-3.0-or-later
// The packets of flow_reference.h as frames, and as the rules see them.
#pragma once

#include "tests/support/flow_reference.h"
#include "tests/support/frame.h"

namespace pc::test {

// Around a packet, without a meaning for its flow.
struct FlowShape {
    FrameShape frame;
    bool more_options = false; // of TCP: those that a host of today sends
};

// Sets the length of L3, which its flow counts.
void measure(FlowPacket& packet, const FlowShape& shape);

// Of a packet that was measured. The checksum of L4 is wrong: nobody on the way asks for it.
[[nodiscard]] std::vector<std::byte> frame_of(const FlowPacket& packet, const FlowShape& shape);

[[nodiscard]] Packet packet_of(const FlowPacket& packet, const std::string& zone,
                               pc_state_bit state);

} // namespace pc::test
