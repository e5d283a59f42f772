// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/address_table.h"

#include <algorithm>
#include <cerrno>

namespace pc {

namespace {

constexpr unsigned parts = 4;
constexpr size_t chunk_only_max = 2; // up to so many ranges a table does not pay
constexpr size_t dense_max = 4096;
constexpr size_t less_dense_max = 65536;
constexpr size_t crowded_min = 64;
constexpr size_t chunk_max = PC_CHUNK_SIZE(30);
constexpr WideAddress last_address = ~WideAddress{0};

uint32_t part_of(WideAddress address, unsigned part) {
    return static_cast<uint32_t>(address >> (96 - 32 * part));
}

WideAddress place_part(uint32_t value, unsigned part) {
    return WideAddress{value} << (96 - 32 * part);
}

// All addresses that begin like `first` up to and with this part.
WideAddress end_of_part(WideAddress first, unsigned part) {
    return part == parts - 1 ? first : first | (last_address >> (32 * (part + 1)));
}

// All that begin like `start` before this part: what the table of this part is about.
WideAddress end_of_block(WideAddress start, unsigned part) {
    return part == 0 ? last_address : end_of_part(start, part - 1);
}

bool is_leaf(uint32_t ref) {
    return PC_REF_TYPE(ref) == PC_REF_ROW || PC_REF_TYPE(ref) == PC_REF_TIMED;
}

uint32_t make_ref(uint32_t type, uint32_t bits, uint32_t place) {
    assert(place % 16 == 0);
    return type << 30 | bits << 25 | place >> 4;
}

// The smallest chunk size that holds so many.
uint32_t size_bits(size_t ranges) {
    uint32_t bits = 0;
    while (PC_CHUNK_SIZE(bits) < ranges) {
        bits++;
    }
    return bits;
}

size_t chunk_bytes(uint32_t ref) {
    return PC_CHUNK_SIZE(PC_REF_BITS(ref)) * sizeof(pc_range);
}

size_t table_bytes(uint32_t ref) {
    return sizeof(uint32_t) << PC_REF_BITS(ref);
}

// More entries than ranges save steps of the search, as long as the table stays in the cache.
uint32_t table_bits(size_t ranges) {
    uint32_t bits = 0;
    while (size_t{2} << bits <= ranges) {
        bits++;
    }
    bits += ranges <= dense_max ? 2 : ranges <= less_dense_max ? 1 : 0;
    return std::min<uint32_t>(bits, PC_TABLE_BITS_MAX);
}

// An entry of a table went from one size of chunk to a larger one, beyond what is searched quickly.
bool has_outgrown(uint32_t before, uint32_t now) {
    return PC_REF_TYPE(now) == PC_REF_CHUNK && PC_CHUNK_SIZE(PC_REF_BITS(now)) > crowded_min &&
           (PC_REF_TYPE(before) != PC_REF_CHUNK || PC_REF_BITS(before) < PC_REF_BITS(now));
}

void push(std::vector<AddressSegment>& segments, WideAddress first, uint32_t ref) {
    if (!segments.empty() && segments.back().ref == ref && is_leaf(ref)) {
        return;
    }
    segments.push_back({.first = first, .ref = ref});
}

} // namespace

struct AddressTable::Edit {
    const std::vector<AddressPiece>& pieces;
    const Change& change;

    // The first piece that does not end before this.
    [[nodiscard]] auto from(WideAddress first) const {
        return std::lower_bound(pieces.begin(), pieces.end(), first,
                                [](const AddressPiece& piece, WideAddress address) {
                                    return piece.range.last < address;
                                });
    }

    [[nodiscard]] bool touches(const WideRange& block) const {
        const auto piece = from(block.first);
        return piece != pieces.end() && piece->range.first <= block.last;
    }
};

Result<uint32_t> AddressTable::build(const std::vector<AddressSegment>& segments) {
    assert(!segments.empty() && segments.front().first == 0);
    return make(segments, 0, last_address, false);
}

Result<uint32_t> AddressTable::make(std::span<const AddressSegment> segments, unsigned part,
                                    WideAddress last, bool in_table) {
    const Ranges ranges = TRY(ranges_of(segments, part, last));
    if (ranges.size() == 1) {
        return ranges.front().ref;
    }
    return in_table || ranges.size() <= chunk_only_max ? make_chunk(ranges) : make_table(ranges);
}

// Segments that begin inside of one value of this part are the next part's business.
Result<AddressTable::Ranges> AddressTable::ranges_of(std::span<const AddressSegment> segments,
                                                     unsigned part, WideAddress last) {
    Ranges ranges;
    ranges.reserve(segments.size());
    const WideAddress start = segments.front().first;
    for (size_t i = 0; i < segments.size();) {
        const uint32_t key = part_of(segments[i].first, part);
        const WideAddress whole = i == 0 ? start : segments[i].first & ~(end_of_part(0, part));
        const bool exact = i == 0 || segments[i].first == whole;
        size_t next = i + 1;
        while (next < segments.size() && part_of(segments[next].first, part) == key) {
            next++;
        }
        if (exact && next == i + 1) {
            ranges.push_back({.first = key, .ref = segments[i].ref});
            i = next;
            continue;
        }
        Segments inner;
        if (!exact) {
            inner.push_back({.first = whole, .ref = segments[i - 1].ref});
        }
        inner.insert(inner.end(), segments.begin() + static_cast<ptrdiff_t>(i),
                     segments.begin() + static_cast<ptrdiff_t>(next));
        ranges.push_back(
            {.first = key, .ref = TRY(make(inner, part + 1, end_of_part(whole, part), false))});
        const bool gap =
            next == segments.size() || part_of(segments[next].first, part) > uint64_t{key} + 1;
        if (gap && key < part_of(last, part)) {
            ranges.push_back({.first = key + 1, .ref = segments[next - 1].ref});
        }
        i = next;
    }
    return ranges;
}

Result<uint32_t> AddressTable::make_chunk(std::span<const pc_range> ranges) {
    if (ranges.size() == 1) {
        return ranges.front().ref;
    }
    if (ranges.size() > chunk_max) {
        return Error{.err = ENOSPC, .message = "too many addresses close to each other"};
    }
    const uint32_t bits = size_bits(ranges.size());
    const size_t size = PC_CHUNK_SIZE(bits);
    const uint32_t place = TRY(image_->allocate(size * sizeof(pc_range)));
    for (size_t i = 0; i < size; i++) {
        const pc_range rest{.first = UINT32_MAX, .ref = ranges.back().ref};
        image_->write(static_cast<uint32_t>(place + i * sizeof(pc_range)),
                      i < ranges.size() ? ranges[i] : rest);
    }
    return make_ref(PC_REF_CHUNK, bits, place);
}

Result<uint32_t> AddressTable::make_table(const Ranges& ranges) {
    const uint32_t bits = table_bits(ranges.size());
    const uint32_t place = TRY(image_->allocate(sizeof(uint32_t) << bits));
    size_t next = 0;
    uint32_t before = ranges.front().ref;
    Ranges inside;
    for (uint64_t slot = 0; slot < 1ULL << bits; slot++) {
        const uint64_t first = slot << (32 - bits);
        const uint64_t end = (slot + 1) << (32 - bits);
        inside.clear();
        if (next == ranges.size() || ranges[next].first != first) {
            inside.push_back({.first = static_cast<uint32_t>(first), .ref = before});
        }
        for (; next < ranges.size() && ranges[next].first < end; next++) {
            inside.push_back(ranges[next]);
        }
        before = inside.back().ref;
        const uint32_t ref = TRY(make_chunk(inside));
        image_->write(static_cast<uint32_t>(place + slot * sizeof(uint32_t)), ref);
    }
    return make_ref(PC_REF_TABLE, bits, place);
}

// Without the rest that fills it up, which is like the last one.
AddressTable::Ranges AddressTable::ranges_in(uint32_t chunk) const {
    Ranges ranges(PC_CHUNK_SIZE(PC_REF_BITS(chunk)));
    std::memcpy(ranges.data(), image_->bytes(PC_REF_PLACE16(chunk), chunk_bytes(chunk)).data(),
                chunk_bytes(chunk));
    while (ranges.size() > 1 && ranges.back().first == UINT32_MAX &&
           ranges[ranges.size() - 2].ref == ranges.back().ref) {
        ranges.pop_back();
    }
    return ranges;
}

Result<uint32_t> AddressTable::edit(uint32_t root, const std::vector<AddressPiece>& pieces,
                                    const Change& change) {
    if (pieces.empty()) {
        return root;
    }
    return edit_part(Edit{.pieces = pieces, .change = change}, root, 0, 0);
}

Result<uint32_t> AddressTable::edit_part(const Edit& edit, uint32_t ref, unsigned part,
                                         WideAddress start) {
    if (PC_REF_TYPE(ref) == PC_REF_TABLE) {
        return edit_table(edit, ref, part, start);
    }
    const WideRange block{.first = start, .last = end_of_block(start, part)};
    return edit_ranges(edit, block, ref, part, false);
}

// One entry: stored where it is. Several: in a copy, so that all hold at once.
Result<uint32_t> AddressTable::edit_table(const Edit& edit, uint32_t ref, unsigned part,
                                          WideAddress start) {
    const uint32_t bits = PC_REF_BITS(ref);
    const WideRange block{.first = start, .last = end_of_block(start, part)};
    const auto first = edit.from(block.first);
    WideAddress last = block.first;
    for (auto piece = first; piece != edit.pieces.end() && piece->range.first <= block.last;
         ++piece) {
        last = std::min(piece->range.last, block.last);
    }
    const uint32_t low = part_of(std::max(first->range.first, block.first), part) >> (32 - bits);
    const uint32_t high = part_of(last, part) >> (32 - bits);
    const uint32_t old_place = PC_REF_PLACE16(ref);
    uint32_t place = old_place;
    if (low != high) {
        place = TRY(image_->allocate(table_bytes(ref)));
        std::memcpy(image_->bytes(place, table_bytes(ref)).data(),
                    image_->bytes(old_place, table_bytes(ref)).data(), table_bytes(ref));
    }
    bool crowded = false;
    for (uint64_t slot = low; slot <= high; slot++) {
        const auto at = static_cast<uint32_t>(place + slot * sizeof(uint32_t));
        const auto key = static_cast<uint32_t>(slot << (32 - bits));
        const auto key_end = static_cast<uint32_t>(((slot + 1) << (32 - bits)) - 1);
        const WideRange inside{.first = start | place_part(key, part),
                               .last = end_of_part(start | place_part(key_end, part), part)};
        if (!edit.touches(inside)) {
            continue;
        }
        const auto old = image_->read<uint32_t>(at);
        const uint32_t changed = TRY(edit_ranges(edit, inside, old, part, true));
        if (changed != old) {
            image_->publish(at, changed);
        }
        crowded = crowded || has_outgrown(old, changed);
    }
    if (place != old_place) {
        image_->release(old_place, table_bytes(ref));
    }
    const uint32_t edited = make_ref(PC_REF_TABLE, bits, place);
    return crowded ? widened(edited) : edited;
}

// The same in a table that suits so many ranges, if there is room: entries would otherwise come to
// hold chunks that cost more and more to copy.
uint32_t AddressTable::widened(uint32_t table) {
    const uint32_t bits = PC_REF_BITS(table);
    std::vector<uint32_t> chunks;
    Ranges all;
    for (uint64_t slot = 0; slot < 1ULL << bits; slot++) {
        const auto ref = image_->read<uint32_t>(
            static_cast<uint32_t>(PC_REF_PLACE16(table) + slot * sizeof(uint32_t)));
        Ranges inside{{.first = 0, .ref = ref}};
        if (PC_REF_TYPE(ref) == PC_REF_CHUNK) {
            chunks.push_back(ref);
            inside = ranges_in(ref);
        }
        inside.front().first = static_cast<uint32_t>(slot << (32 - bits));
        for (const pc_range& range : inside) {
            if (all.empty() || all.back().ref != range.ref || !is_leaf(range.ref)) {
                all.push_back(range);
            }
        }
    }
    if (table_bits(all.size()) <= bits) {
        return table;
    }
    const auto wide = make_table(all);
    if (!wide) {
        return table; // it is slow, not wrong
    }
    for (const uint32_t chunk : chunks) {
        image_->release(PC_REF_PLACE16(chunk), chunk_bytes(chunk));
    }
    image_->release(PC_REF_PLACE16(table), table_bytes(table));
    return wide.value();
}

// A chunk or a leaf: of a whole part, or of one entry of its table.
Result<uint32_t> AddressTable::edit_ranges(const Edit& edit, const WideRange& block, uint32_t ref,
                                           unsigned part, bool in_table) {
    const bool chunk = PC_REF_TYPE(ref) == PC_REF_CHUNK;
    Ranges ranges{{.first = 0, .ref = ref}};
    if (chunk) {
        ranges = ranges_in(ref);
    }
    Segments segments;
    const WideAddress above = part == 0 ? 0 : block.first & ~end_of_part(0, part - 1);
    for (size_t i = 0; i < ranges.size(); i++) {
        WideRange inside = block;
        if (i > 0) {
            inside.first = above | place_part(ranges[i].first, part);
        }
        if (i + 1 < ranges.size()) {
            inside.last = (above | place_part(ranges[i + 1].first, part)) - 1;
        }
        if (!edit.touches(inside)) {
            push(segments, inside.first, ranges[i].ref);
        } else if (is_leaf(ranges[i].ref)) {
            TRY(edit_leaf(edit, inside, ranges[i].ref, segments));
        } else {
            // What leads on is about one value of this part.
            push(segments, inside.first,
                 TRY(edit_part(edit, ranges[i].ref, part + 1, inside.first)));
        }
    }
    if (!chunk && segments.size() == 1) {
        return segments.front().ref;
    }
    bool same = segments.size() == ranges.size();
    for (size_t i = 0; same && i < segments.size(); i++) {
        same = segments[i].ref == ranges[i].ref &&
               (i == 0 || segments[i].first == (above | place_part(ranges[i].first, part)));
    }
    if (same) {
        return ref;
    }
    const uint32_t changed = TRY(make(segments, part, block.last, in_table));
    if (chunk) {
        image_->release(PC_REF_PLACE16(ref), chunk_bytes(ref));
    }
    return changed;
}

Result<void> AddressTable::edit_leaf(const Edit& edit, const WideRange& block, uint32_t leaf,
                                     Segments& segments) {
    WideAddress at = block.first;
    for (auto piece = edit.from(block.first);
         piece != edit.pieces.end() && piece->range.first <= block.last; ++piece) {
        if (piece->range.first > at) {
            push(segments, at, leaf);
        }
        push(segments, std::max(piece->range.first, at), TRY(edit.change(leaf, piece->index)));
        if (piece->range.last >= block.last) {
            return {};
        }
        at = piece->range.last + 1;
    }
    push(segments, at, leaf);
    return {};
}

uint32_t AddressTable::find(uint32_t root, WideAddress address) const {
    uint32_t ref = root;
    for (unsigned part = 0; part < parts && !is_leaf(ref); part++) {
        const uint32_t key = part_of(address, part);
        if (PC_REF_TYPE(ref) == PC_REF_TABLE) {
            const uint32_t slot = key >> (32 - PC_REF_BITS(ref));
            ref = image_->read<uint32_t>(PC_REF_PLACE16(ref) + slot * uint32_t{sizeof(uint32_t)});
        }
        if (PC_REF_TYPE(ref) == PC_REF_CHUNK) {
            const Ranges ranges = ranges_in(ref);
            size_t i = ranges.size() - 1;
            while (i > 0 && ranges[i].first > key) {
                i--;
            }
            ref = ranges[i].ref;
        }
    }
    return ref;
}

void AddressTable::visit(uint32_t root, const Visit& visit) const {
    visit_part(root, 0, 0, visit);
}

void AddressTable::visit_part(uint32_t ref, unsigned part, WideAddress start,
                              const Visit& visit) const {
    if (is_leaf(ref)) {
        visit.leaf(start, ref);
        return;
    }
    const auto visit_chunk = [&](uint32_t chunk, WideAddress first) {
        visit.block(PC_REF_PLACE16(chunk), chunk_bytes(chunk));
        const Ranges ranges = ranges_in(chunk);
        for (size_t i = 0; i < ranges.size(); i++) {
            const WideAddress at = i == 0 ? first : start | place_part(ranges[i].first, part);
            visit_part(ranges[i].ref, part + 1, at, visit);
        }
    };
    if (PC_REF_TYPE(ref) == PC_REF_CHUNK) {
        visit_chunk(ref, start);
        return;
    }
    visit.block(PC_REF_PLACE16(ref), table_bytes(ref));
    const uint32_t bits = PC_REF_BITS(ref);
    for (uint64_t slot = 0; slot < 1ULL << bits; slot++) {
        const auto inside = image_->read<uint32_t>(
            static_cast<uint32_t>(PC_REF_PLACE16(ref) + slot * sizeof(uint32_t)));
        const WideAddress at = start | place_part(static_cast<uint32_t>(slot << (32 - bits)), part);
        if (is_leaf(inside)) {
            visit.leaf(at, inside);
        } else {
            visit_chunk(inside, at);
        }
    }
}

} // namespace pc
