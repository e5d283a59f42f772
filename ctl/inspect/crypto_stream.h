// SPDX-License-Identifier: GPL-3.0-or-later
// The bytes of QUIC's CRYPTO frames put in order: they come shuffled, twice, overlapping. Bounded:
// what is beyond a bound is a fault, not forgotten. So is a byte that comes with two values,
// because which of them a server keeps is its own affair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ctl/inspect/cursor.h"

namespace pc::inspect {

constexpr size_t quic_crypto_bytes_max = 65536;
constexpr size_t quic_crypto_pieces_max = 128; // between which bytes are missing

class CryptoStream {
public:
    // Null, or what is wrong: a fixed text.
    [[nodiscard]] const char* add(uint64_t offset, Bytes bytes);

    // From the start up to the first gap.
    [[nodiscard]] Bytes ready() const;

private:
    struct Piece {
        size_t begin = 0;
        size_t end = 0;
    };

    [[nodiscard]] bool contradicts(const Piece& added, Bytes bytes) const;

    std::vector<std::byte> bytes_; // gaps hold zeroes
    std::vector<Piece> pieces_;    // ascending, neither overlapping nor touching
};

} // namespace pc::inspect
