// SPDX-License-Identifier: GPL-3.0-or-later
// The protection of a client's Initial packets (RFC 9001 5, RFC 9369 3.3). Anybody on the path can
// compute the keys: they keep off damage, not readers. OpenSSL does the arithmetic. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "ctl/inspect/cursor.h"
#include "ctl/inspect/quic_packet.h"

namespace pc::inspect {

struct QuicKeys {
    std::array<unsigned char, 16> key{};
    std::array<unsigned char, 12> iv{};
    std::array<unsigned char, 16> header_protection{};
};

// Of the client, from the destination connection ID of its first Initial, or of the one after a
// Retry. None for another version, or when OpenSSL fails.
[[nodiscard]] std::optional<QuicKeys> client_initial_keys(uint32_t version, Bytes dcid);

struct OpenedPacket {
    uint64_t number = 0;
    uint8_t reserved_bits = 0; // of the first byte; other than 0 is a protocol violation
    std::vector<std::byte> payload;
};

// `largest`: the largest packet number opened with these keys so far; none if it is the first.
// None: it is not authentic, and a server would not take it with these keys either.
[[nodiscard]] std::optional<OpenedPacket>
open_initial(const QuicPacket& packet, const QuicKeys& keys, std::optional<uint64_t> largest);

// The packet number nearest to the one after `largest` that ends in these `bits` (RFC 9000 A.3).
[[nodiscard]] uint64_t whole_packet_number(std::optional<uint64_t> largest, uint64_t truncated,
                                           unsigned int bits);

} // namespace pc::inspect
