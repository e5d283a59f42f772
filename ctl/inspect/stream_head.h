// SPDX-License-Identifier: GPL-3.0-or-later
// The first bytes of a TCP stream, put together from segments in any order, with what they repeat.
// What came first stays. A segment that says something else about the same bytes is none that TCP
// sends: which of the two the server reads is up to who sent them, by a wrong checksum or a short
// life of one of them. Pure and bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace pc::inspect {

class StreamHead {
public:
    static constexpr size_t bytes_max = 65536;
    static constexpr size_t gaps_max = 64;

    enum class Added { nothing_new, something_new, too_much, contradiction };

    // `offset` is that of the first byte from the start of the stream; below 0: of bytes before it.
    // Nothing is added by what contradicts.
    [[nodiscard]] Added add(int64_t offset, std::span<const std::byte> bytes);

    // From the start up to the first gap.
    [[nodiscard]] std::span<const std::byte> contiguous() const;

    // Does the segment say something else about bytes that are known?
    [[nodiscard]] bool contradicts(int64_t offset, std::span<const std::byte> bytes) const;

    [[nodiscard]] bool has_gap() const;

    // What it takes of memory.
    [[nodiscard]] size_t size() const { return bytes_.capacity(); }

private:
    std::vector<std::byte> bytes_;
    std::map<size_t, size_t> pieces_; // begin -> end, apart from each other
};

} // namespace pc::inspect
