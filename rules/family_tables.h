// SPDX-License-Identifier: GPL-3.0-or-later
// The classifier of one family: struct pc_tables and all that it leads to. Built whole; edited one
// entry at a time while packets use it.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "rules/address_rows.h"
#include "rules/tuples.h"

namespace pc {

// What becomes an entry of a bucket.
struct RuleEntry {
    Entry entry;
    uint32_t priority = 0;
    uint32_t rule = 0; // its word, see struct pc_bucket; PC_RULE_CHECK only if it is always asked
};

struct EntryPlace {
    uint32_t bucket = 0; // its place in the image
    uint32_t index = 0;

    auto operator<=>(const EntryPlace&) const = default;
};

enum class Side : uint8_t { src, dst };

class FamilyTables {
public:
    // The image must outlive the tables.
    FamilyTables(Image& image, Family family, uint64_t seed)
        : image_(&image), family_(family), seed_(seed), src_(image), dst_(image) {}

    // Lists by number, as entries name them; [0] is not used. `records`: how many there may be.
    // Places of the entries, in order.
    [[nodiscard]] Result<std::vector<EntryPlace>>
    build(const std::vector<RuleEntry>& entries,
          const std::vector<const std::vector<WideRange>*>& lists, size_t records);

    // Packets find it from its last store on. ENOSPC: build anew.
    [[nodiscard]] Result<EntryPlace> insert(const RuleEntry& entry);

    // For the audit: the entry's key and the tuple that it is in.
    [[nodiscard]] ShapedEntry shaped(const Entry& entry) const { return shaper().shape(entry); }

    [[nodiscard]] std::optional<uint32_t> tuple_of(const TupleShape& shape) const {
        const auto known = shapes_.find(shape);
        return known == shapes_.end() ? std::nullopt : std::optional(known->second);
    }

    // Does the record have to be asked for this entry, whatever else?
    [[nodiscard]] bool must_check(const Entry& entry) const { return shaper().shape(entry).check; }

    // Packets no longer find it. Its place is used again after settle().
    void remove(EntryPlace place);
    void settle();

    // Replaces the word of a live entry.
    void set_rule(EntryPlace place, uint32_t rule);
    [[nodiscard]] uint32_t rule_at(EntryPlace place) const;

    // Changes the rows that addresses have, by pieces: see AddressTable.
    [[nodiscard]] Result<uint32_t> edit_addresses(Side side,
                                                  const std::vector<AddressPiece>& pieces,
                                                  const AddressTable::Change& change);

    [[nodiscard]] const pc_tables& tables() const { return tables_; }

    // Where roots are published while packets use them; not set: packets do not yet.
    void bind(pc_tables* live) { live_ = live; }

    [[nodiscard]] RowTable& rows(Side side) { return side == Side::src ? *src_rows_ : *dst_rows_; }

    [[nodiscard]] const RowTable& rows(Side side) const {
        return side == Side::src ? *src_rows_ : *dst_rows_;
    }

    [[nodiscard]] const AddressTable& addresses(Side side) const;
    [[nodiscard]] const PortTable& ports(Side side) const;

    [[nodiscard]] size_t spare_buckets() const { return overflow_.size(); }

    // No chain ever was longer.
    [[nodiscard]] uint32_t longest_chain() const { return longest_chain_; }

    [[nodiscard]] size_t tuple_count() const { return shapes_.size(); }

    [[nodiscard]] size_t list_bit(uint16_t list) const { return size_t{tables_.words} * 64 + list; }

    // Replaces the rows that a leaf leads to, now and after each deadline.
    using RowChange = std::function<Result<uint32_t>(uint32_t row)>; // refs
    [[nodiscard]] Result<uint32_t> map_rows(uint32_t leaf, const RowChange& change);
    [[nodiscard]] Result<uint32_t> make_timed(const pc_timed& timed);

    // The tuples of entries that name this list.
    [[nodiscard]] std::vector<uint32_t> tuples_of_list(Side side, uint16_t list) const;

    // Puts a row's addresses into a list or takes them out, with the tuples that ask for it.
    void set_list(Side side, uint16_t list, bool member, RowBits& bits) const;

    [[nodiscard]] size_t lists_max() const;
    [[nodiscard]] unsigned coarseness() const;

private:
    [[nodiscard]] Result<std::vector<ShapedEntry>> choose_tuples(const std::vector<RuleEntry>&);
    [[nodiscard]] Result<void> build_rows(const std::vector<RuleEntry>& entries,
                                          const std::vector<uint32_t>& tuples);
    [[nodiscard]] Result<void> build_sides(const std::vector<RuleEntry>& entries,
                                           const std::vector<uint32_t>& tuples,
                                           const std::vector<const std::vector<WideRange>*>& lists);
    [[nodiscard]] Result<void> build_buckets(const std::vector<RuleEntry>& entries,
                                             const std::vector<ShapedEntry>& shaped,
                                             const std::vector<uint32_t>& tuples);
    void finish_tuples();
    [[nodiscard]] Result<uint32_t> tuple_for(const TupleShape& shape);
    [[nodiscard]] Result<EntryPlace> place_for(pc_key key, uint32_t priority);
    void lower_next_best(uint32_t place, uint32_t priority);
    void write_addresses(const RuleEntry& entry);
    void write_entry(EntryPlace place, const RuleEntry& entry, const ShapedEntry& shaped,
                     uint32_t tuple);
    void lower_best(uint32_t tuple, uint32_t priority);
    [[nodiscard]] Result<void> add_to_rows(const Entry& entry, uint32_t tuple);
    [[nodiscard]] Result<void> add_to_addresses(Side side, const EntryAddress& address,
                                                uint32_t tuple);
    [[nodiscard]] Result<void> add_to_table(uint32_t table, uint32_t entries,
                                            const std::function<bool(uint32_t)>& holds,
                                            uint32_t tuple);
    [[nodiscard]] TupleShaper shaper() const;

    Image* image_;
    Family family_;
    uint64_t seed_;
    unsigned coarseness_ = 0;
    AddressTable src_, dst_;
    std::optional<RowTable> src_rows_, dst_rows_, other_rows_; // other: protocols and zones
    std::optional<PortTable> sports_, dports_;
    std::map<TupleShape, uint32_t> shapes_;
    std::vector<uint32_t> overflow_; // free buckets that only `next` leads to
    std::set<EntryPlace> removed_;
    uint32_t longest_chain_ = 1;
    size_t lists_max_ = 0;
    size_t records_ = 0;
    pc_tables tables_{};
    pc_tables* live_ = nullptr;
};

} // namespace pc
