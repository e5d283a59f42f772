// SPDX-License-Identifier: GPL-3.0-or-later
// Which of many regions hold all of another one, without comparing each with each: for 100,000
// rules that would be five thousand million comparisons.
//
// A hull lies in one smallest aligned block, as an address in a prefix, and what holds it in the
// same block or one around that. So regions are told apart by the block of one field, those of one
// block by that of another field, and so on; a question follows the few blocks around its own.
#pragma once

#include <unordered_map>

#include "rules/region.h"

namespace pc {

class CoverIndex {
public:
    // `work_max` bounds all questions together, in comparisons.
    explicit CoverIndex(size_t work_max) : work_max_(work_max) { nodes_.emplace_back(); }

    // Gets the next number, from 0.
    void add(Region region);

    // The first region that holds all of `inner`; none if there is no such region, or the work is
    // used up.
    [[nodiscard]] std::optional<size_t> find_cover(const Region& inner);

    [[nodiscard]] const std::vector<Region>& regions() const { return regions_; }

    [[nodiscard]] bool is_worn_out() const { return work_ > work_max_; }

private:
    // 2^level values from a multiple of that.
    struct Block {
        uint32_t node = 0; // whose field it is of
        uint8_t level = 0;
        uint64_t place = 0;

        bool operator==(const Block&) const = default;
    };

    struct HashBlock {
        size_t operator()(const Block& block) const;
    };

    struct Node {
        std::vector<uint32_t> regions; // of a leaf, in order
        size_t split_at = 16;          // regions
        std::optional<uint8_t> field;  // not a leaf: what its children differ in
        std::vector<uint8_t> levels;   // of their blocks, each once
    };

    [[nodiscard]] Block block_of(uint32_t node, uint32_t region) const;
    void insert(uint32_t node, uint32_t region);
    void split(uint32_t node);
    [[nodiscard]] size_t largest_part(const Node& node, uint8_t field) const;
    void search(uint32_t node, const Region& inner, size_t& first);
    void search_leaf(const Node& node, const Region& inner, size_t& first);

    size_t work_max_;
    size_t work_ = 0;
    std::vector<Region> regions_;
    std::vector<Node> nodes_;
    std::unordered_map<Block, uint32_t, HashBlock> children_;
};

} // namespace pc
