// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/crypto_stream.h"

#include <algorithm>

namespace pc::inspect {

bool CryptoStream::contradicts(const Piece& added, Bytes bytes) const {
    return std::any_of(pieces_.begin(), pieces_.end(), [&](const Piece& piece) {
        const size_t begin = std::max(piece.begin, added.begin);
        const size_t end = std::min(piece.end, added.end);
        return begin < end &&
               !std::equal(bytes_.begin() + static_cast<ptrdiff_t>(begin),
                           bytes_.begin() + static_cast<ptrdiff_t>(end),
                           bytes.begin() + static_cast<ptrdiff_t>(begin - added.begin));
    });
}

const char* CryptoStream::add(uint64_t offset, Bytes bytes) {
    if (offset > quic_crypto_bytes_max || bytes.size() > quic_crypto_bytes_max - offset) {
        return "the ClientHello is too large";
    }
    if (bytes.empty()) {
        return nullptr;
    }
    const auto begin = static_cast<size_t>(offset);
    Piece added{begin, begin + bytes.size()};
    if (contradicts(added, bytes)) {
        return "CRYPTO frames contradict each other";
    }
    bytes_.resize(std::max(bytes_.size(), added.end));
    std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<ptrdiff_t>(added.begin));

    // All pieces that it overlaps or touches become one with it.
    const auto first = std::find_if(pieces_.begin(), pieces_.end(),
                                    [&](const Piece& piece) { return piece.end >= added.begin; });
    const auto last = std::find_if(first, pieces_.end(),
                                   [&](const Piece& piece) { return piece.begin > added.end; });
    if (first != last) {
        added.begin = std::min(added.begin, first->begin);
        added.end = std::max(added.end, (last - 1)->end);
    }
    pieces_.insert(pieces_.erase(first, last), added);
    return pieces_.size() > quic_crypto_pieces_max ? "CRYPTO frames leave too many gaps" : nullptr;
}

Bytes CryptoStream::ready() const {
    if (pieces_.empty() || pieces_.front().begin != 0) {
        return {};
    }
    return Bytes(bytes_).first(pieces_.front().end);
}

} // namespace pc::inspect
