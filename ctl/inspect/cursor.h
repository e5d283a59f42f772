// SPDX-License-Identifier: GPL-3.0-or-later
// Reads big-endian numbers and vectors with a length in front off the front of some bytes, which is
// what TLS, QUIC and DNS are made of. After the first failure everything fails, so a caller may
// read several fields and ask ok() once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace pc::inspect {

using Bytes = std::span<const std::byte>;

[[nodiscard]] inline uint8_t byte_at(Bytes bytes, size_t index) {
    return std::to_integer<uint8_t>(bytes[index]);
}

[[nodiscard]] inline std::string_view text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Cursor {
public:
    explicit Cursor(Bytes bytes) : bytes_(bytes) {}

    [[nodiscard]] bool ok() const { return ok_; }

    [[nodiscard]] bool empty() const { return bytes_.empty(); }

    // Of bytes, how many are left; 0 after a failure.
    [[nodiscard]] size_t left() const { return bytes_.size(); }

    // An unsigned number of `width` (1 to 4) bytes. 0 after a failure.
    uint32_t number(size_t width) {
        uint32_t value = 0;
        for (const std::byte b : take(width)) {
            value = (value << 8) | std::to_integer<uint32_t>(b);
        }
        return value;
    }

    Bytes take(uint64_t count) {
        if (!ok_ || bytes_.size() < count) {
            ok_ = false;
            bytes_ = {};
            return {};
        }
        const Bytes head = bytes_.first(static_cast<size_t>(count));
        bytes_ = bytes_.subspan(head.size());
        return head;
    }

    // A vector with a length of `width` bytes in front.
    Bytes vector(size_t width) { return take(number(width)); }

private:
    Bytes bytes_;
    bool ok_ = true;
};

} // namespace pc::inspect
