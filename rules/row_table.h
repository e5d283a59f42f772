// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of one field: bits over tuples, then over lists, by class of the field's values. Equal
// rows are one.
#pragma once

#include <optional>
#include <set>
#include <unordered_map>

#include "rules/image.h"

namespace pc {

using RowBits = std::vector<uint64_t>;

class RowTable {
public:
    // Rows of so many 64-bit words in this image, which must outlive the table.
    RowTable(Image& image, size_t words) : image_(&image), words_(words) {}

    // The place of this row, which may be new.
    [[nodiscard]] Result<uint32_t> place_of(const RowBits& bits);

    [[nodiscard]] RowBits bits_at(uint32_t place) const;

    // The same row with one bit set or cleared: another row.
    [[nodiscard]] Result<uint32_t> with(uint32_t place, size_t bit, bool value);

    // Sets a bit in every row there is, in place: a bit too many does no harm.
    void set_everywhere(size_t bit);

    // The same in every row that has another one.
    void set_where(size_t has, size_t bit);

    // After bits were set in place, equal rows may be made twice until this is called.
    void tidy();

    [[nodiscard]] size_t words() const { return words_; }

    [[nodiscard]] const std::vector<uint32_t>& places() const { return places_; }

private:
    [[nodiscard]] static uint64_t hash(const RowBits& bits);
    void set_in_place(size_t bit, std::optional<size_t> only_with);

    Image* image_;
    size_t words_;
    std::vector<uint32_t> places_;
    bool tidy_ = true;
    std::set<size_t> everywhere_; // bits that every row has, as have all that are made of these
    std::unordered_multimap<uint64_t, uint32_t> by_hash_;
};

[[nodiscard]] inline bool bit_of(const RowBits& bits, size_t bit) {
    return (bits[bit / 64] >> (bit % 64) & 1) != 0;
}

inline void set_bit(RowBits& bits, size_t bit, bool value = true) {
    const uint64_t mask = 1ULL << (bit % 64);
    bits[bit / 64] = value ? bits[bit / 64] | mask : bits[bit / 64] & ~mask;
}

} // namespace pc
