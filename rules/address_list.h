// SPDX-License-Identifier: GPL-3.0-or-later
// Sets of addresses as sorted ranges, for the compiler. Made for a million prefixes: flat vectors,
// one sort, no node per address.
#pragma once

#include "rules/net.h"

namespace pc {

// An address as a number. IPv4 stands in the top 32 bits, and the last address of an IPv4 range has
// all lower bits set, so that ranges and prefix lengths mean the same in both families.
__extension__ using WideAddress = unsigned __int128;

// Inclusive.
struct WideRange {
    WideAddress first = 0;
    WideAddress last = 0;

    auto operator<=>(const WideRange&) const = default;
    bool operator==(const WideRange&) const = default;
};

// Canonical after normalize(): sorted, disjoint and not adjacent, so that equal sets are equal
// values.
struct AddressList {
    std::vector<WideRange> v4;
    std::vector<WideRange> v6;

    auto operator<=>(const AddressList&) const = default;
    bool operator==(const AddressList&) const = default;
};

// A prefix by its first address.
struct WidePrefix {
    WideAddress first = 0;
    uint8_t length = 0;
};

[[nodiscard]] AddressList every_address();

void append(AddressList& list, const std::vector<AddressRange>& ranges);
void append(AddressList& list, const AddressRange& range);
void append(AddressList& list, const AddressList& other);
void normalize(AddressList& list);

// What is in `list` and not in `other`. Both canonical, and so is the answer.
[[nodiscard]] AddressList without(const AddressList& list, const AddressList& other);

[[nodiscard]] bool empty(const AddressList& list);

// The prefix, if the list is exactly one.
[[nodiscard]] std::optional<Prefix> single_prefix(const AddressList& list);

// Appends the fewest prefixes that cover exactly the range, in order.
void append_prefixes(std::vector<WidePrefix>& prefixes, const WideRange& range);

[[nodiscard]] Prefix narrow(Family family, const WidePrefix& prefix);
[[nodiscard]] std::vector<AddressRange> ranges_of(const AddressList& list); // IPv4 first

} // namespace pc
