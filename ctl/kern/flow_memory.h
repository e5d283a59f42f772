// SPDX-License-Identifier: GPL-3.0-or-later
// The memory of a flow table (rules/abi_flow.h), and how one becomes another of another size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ctl/kern/kernel_maps.h"
#include "rules/abi.h"

namespace pc {

struct FlowMemory {
    std::span<pc_flow_bucket> buckets;
    std::span<pc_flow_entry> entries; // PC_FLOW_WAYS for each bucket
};

// What two mmapable maps hold.
[[nodiscard]] Result<FlowMemory> flow_memory(KernelMap& buckets, KernelMap& entries);

// Buckets for this many flows: they fill to four fifths, so that hardly ever two full ones meet.
[[nodiscard]] constexpr uint32_t flow_buckets_for(uint32_t flows) {
    return static_cast<uint32_t>((uint64_t{flows} * 5 + 31) / 32);
}

// Where the flow of an entry belongs.
struct FlowPlace {
    uint32_t tag = 0; // without PC_FLOW_BUSY and the answered bit
    uint32_t first = 0;
    uint32_t second = 0; // buckets
};

[[nodiscard]] FlowPlace place_of(const pc_flow_entry& entry, uint64_t seed, uint32_t buckets);

// What the table says about how many flows there are, in all and by source. Packets that come
// meanwhile are counted or not: these numbers bound floods, they need not be exact.
void count_flows(FlowMemory table, pc_flow_globals& globals, std::span<__u64> sources);

// Copies flows that `to` does not have. Packets may use either table meanwhile. Returns how many
// found no place.
size_t copy_flows(FlowMemory from, FlowMemory to, uint64_t seed);

} // namespace pc
