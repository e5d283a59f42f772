// SPDX-License-Identifier: GPL-3.0-or-later
// From an address to the row of its class: pc_ref of abi.h. An address is looked at 32 bits at a
// time (IPv4 has one such part, IPv6 four). For each part there is a table by its first bits, as
// large as there are ranges, and for each entry of it a chunk of sorted ranges.
//
// An edit writes what changes beside what is there and makes it hold by one store: of an entry of a
// table if only that changes, otherwise of the root.
#pragma once

#include <functional>

#include "rules/abi.h"
#include "rules/address_list.h"
#include "rules/image.h"

namespace pc {

// From `first` to the next segment's. IPv4 stands in the top 32 bits, as in WideAddress.
struct AddressSegment {
    WideAddress first = 0;
    uint32_t ref = 0; // PC_REF_ROW or PC_REF_TIMED; in an edit also what a whole part leads to
};

// A range of an edit, and which one of the caller's it is.
struct AddressPiece {
    WideRange range;
    size_t index = 0;
};

class AddressTable {
public:
    // The image must outlive the table.
    explicit AddressTable(Image& image) : image_(&image) {}

    // The first segment begins at 0. The root's ref.
    [[nodiscard]] Result<uint32_t> build(const std::vector<AddressSegment>& segments);

    // What a leaf becomes inside of a piece.
    using Change = std::function<Result<uint32_t>(uint32_t leaf, size_t piece)>;

    // Pieces are sorted and disjoint. The root's new ref, which is the old one if what changed was
    // published inside.
    [[nodiscard]] Result<uint32_t> edit(uint32_t root, const std::vector<AddressPiece>& pieces,
                                        const Change& change);

    // The leaf of an address.
    [[nodiscard]] uint32_t find(uint32_t root, WideAddress address) const;

    // Every leaf, in order, with the first address that has it; also every block of memory.
    struct Visit {
        std::function<void(WideAddress first, uint32_t leaf)> leaf;
        std::function<void(uint32_t place, size_t bytes)> block;
    };

    void visit(uint32_t root, const Visit& visit) const;

private:
    struct Edit;

    using Segments = std::vector<AddressSegment>;
    using Ranges = std::vector<pc_range>;

    [[nodiscard]] Result<uint32_t> make(std::span<const AddressSegment> segments, unsigned part,
                                        WideAddress last, bool in_table);
    [[nodiscard]] Result<Ranges> ranges_of(std::span<const AddressSegment> segments, unsigned part,
                                           WideAddress last);
    [[nodiscard]] Result<uint32_t> make_chunk(std::span<const pc_range> ranges);
    [[nodiscard]] Result<uint32_t> make_table(const Ranges& ranges);
    [[nodiscard]] uint32_t widened(uint32_t table);
    [[nodiscard]] Ranges ranges_in(uint32_t chunk) const;
    [[nodiscard]] Result<uint32_t> edit_part(const Edit& edit, uint32_t ref, unsigned part,
                                             WideAddress start);
    [[nodiscard]] Result<uint32_t> edit_table(const Edit& edit, uint32_t ref, unsigned part,
                                              WideAddress start);
    [[nodiscard]] Result<uint32_t> edit_ranges(const Edit& edit, const WideRange& block,
                                               uint32_t ref, unsigned part, bool in_table);
    [[nodiscard]] Result<void> edit_leaf(const Edit& edit, const WideRange& block, uint32_t leaf,
                                         Segments& segments);
    void release(uint32_t ref);
    void visit_part(uint32_t ref, unsigned part, WideAddress start, const Visit& visit) const;

    Image* image_;
};

} // namespace pc
