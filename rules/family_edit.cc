// SPDX-License-Identifier: GPL-3.0-or-later
// Edits of a family's tables while packets use them. First the rows get the entry's tuple: a bit
// too many costs time and changes no verdict. Then the entry, whose last store makes it exist.
#include <algorithm>
#include <cerrno>
#include <unordered_map>

#include "rules/family_tables.h"

namespace pc {

namespace {

// A prefix of this many addresses or more is in most rows anyhow: the bit is set in all of them.
constexpr uint8_t short_prefix = 8;

uint32_t entry_of(uint32_t table, uint32_t index) {
    return table + index * uint32_t{sizeof(uint32_t)};
}

} // namespace

Result<uint32_t> FamilyTables::tuple_for(const TupleShape& shape) {
    const auto known = shapes_.find(shape);
    if (known != shapes_.end()) {
        return known->second;
    }
    const auto tuple = static_cast<uint32_t>(shapes_.size());
    if (tuple >= tables_.words * 64) {
        return Error{.err = ENOSPC,
                     .message = "the classifier has no room for more kinds of rules"};
    }
    // No row has its bit yet.
    image_->write(tables_.tuples + tuple * uint32_t{sizeof(pc_tuple)},
                  TupleShaper::tuple_of(shape, family_));
    shapes_.emplace(shape, tuple);
    return tuple;
}

void FamilyTables::settle() {
    removed_.clear();
    src_rows_->tidy();
    dst_rows_->tidy();
    other_rows_->tidy();
    sports_->tidy();
    dports_->tidy();
}

Result<EntryPlace> FamilyTables::insert(const RuleEntry& entry) {
    // A range must have its layer before it is part of a key.
    const Entry& what = entry.entry;
    sports_->add_ranges({what.sport});
    dports_->add_ranges({what.dport});
    const ShapedEntry shaped = shaper().shape(what);
    const uint32_t tuple = TRY(tuple_for(shaped.shape));
    lower_best(tuple, entry.priority);
    TRY(add_to_rows(what, tuple));
    pc_key key = shaped.key;
    key.tuple = tuple;
    const EntryPlace place = TRY(place_for(key, entry.priority));
    write_entry(place, entry, shaped, tuple);
    return place;
}

Result<void> FamilyTables::add_to_rows(const Entry& entry, uint32_t tuple) {
    TRY(add_to_addresses(Side::src, entry.src, tuple));
    TRY(add_to_addresses(Side::dst, entry.dst, tuple));
    TRY(sports_->add(entry.sport, tuple));
    TRY(dports_->add(entry.dport, tuple));
    TRY(add_to_table(
        tables_.protos, 256,
        [&](uint32_t proto) { return (entry.protos[proto / 64] >> (proto % 64) & 1) != 0; },
        tuple));
    return add_to_table(
        tables_.zones, PC_ZONES_MAX, [&](uint32_t zone) { return (entry.zones >> zone & 1) != 0; },
        tuple);
}

// Rows of their own for the values that have the tuple; others may share theirs.
Result<void> FamilyTables::add_to_table(uint32_t table, uint32_t entries,
                                        const std::function<bool(uint32_t)>& holds,
                                        uint32_t tuple) {
    std::map<uint32_t, uint32_t> changed; // rows
    for (uint32_t i = 0; i < entries; i++) {
        if (!holds(i)) {
            continue;
        }
        const auto row = image_->read<uint32_t>(entry_of(table, i));
        auto known = changed.find(row);
        if (known == changed.end()) {
            known = changed.emplace(row, TRY(other_rows_->with(row, tuple, true))).first;
        }
        if (known->second != row) {
            image_->publish(entry_of(table, i), known->second);
        }
    }
    return {};
}

Result<void> FamilyTables::add_to_addresses(Side side, const EntryAddress& address,
                                            uint32_t tuple) {
    RowTable& rows = this->rows(side);
    const auto with_tuple = [&](uint32_t row) -> Result<uint32_t> {
        return TRY(rows.with(PC_REF_PLACE8(row), tuple, true)) >> 3;
    };
    if (address.list != 0) {
        // Every class that is in the list.
        const size_t bit = list_bit(address.list);
        rows.set_where(bit, tuple);
        return {};
    }
    if (address.length <= short_prefix) {
        rows.set_everywhere(tuple);
        return {};
    }
    std::unordered_map<uint32_t, uint32_t> known;
    const auto change = [&](uint32_t leaf, size_t) -> Result<uint32_t> {
        const auto done = known.find(leaf);
        if (done != known.end()) {
            return done->second;
        }
        const uint32_t changed = TRY(map_rows(leaf, with_tuple));
        known.emplace(leaf, changed);
        return changed;
    };
    const WideAddress rest = ~WideAddress{0} >> (address.length - 1) >> 1;
    const AddressPiece piece{.range = {.first = address.address, .last = address.address | rest},
                             .index = 0};
    (void)TRY(edit_addresses(side, {piece}, change));
    return {};
}

// A leaf with deadlines leads to a row for each of the times before and between them.
Result<uint32_t> FamilyTables::map_rows(uint32_t leaf, const RowChange& change) {
    if (PC_REF_TYPE(leaf) == PC_REF_ROW) {
        return change(leaf);
    }
    auto timed = image_->read<pc_timed>(PC_REF_PLACE8(leaf));
    const uint32_t live = TRY(map_rows(timed.live, change));
    const uint32_t expired = TRY(map_rows(timed.expired, change));
    if (live == timed.live && expired == timed.expired) {
        return leaf;
    }
    timed.live = live;
    timed.expired = expired;
    return make_timed(timed);
}

Result<uint32_t> FamilyTables::make_timed(const pc_timed& timed) {
    const uint32_t place = TRY(image_->allocate(sizeof(pc_timed)));
    image_->write(place, timed);
    return uint32_t{PC_REF_TIMED} << 30 | place >> 3;
}

Result<uint32_t> FamilyTables::edit_addresses(Side side, const std::vector<AddressPiece>& pieces,
                                              const AddressTable::Change& change) {
    AddressTable& table = side == Side::src ? src_ : dst_;
    const size_t index = side == Side::src ? 0 : 1;
    const uint32_t before = tables_.addr[index];
    const uint32_t root = TRY(table.edit(before, pieces, change));
    tables_.addr[index] = root;
    if (live_ != nullptr && root != before) {
        std::atomic_ref<__u32>(live_->addr[index]).store(root, std::memory_order_seq_cst);
    }
    return root;
}

std::vector<uint32_t> FamilyTables::tuples_of_list(Side side, uint16_t list) const {
    std::vector<uint32_t> tuples;
    for (const auto& [shape, tuple] : shapes_) {
        if ((side == Side::src ? shape.src_list : shape.dst_list) == list) {
            tuples.push_back(tuple);
        }
    }
    return tuples;
}

void FamilyTables::set_list(Side side, uint16_t list, bool member, RowBits& bits) const {
    set_bit(bits, list_bit(list), member);
    if (list == 0) {
        return; // @blocks: no rule names it by number
    }
    for (const uint32_t tuple : tuples_of_list(side, list)) {
        set_bit(bits, tuple, member);
    }
}

} // namespace pc
