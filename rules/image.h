// SPDX-License-Identifier: GPL-3.0-or-later
// The memory of one classifier: an image of bytes with places (offsets) instead of pointers, first
// built in memory of its own, later edited where packets read it.
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <vector>

#include "rules/result.h"

namespace pc {

class Image {
public:
    // While it is built the image grows as it has to.
    Image();

    // From now on it is here: `memory` is 64-aligned and never grows. Room that is
    // not used yet is for edits. Fails if it is too small.
    [[nodiscard]] Result<void> move_to(std::span<std::byte> memory);

    // The same bytes are here now.
    void follow(std::span<std::byte> memory) { memory_ = memory; }

    // Zeroed bytes, 16-aligned, from 64 bytes on 64-aligned. ENOSPC: the image is full, and has to
    // be built anew.
    [[nodiscard]] Result<uint32_t> allocate(size_t bytes);

    // Packets may still read them: they are only used again after settle().
    void release(uint32_t place, size_t bytes);

    // No packet that was at hand when anything was released is at hand any more.
    void settle();

    template <typename T>
    [[nodiscard]] T read(uint32_t place) const {
        T value{};
        assert(place + sizeof(T) <= memory_.size());
        std::memcpy(&value, memory_.data() + place, sizeof(T));
        return value;
    }

    // What no packet reads yet.
    template <typename T>
    void write(uint32_t place, const T& value) {
        assert(place + sizeof(T) <= memory_.size());
        std::memcpy(memory_.data() + place, &value, sizeof(T));
    }

    // What packets may be reading: they see the old value or the new one, and all that was written
    // before. Naturally aligned.
    template <typename T>
    void publish(uint32_t place, T value) {
        assert(place + sizeof(T) <= memory_.size() && place % sizeof(T) == 0);
        auto* at = reinterpret_cast<T*>(memory_.data() + place); // aligned, see above
        std::atomic_ref<T>(*at).store(value, std::memory_order_release);
    }

    [[nodiscard]] std::span<const std::byte> bytes(uint32_t place, size_t size) const {
        assert(place + size <= memory_.size());
        return std::span<const std::byte>(memory_).subspan(place, size);
    }

    [[nodiscard]] std::span<std::byte> bytes(uint32_t place, size_t size) {
        assert(place + size <= memory_.size());
        return memory_.subspan(place, size);
    }

    // Up to where the image was ever used, what of that is free, and what waits for settle().
    [[nodiscard]] size_t used() const { return used_; }

    [[nodiscard]] size_t free() const { return free_; }

    [[nodiscard]] size_t released() const { return released_; }

    [[nodiscard]] size_t capacity() const { return memory_.size(); }

    Image(Image&&) noexcept = default;
    Image& operator=(Image&&) noexcept = default;
    ~Image() = default;

private:
    struct Block {
        uint32_t place = 0;
        size_t bytes = 0;
    };

    std::vector<std::byte> own_; // while it is built
    std::span<std::byte> memory_;
    size_t used_ = 0;
    size_t free_ = 0;
    size_t released_ = 0;
    std::map<size_t, std::vector<uint32_t>> free_lists_; // by size
    std::vector<Block> limbo_;
};

} // namespace pc
