// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/cover_index.h"

#include <algorithm>
#include <bit>

namespace pc {

namespace {

constexpr size_t fields = std::tuple_size_v<decltype(Outline::hulls)>;
constexpr size_t look_up_work = 8; // about as long as so many comparisons

// Of the smallest aligned block that holds the hull.
uint8_t level_of(const Hull& hull) {
    return static_cast<uint8_t>(std::bit_width(hull.low ^ hull.high));
}

uint64_t place_of(uint64_t value, uint8_t level) {
    return level == 64 ? 0 : value >> level;
}

size_t ranges_in(const Region& region) {
    size_t ranges = 0;
    for (const auto* addresses : region.addresses) {
        ranges += addresses == nullptr ? 0 : addresses->size();
    }
    return ranges;
}

} // namespace

size_t CoverIndex::HashBlock::operator()(const Block& block) const {
    constexpr uint64_t odd = 0x9e3779b97f4a7c15; // 2^64 by the golden ratio
    uint64_t hash = (block.place + block.node) * odd;
    hash ^= hash >> 32;
    return (hash + block.level + (uint64_t{block.node} << 8)) * odd;
}

void CoverIndex::add(Region region) {
    regions_.push_back(std::move(region));
    insert(0, static_cast<uint32_t>(regions_.size() - 1));
}

CoverIndex::Block CoverIndex::block_of(uint32_t node, uint32_t region) const {
    const Hull& hull = regions_[region].outline.hulls[*nodes_[node].field];
    const uint8_t level = level_of(hull);
    return {node, level, place_of(hull.low, level)};
}

void CoverIndex::insert(uint32_t node, uint32_t region) {
    while (nodes_[node].field) {
        const Block block = block_of(node, region);
        const auto [child, added] =
            children_.try_emplace(block, static_cast<uint32_t>(nodes_.size()));
        if (added) {
            nodes_.emplace_back();
            std::vector<uint8_t>& levels = nodes_[node].levels;
            if (std::find(levels.begin(), levels.end(), block.level) == levels.end()) {
                levels.push_back(block.level);
            }
        }
        node = child->second;
    }
    nodes_[node].regions.push_back(region);
    if (nodes_[node].regions.size() >= nodes_[node].split_at) {
        split(node);
    }
}

// By the field that leaves the least together.
void CoverIndex::split(uint32_t node) {
    size_t smallest = nodes_[node].regions.size();
    for (uint8_t field = 0; field < fields; ++field) {
        const size_t largest = largest_part(nodes_[node], field);
        if (largest < smallest) {
            smallest = largest;
            nodes_[node].field = field;
        }
    }
    if (!nodes_[node].field) {
        nodes_[node].split_at *= 2; // they differ in nothing that is looked at
        return;
    }
    const std::vector<uint32_t> regions = std::move(nodes_[node].regions);
    nodes_[node].regions.clear();
    for (const uint32_t region : regions) {
        insert(node, region);
    }
}

size_t CoverIndex::largest_part(const Node& node, uint8_t field) const {
    std::vector<std::pair<uint8_t, uint64_t>> blocks;
    for (const uint32_t region : node.regions) {
        const Hull& hull = regions_[region].outline.hulls[field];
        const uint8_t level = level_of(hull);
        blocks.emplace_back(level, place_of(hull.low, level));
    }
    std::sort(blocks.begin(), blocks.end());
    size_t largest = 0;
    for (auto at = blocks.begin(); at != blocks.end();) {
        const auto end = std::upper_bound(at, blocks.end(), *at);
        largest = std::max(largest, static_cast<size_t>(end - at));
        at = end;
    }
    return largest;
}

std::optional<size_t> CoverIndex::find_cover(const Region& inner) {
    size_t first = regions_.size();
    search(0, inner, first);
    return first == regions_.size() || is_worn_out() ? std::nullopt : std::optional(first);
}

// `first`: the lowest number found so far.
void CoverIndex::search(uint32_t node, const Region& inner, size_t& first) {
    const Node& here = nodes_[node];
    if (!here.field) {
        search_leaf(here, inner, first);
        return;
    }
    const Hull& hull = inner.outline.hulls[*here.field];
    const uint8_t lowest = level_of(hull);
    for (const uint8_t level : here.levels) {
        if (level < lowest || is_worn_out()) {
            continue;
        }
        work_ += look_up_work;
        const auto child = children_.find({node, level, place_of(hull.low, level)});
        if (child != children_.end()) {
            search(child->second, inner, first);
        }
    }
}

void CoverIndex::search_leaf(const Node& node, const Region& inner, size_t& first) {
    for (const uint32_t region : node.regions) {
        if (region >= first || is_worn_out()) {
            return;
        }
        ++work_;
        if (!may_cover(regions_[region].outline, inner.outline)) {
            continue;
        }
        work_ += ranges_in(inner);
        if (!is_worn_out() && covers(regions_[region], inner)) {
            first = region;
        }
    }
}

} // namespace pc
