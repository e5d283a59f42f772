// SPDX-License-Identifier: GPL-3.0-or-later
// The outside of QUIC's long-header packets (RFC 8999, RFC 9000 17.2, RFC 9369 3.2), as a client
// sends them. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ctl/inspect/cursor.h"

namespace pc::inspect {

constexpr uint32_t quic_v1 = 1;
constexpr uint32_t quic_v2 = 0x6b3343cf;

// Of a packet that a server may take; `unknown` is one of a version that is not v1 or v2, whose
// kinds nobody here knows.
enum class QuicPacketKind : uint8_t { initial, zero_rtt, handshake, unknown };

struct QuicPacket {
    QuicPacketKind kind = QuicPacketKind::unknown;
    uint32_t version = 0;
    Bytes dcid;
    Bytes bytes;          // all of the packet; of an unknown version all of the datagram's rest
    size_t number_at = 0; // where the protected packet number begins; not of an unknown version
};

// A number in QUIC's variable-length encoding (RFC 9000 16). 0 after a failure, as with Cursor.
[[nodiscard]] uint64_t take_varint(Cursor& cursor);

// Takes the next coalesced packet off the front of a datagram. None, and `datagram` as it was: the
// rest is no long-header packet (padding, a short header), only servers send it (Retry, Version
// Negotiation), or it is cut short or has an overlong connection ID, for which servers drop it.
[[nodiscard]] std::optional<QuicPacket> take_quic_packet(Bytes& datagram);

} // namespace pc::inspect
