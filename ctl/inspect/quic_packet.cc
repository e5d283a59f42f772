// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/quic_packet.h"

namespace pc::inspect {

namespace {

constexpr uint8_t long_header = 0x80;
constexpr uint8_t fixed_bit = 0x40;
// Of v1 and v2. Other versions may have up to 255; none in use does, and these bounds are what
// tells them from any other protocol.
constexpr size_t cid_bytes_max = 20;
constexpr size_t first_dcid_bytes_min = 8; // RFC 9000 7.2; servers of v1 take less

// None: a Retry, which only servers send.
std::optional<QuicPacketKind> kind_of(uint8_t first, uint32_t version) {
    // v2 counts the same kinds from 1 on, so that nobody relies on v1's numbers.
    const int type = ((first >> 4 & 3) + (version == quic_v2 ? 3 : 0)) & 3;
    switch (type) {
    case 0:
        return QuicPacketKind::initial;
    case 1:
        return QuicPacketKind::zero_rtt;
    case 2:
        return QuicPacketKind::handshake;
    default:
        return std::nullopt;
    }
}

// The version is v1 or v2; `cursor` stands behind the connection IDs.
std::optional<QuicPacket> take_known(QuicPacket packet, uint8_t first, Cursor cursor) {
    const std::optional<QuicPacketKind> kind = kind_of(first, packet.version);
    if (!kind) {
        return std::nullopt;
    }
    packet.kind = *kind;
    if (*kind == QuicPacketKind::initial) {
        (void)cursor.take(take_varint(cursor)); // the token; ignoring: ok() below says if it is cut
    }
    const uint64_t length = take_varint(cursor);
    if (!cursor.ok() || length > cursor.left()) {
        return std::nullopt;
    }
    packet.number_at = packet.bytes.size() - cursor.left();
    packet.bytes = packet.bytes.first(packet.number_at + static_cast<size_t>(length));
    return packet;
}

} // namespace

uint64_t take_varint(Cursor& cursor) {
    const uint32_t first = cursor.number(1);
    uint64_t value = first & 0x3f;
    for (int more = (1 << (first >> 6)) - 1; more > 0; --more) {
        value = value << 8 | cursor.number(1);
    }
    return cursor.ok() ? value : 0;
}

std::optional<QuicPacket> take_quic_packet(Bytes& datagram) {
    Cursor cursor(datagram);
    const auto first = static_cast<uint8_t>(cursor.number(1));
    QuicPacket packet;
    packet.version = cursor.number(4);
    packet.dcid = cursor.vector(1);
    const Bytes scid = cursor.vector(1);
    packet.bytes = datagram;
    const bool ids_fit = packet.dcid.size() <= cid_bytes_max && scid.size() <= cid_bytes_max;
    if (!cursor.ok() || !ids_fit || (first & long_header) == 0 || packet.version == 0) {
        return std::nullopt;
    }
    std::optional<QuicPacket> taken = packet;
    if (packet.version == quic_v1 || packet.version == quic_v2) {
        // The fixed bit is not asked for: servers that grease it (RFC 9287) take packets without.
        taken = take_known(packet, first, cursor);
    } else if ((first & fixed_bit) == 0 || packet.dcid.size() < first_dcid_bytes_min) {
        taken = std::nullopt;
    }
    if (taken) {
        datagram = datagram.subspan(taken->bytes.size());
    }
    return taken;
}

} // namespace pc::inspect
