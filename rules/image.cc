// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/image.h"

#include <algorithm>
#include <cerrno>

#include "rules/abi.h"

namespace pc {

namespace {

constexpr size_t first_size = 1 << 20;
constexpr size_t line = 64; // of the cache

size_t round_up(size_t bytes) {
    return (bytes + 15) & ~size_t{15};
}

} // namespace

// Place 0 is nothing's, so that it can stand for "none".
Image::Image() : own_(first_size), memory_(own_), used_(64) {}

Result<void> Image::move_to(std::span<std::byte> memory) {
    if (memory.size() < used_) {
        return Error{.err = ENOSPC, .message = "the classifier does not fit into its memory"};
    }
    std::memcpy(memory.data(), memory_.data(), used_);
    memory_ = memory;
    own_ = {};
    return {};
}

Result<uint32_t> Image::allocate(size_t bytes) {
    const size_t size = round_up(std::max<size_t>(bytes, 1));
    const auto list = free_lists_.find(size);
    if (list != free_lists_.end() && !list->second.empty()) {
        const uint32_t place = list->second.back();
        list->second.pop_back();
        free_ -= size;
        std::memset(memory_.data() + place, 0, size);
        return place;
    }
    if (size >= line) {
        used_ = (used_ + line - 1) & ~(line - 1);
    }
    if (used_ + size > memory_.size()) {
        if (own_.empty() || used_ + size > PC_ARENA_MAX) {
            return Error{.err = ENOSPC, .message = "the classifier's memory is full"};
        }
        own_.resize(std::min<size_t>(std::max(own_.size() * 2, used_ + size), PC_ARENA_MAX));
        memory_ = own_;
    }
    const auto place = static_cast<uint32_t>(used_);
    used_ += size;
    std::memset(memory_.data() + place, 0, size);
    return place;
}

void Image::release(uint32_t place, size_t bytes) {
    const size_t size = round_up(std::max<size_t>(bytes, 1));
    limbo_.push_back({.place = place, .bytes = size});
    released_ += size;
}

void Image::settle() {
    for (const Block& block : limbo_) {
        free_lists_[block.bytes].push_back(block.place);
        free_ += block.bytes;
    }
    released_ = 0;
    limbo_.clear();
}

} // namespace pc
