// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/row_table.h"

namespace pc {

uint64_t RowTable::hash(const RowBits& bits) {
    uint64_t hash = bits.size();
    for (const uint64_t word : bits) {
        hash = (hash ^ word) * 0xd6e8feb86659fd93ULL;
        hash ^= hash >> 32;
    }
    return hash;
}

RowBits RowTable::bits_at(uint32_t place) const {
    RowBits bits(words_);
    std::memcpy(bits.data(), image_->bytes(place, words_ * 8).data(), words_ * 8);
    return bits;
}

Result<uint32_t> RowTable::place_of(const RowBits& bits) {
    const uint64_t key = hash(bits);
    const auto [first, last] = by_hash_.equal_range(key);
    for (auto known = first; known != last; ++known) {
        if (bits_at(known->second) == bits) {
            return known->second;
        }
    }
    const uint32_t place = TRY(image_->allocate(words_ * 8));
    std::memcpy(image_->bytes(place, words_ * 8).data(), bits.data(), words_ * 8);
    places_.push_back(place);
    by_hash_.emplace(key, place);
    return place;
}

Result<uint32_t> RowTable::with(uint32_t place, size_t bit, bool value) {
    RowBits bits = bits_at(place);
    if (bit_of(bits, bit) == value) {
        return place;
    }
    assert(!everywhere_.contains(bit));
    set_bit(bits, bit, value);
    return place_of(bits);
}

void RowTable::set_everywhere(size_t bit) {
    if (everywhere_.insert(bit).second) {
        set_in_place(bit, std::nullopt);
    }
}

void RowTable::set_where(size_t has, size_t bit) {
    set_in_place(bit, has);
}

void RowTable::set_in_place(size_t bit, std::optional<size_t> only_with) {
    for (const uint32_t place : places_) {
        const auto at = static_cast<uint32_t>(place + bit / 64 * 8);
        const auto word = image_->read<uint64_t>(at);
        const bool has = !only_with || bit_of(bits_at(place), *only_with);
        if (has && (word >> (bit % 64) & 1) == 0) {
            image_->publish(at, word | 1ULL << (bit % 64));
            tidy_ = false;
        }
    }
}

void RowTable::tidy() {
    if (tidy_) {
        return;
    }
    by_hash_.clear();
    for (const uint32_t place : places_) {
        by_hash_.emplace(hash(bits_at(place)), place);
    }
    tidy_ = true;
}

} // namespace pc
