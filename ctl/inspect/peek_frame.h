// SPDX-License-Identifier: GPL-3.0-or-later
// Frames that TC hands to the inspector to look at: Ethernet with a TCP segment over IPv4 or IPv6,
// which TC's own parser has accepted. Pure and bounded, and sure of nothing all the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ctl/inspect/socket_address.h"

namespace pc::inspect {

using EthernetAddress = std::array<uint8_t, 6>;

// struct virtio_net_hdr, whose header C++ cannot read: what a frame leaves to the hardware. It is
// not looked into, only given back.
struct Offload {
    uint8_t flags = 0;
    uint8_t gso_type = 0;
    uint16_t hdr_len = 0;
    uint16_t gso_size = 0;
    uint16_t csum_start = 0;
    uint16_t csum_offset = 0;
};

static_assert(sizeof(Offload) == 10);

struct TcpSegment {
    Endpoint from, to;
    uint32_t seq = 0; // host order, as all below
    uint32_t ack = 0;
    uint8_t flags = 0; // of the TCP header: 0x01 FIN, 0x02 SYN, 0x04 RST
    std::span<const std::byte> payload;
};

// `frame` must outlive the answer. Padding after the IP packet is not payload.
[[nodiscard]] std::optional<TcpSegment> parse_segment(std::span<const std::byte> frame);

// A segment that ends a connection, with all checksums (RFC 9293 3.5.3: a reset that acknowledges
// what it answers, or one whose number the other side expects).
struct Reset {
    Endpoint from, to;
    uint32_t seq = 0;
    std::optional<uint32_t> ack;
};

[[nodiscard]] std::vector<std::byte> reset_frame(const Reset& reset);

// The address in the frame that tells TC what it is: see PC_PEEK_MAC.
void set_source(std::span<std::byte> frame, const EthernetAddress& source);

} // namespace pc::inspect
