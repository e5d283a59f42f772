// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/address_list.h"

#include <algorithm>

namespace pc {

namespace {

constexpr WideAddress highest = ~WideAddress{0};

WideAddress widen(const Address& address) {
    WideAddress wide = 0;
    for (const uint8_t byte : address.bytes) {
        wide = wide << 8 | byte;
    }
    return wide;
}

WideRange widen(const AddressRange& range) {
    const WideAddress below = range.first.family == Family::v4 ? highest >> 32 : 0;
    return {.first = widen(range.first), .last = widen(range.last) | below};
}

void normalize(std::vector<WideRange>& ranges) {
    if (!std::is_sorted(ranges.begin(), ranges.end())) {
        std::sort(ranges.begin(), ranges.end());
    }
    size_t kept = 0;
    for (const WideRange& range : ranges) {
        if (kept > 0) {
            WideRange& before = ranges[kept - 1];
            if (before.last == highest || range.first <= before.last + 1) {
                before.last = std::max(before.last, range.last);
                continue;
            }
        }
        ranges[kept++] = range;
    }
    ranges.resize(kept);
}

std::vector<WideRange> without(const std::vector<WideRange>& ranges,
                               const std::vector<WideRange>& others) {
    std::vector<WideRange> left;
    auto other = others.begin();
    for (WideRange range : ranges) {
        while (other != others.end() && other->last < range.first) {
            ++other;
        }
        bool rest = true;
        for (auto cut = other; rest && cut != others.end() && cut->first <= range.last; ++cut) {
            if (cut->first > range.first) {
                left.push_back({.first = range.first, .last = cut->first - 1});
            }
            rest = cut->last < range.last;
            if (rest) {
                range.first = cut->last + 1;
            }
        }
        if (rest) {
            left.push_back(range);
        }
    }
    return left;
}

// The number of zero bits at the end; 128 for 0.
unsigned trailing_zeros(WideAddress value) {
    const auto low = static_cast<uint64_t>(value);
    const auto high = static_cast<uint64_t>(value >> 64);
    if (low != 0) {
        return static_cast<unsigned>(__builtin_ctzll(low));
    }
    return high != 0 ? 64 + static_cast<unsigned>(__builtin_ctzll(high)) : 128;
}

// The position of the highest bit; `value` is not 0.
unsigned highest_bit(WideAddress value) {
    const auto high = static_cast<uint64_t>(value >> 64);
    if (high != 0) {
        return 127 - static_cast<unsigned>(__builtin_clzll(high));
    }
    return 63 - static_cast<unsigned>(__builtin_clzll(static_cast<uint64_t>(value)));
}

} // namespace

AddressList every_address() {
    return {.v4 = {{.first = 0, .last = highest}}, .v6 = {{.first = 0, .last = highest}}};
}

void append(AddressList& list, const AddressRange& range) {
    (range.first.family == Family::v4 ? list.v4 : list.v6).push_back(widen(range));
}

void append(AddressList& list, const std::vector<AddressRange>& ranges) {
    for (const AddressRange& range : ranges) {
        append(list, range);
    }
}

void append(AddressList& list, const AddressList& other) {
    list.v4.insert(list.v4.end(), other.v4.begin(), other.v4.end());
    list.v6.insert(list.v6.end(), other.v6.begin(), other.v6.end());
}

void normalize(AddressList& list) {
    normalize(list.v4);
    normalize(list.v6);
}

AddressList without(const AddressList& list, const AddressList& other) {
    return {.v4 = without(list.v4, other.v4), .v6 = without(list.v6, other.v6)};
}

bool empty(const AddressList& list) {
    return list.v4.empty() && list.v6.empty();
}

std::optional<Prefix> single_prefix(const AddressList& list) {
    if (list.v4.size() + list.v6.size() != 1) {
        return std::nullopt;
    }
    const Family family = list.v4.empty() ? Family::v6 : Family::v4;
    std::vector<WidePrefix> prefixes;
    append_prefixes(prefixes, list.v4.empty() ? list.v6.front() : list.v4.front());
    if (prefixes.size() != 1) {
        return std::nullopt;
    }
    return narrow(family, prefixes.front());
}

void append_prefixes(std::vector<WidePrefix>& prefixes, const WideRange& range) {
    WideAddress first = range.first;
    while (true) {
        const WideAddress span = range.last - first;
        const unsigned fits = span == highest ? 128 : highest_bit(span + 1);
        const unsigned bits = std::min(trailing_zeros(first), fits);
        prefixes.push_back({.first = first, .length = static_cast<uint8_t>(128 - bits)});
        if (bits == 128 || (first | ((WideAddress{1} << bits) - 1)) == range.last) {
            return;
        }
        first += WideAddress{1} << bits;
    }
}

Prefix narrow(Family family, const WidePrefix& prefix) {
    Prefix narrow{.address = {.family = family}, .length = prefix.length};
    for (size_t i = 0; i < narrow.address.bytes.size(); i++) {
        narrow.address.bytes[i] = static_cast<uint8_t>(prefix.first >> (120 - 8 * i));
    }
    return narrow;
}

std::vector<AddressRange> ranges_of(const AddressList& list) {
    std::vector<AddressRange> ranges;
    ranges.reserve(list.v4.size() + list.v6.size());
    for (const Family family : {Family::v4, Family::v6}) {
        const auto whole = static_cast<uint8_t>(address_bits(family));
        for (const WideRange& range : family == Family::v4 ? list.v4 : list.v6) {
            ranges.push_back({narrow(family, {range.first, whole}).address,
                              narrow(family, {range.last, whole}).address});
        }
    }
    return ranges;
}

} // namespace pc
