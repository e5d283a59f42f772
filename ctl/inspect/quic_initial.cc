// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/quic_initial.h"

#include <algorithm>
#include <utility>

#include "ctl/inspect/quic_frames.h"

namespace pc::inspect {

struct QuicAssembler::Seen {
    const char* fault = nullptr;
    Bytes first_dcid;
    size_t packets = 0;
    size_t datagram_bytes = 0;
    bool initial = false;            // an authentic one
    std::optional<uint32_t> unnamed; // the version of what gives no name
};

// With the keys of the connection so far; else as the first Initial of another one, which is what
// follows a Retry. What came before is then forgotten: the client begins anew, and pieces of two
// connections must not make one hello that no server sees.
std::optional<OpenedPacket> QuicAssembler::open(const QuicPacket& packet, Seen& seen) {
    if (connection_ && connection_->version == packet.version) {
        if (auto opened = open_initial(packet, connection_->keys, connection_->largest)) {
            return opened;
        }
    }
    const std::optional<QuicKeys> keys = client_initial_keys(packet.version, packet.dcid);
    if (!keys) {
        return std::nullopt;
    }
    auto opened = open_initial(packet, *keys, std::nullopt);
    if (!opened) {
        return std::nullopt;
    }
    if (++keys_ > quic_keys_max) {
        seen.fault = "the client begins too many connections";
    }
    Connection begun;
    begun.version = packet.version;
    begun.keys = *keys;
    connection_ = std::move(begun);
    return opened;
}

void QuicAssembler::read_initial(const QuicPacket& packet, Seen& seen) {
    const std::optional<OpenedPacket> opened = open(packet, seen);
    if (!opened) {
        return;
    }
    seen.initial = true;
    connection_->largest = std::max(connection_->largest.value_or(0), opened->number);
    if (seen.fault != nullptr) {
        return;
    }
    if (opened->reserved_bits != 0) {
        seen.fault = "reserved bits of an Initial are set";
    } else if (seen.datagram_bytes < quic_initial_datagram_min) {
        seen.fault = "an Initial comes in a datagram that is too small";
    } else if (!std::equal(packet.dcid.begin(), packet.dcid.end(), seen.first_dcid.begin(),
                           seen.first_dcid.end())) {
        seen.fault = "a datagram holds packets of two connections";
    } else {
        seen.fault = read_initial_frames(opened->payload, connection_->stream);
    }
}

void QuicAssembler::read_packet(const QuicPacket& packet, Seen& seen) {
    if (++seen.packets == 1) {
        seen.first_dcid = packet.dcid;
    }
    switch (packet.kind) {
    case QuicPacketKind::initial:
        seems_quic_ = true;
        read_initial(packet, seen);
        break;
    case QuicPacketKind::zero_rtt:
        seems_quic_ = true;
        seen.unnamed = packet.version;
        break;
    case QuicPacketKind::handshake:
        seems_quic_ = true;
        break;
    case QuicPacketKind::unknown:
        // Four bytes that are no version can be anything; a client that asks for a version has to
        // fill a datagram, or no server would answer (RFC 9000 6.1).
        if (seen.datagram_bytes >= quic_initial_datagram_min) {
            seems_quic_ = true;
            seen.unnamed = packet.version;
        }
        break;
    }
}

QuicResult QuicAssembler::answer(const Seen& seen) const {
    if (seen.fault != nullptr) {
        return QuicMalformed{seen.fault};
    }
    if (!connection_) {
        return seen.unnamed  ? QuicResult(QuicUnnamed{*seen.unnamed})
               : seems_quic_ ? QuicResult(QuicNeedMore{false})
                             : QuicResult(NotQuic{});
    }
    const Bytes ready = connection_->stream.ready();
    if (!may_be_client_hello(ready)) {
        return QuicMalformed{"the handshake does not start with a ClientHello"};
    }
    const std::optional<size_t> wanted = handshake_bytes(ready);
    if (wanted.value_or(0) > quic_crypto_bytes_max) {
        return QuicMalformed{"the ClientHello is too large"};
    }
    if (!wanted || ready.size() < *wanted) {
        return QuicNeedMore{true};
    }
    auto result = parse_client_hello(ready.first(*wanted), Transport::quic);
    if (const auto* broken = std::get_if<TlsMalformed>(&result)) {
        return QuicMalformed{broken->why};
    }
    return QuicHello{connection_->version, std::move(std::get<TlsHello>(result))};
}

QuicResult QuicAssembler::add(Bytes datagram) {
    if (++datagrams_ > quic_datagrams_max) {
        return seems_quic_ ? QuicResult(QuicMalformed{"no ClientHello in the first datagrams"})
                           : QuicResult(NotQuic{});
    }
    Seen seen;
    seen.datagram_bytes = datagram.size();
    Bytes rest = datagram;
    while (seen.fault == nullptr) {
        const std::optional<QuicPacket> packet = take_quic_packet(rest);
        if (!packet) {
            break;
        }
        if (seen.packets == quic_packets_max) {
            seen.fault = "a datagram holds too many packets";
            break;
        }
        read_packet(*packet, seen);
    }
    return answer(seen);
}

} // namespace pc::inspect
