// SPDX-License-Identifier: GPL-3.0-or-later
// A Packet of the oracle as the bytes of an Ethernet frame, for BPF_PROG_TEST_RUN and the host
// build of the parser.
#pragma once

#include <cstddef>

#include "rules/packet.h"

namespace pc::test {

// Everything around a packet that must make no difference to its verdict. What does not fit into
// packet.len is left out.
struct FrameShape {
    bool priority_tag = false; // untagged packets carry VLAN id 0
    bool inner_tag = false;    // of a packet with a VLAN id, which is the outer one's
    bool pppoe = false;
    uint8_t ipv4_option_words = 0;  // of NOP options
    bool extension_headers = false; // IPv6: hop-by-hop options and destination options
    bool atomic_fragment = false;   // IPv6: a fragment header on a packet that is no fragment
};

// Correct lengths and checksums; the payload fills the L3 length up to packet.len. A first fragment
// starts a longer datagram, a later one ends it.
[[nodiscard]] std::vector<std::byte> frame_of(const Packet& packet, const FrameShape& shape = {});

// The L3 length below which frame_of() cannot write the headers of this packet.
[[nodiscard]] uint32_t len_min(const Packet& packet);

} // namespace pc::test
