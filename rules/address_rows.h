// SPDX-License-Identifier: GPL-3.0-or-later
// The classes of the addresses of one side of one family, and the table that leads to them: made
// in one sweep over where prefixes and lists begin and end.
#pragma once

#include "rules/address_table.h"
#include "rules/row_table.h"

namespace pc {

// Addresses, and the bits that the rows of all of them have.
struct AddressRegion {
    const std::vector<WideRange>* ranges = nullptr; // sorted and disjoint
    std::vector<uint32_t> bits;
};

struct AddressBit {
    WideRange range;
    uint32_t bit = 0;

    auto operator<=>(const AddressBit&) const = default;
};

// The root's ref.
[[nodiscard]] Result<uint32_t> build_address_rows(AddressTable& table, RowTable& rows,
                                                  std::vector<AddressBit> prefixes,
                                                  const std::vector<AddressRegion>& lists);

} // namespace pc
