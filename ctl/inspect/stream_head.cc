// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/stream_head.h"

#include <algorithm>

namespace pc::inspect {

namespace {

// Leaves of a segment what is of the stream.
void cut_before(int64_t& offset, std::span<const std::byte>& bytes) {
    if (offset < 0) {
        bytes = bytes.subspan(std::min(static_cast<uint64_t>(-offset), uint64_t{bytes.size()}));
        offset = 0;
    }
}

} // namespace

bool StreamHead::contradicts(int64_t offset, std::span<const std::byte> bytes) const {
    cut_before(offset, bytes);
    const auto begin = static_cast<size_t>(offset);
    const size_t end = begin + bytes.size();
    return std::any_of(pieces_.begin(), pieces_.end(), [&](const auto& piece) {
        const size_t from = std::max(begin, piece.first);
        const size_t to = std::min(end, piece.second);
        return from < to && !std::ranges::equal(bytes.subspan(from - begin, to - from),
                                                std::span(bytes_).subspan(from, to - from));
    });
}

StreamHead::Added StreamHead::add(int64_t offset, std::span<const std::byte> bytes) {
    if (contradicts(offset, bytes)) {
        return Added::contradiction;
    }
    cut_before(offset, bytes);
    if (bytes.empty()) {
        return Added::nothing_new;
    }
    const auto begin = static_cast<size_t>(offset);
    if (begin >= bytes_max || bytes.size() > bytes_max - begin) {
        return Added::too_much;
    }
    const size_t end = begin + bytes.size();
    auto first = pieces_.upper_bound(begin);
    if (first != pieces_.begin() && std::prev(first)->second >= end) {
        return Added::nothing_new;
    }
    bytes_.resize(std::max(bytes_.size(), end));
    std::ranges::copy(bytes, bytes_.begin() + offset);
    // One piece of all that touch.
    size_t low = begin;
    size_t high = end;
    if (first != pieces_.begin() && std::prev(first)->second >= begin) {
        --first;
    }
    while (first != pieces_.end() && first->first <= end) {
        low = std::min(low, first->first);
        high = std::max(high, first->second);
        first = pieces_.erase(first);
    }
    pieces_[low] = high;
    return pieces_.size() > gaps_max ? Added::too_much : Added::something_new;
}

std::span<const std::byte> StreamHead::contiguous() const {
    const auto first = pieces_.begin();
    if (first == pieces_.end() || first->first != 0) {
        return {};
    }
    return std::span(bytes_).first(first->second);
}

bool StreamHead::has_gap() const {
    return pieces_.size() > 1 || (pieces_.size() == 1 && pieces_.begin()->first != 0);
}

} // namespace pc::inspect
