// SPDX-License-Identifier: GPL-3.0-or-later
// The memory of a flow table (rules/abi_flow.h), and how one becomes another of another size.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

#include "rules/abi.h"
#include "rules/result.h"

namespace pc {

// The bytes of a map as the values that it holds; EPROTO for another length.
template <typename T>
[[nodiscard]] Result<std::span<T>> as_span_of(std::span<std::byte> bytes) {
    const auto at = reinterpret_cast<uintptr_t>(bytes.data());
    if (bytes.empty() || bytes.size() % sizeof(T) != 0 || at % alignof(T) != 0) {
        return Error{EPROTO, "the table of flows has an unknown layout"};
    }
    return std::span(reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T));
}

struct FlowMemory {
    std::span<pc_flow_bucket> buckets;
    std::span<pc_flow_entry> entries;
    pc_flow_free* free = nullptr;
};

// What the bytes of three mmapable maps hold; EPROTO where they do not belong together.
[[nodiscard]] Result<FlowMemory>
flow_memory(std::span<std::byte> buckets, std::span<std::byte> entries, std::span<std::byte> free);

// Buckets for this many flows: they fill to four fifths, so that hardly ever two full ones meet.
[[nodiscard]] constexpr uint32_t flow_buckets_for(uint32_t flows) {
    return static_cast<uint32_t>((uint64_t{flows} * 5 + 31) / 32);
}

// And back: entries beside so many buckets.
[[nodiscard]] constexpr uint32_t flow_entries_for(uint32_t buckets) {
    return static_cast<uint32_t>(
        std::min(uint64_t{buckets} * 32 / 5, uint64_t{1} << PC_FLOW_INDEX_BITS));
}

// Where the flow of an entry belongs.
struct FlowPlace {
    uint32_t tag = 0; // of its link
    uint32_t first = 0;
    uint32_t second = 0; // buckets
};

[[nodiscard]] FlowPlace place_of(const pc_flow_entry& entry, uint64_t seed, uint32_t buckets);

// Of an entry that the caller owns: no packet is led to it any more, and the next new flow may
// have it.
void free_entry(FlowMemory table, uint32_t index, uint64_t seed);

// What the table says about how many flows there are, in all and by source. Packets that come
// meanwhile are counted or not: these numbers bound floods, they need not be exact.
void count_flows(FlowMemory table, pc_flow_globals& globals, std::span<__u64> sources);

// Copies flows that `to` does not have. Packets may use either table meanwhile. Returns how many
// found no place.
size_t copy_flows(FlowMemory from, FlowMemory to, uint64_t seed);

} // namespace pc
