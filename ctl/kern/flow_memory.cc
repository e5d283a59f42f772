// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/kern/flow_memory.h"

#include <atomic>
#include <vector>

#include "rules/hash.h"

namespace pc {
namespace {

uint32_t scaled(uint32_t hash, uint32_t buckets) {
    return static_cast<uint32_t>(uint64_t{hash} * buckets >> 32);
}

bool is_same(const pc_flow_entry& a, const pc_flow_entry& b) {
    return std::equal(&a.addr[0][0], &a.addr[0][0] + 8, &b.addr[0][0]) && a.port[0] == b.port[0] &&
           a.port[1] == b.port[1] && a.proto == b.proto && a.family == b.family;
}

bool has(const FlowMemory& table, uint32_t bucket, uint32_t tag, const pc_flow_entry& entry) {
    for (uint32_t way = 0; way < PC_FLOW_WAYS; ++way) {
        if ((table.buckets[bucket].tag[way] & ~PC_FLOW_ANSWERED) == tag &&
            is_same(table.entries[bucket * PC_FLOW_WAYS + way], entry)) {
            return true;
        }
    }
    return false;
}

bool put(FlowMemory& table, uint32_t bucket, uint32_t tag, uint32_t deadline,
         const pc_flow_entry& entry) {
    for (uint32_t way = 0; way < PC_FLOW_WAYS; ++way) {
        uint32_t free = 0;
        const std::atomic_ref<uint32_t> place(table.buckets[bucket].tag[way]);
        if (place.compare_exchange_strong(free, tag | PC_FLOW_BUSY)) {
            table.entries[bucket * PC_FLOW_WAYS + way] = entry;
            table.buckets[bucket].deadline[way] = deadline;
            place.store(tag);
            return true;
        }
    }
    return false;
}

} // namespace

Result<FlowMemory> flow_memory(KernelMap& buckets, KernelMap& entries) {
    const std::span<std::byte> first = TRY(buckets.memory());
    const std::span<std::byte> second = TRY(entries.memory());
    return FlowMemory{{static_cast<pc_flow_bucket*>(static_cast<void*>(first.data())),
                       first.size() / sizeof(pc_flow_bucket)},
                      {static_cast<pc_flow_entry*>(static_cast<void*>(second.data())),
                       second.size() / sizeof(pc_flow_entry)}};
}

FlowPlace place_of(const pc_flow_entry& entry, uint64_t seed, uint32_t buckets) {
    const uint32_t ports = uint32_t{entry.port[0]} << 16 | entry.port[1];
    const uint64_t hash = pc_flow_hash(seed, pc_flow_fold(seed, entry.addr[0]),
                                       pc_flow_fold(seed, entry.addr[1]), ports, entry.proto);
    FlowPlace place;
    place.tag = static_cast<uint32_t>(hash >> 32) & PC_FLOW_TAG_BITS;
    place.tag = place.tag == 0 ? 1 : place.tag;
    place.first = scaled(static_cast<uint32_t>(hash), buckets);
    place.second = scaled(static_cast<uint32_t>(hash) * 0x9e3779b1U, buckets);
    return place;
}

void count_flows(FlowMemory table, pc_flow_globals& globals, std::span<__u64> sources) {
    std::vector<__u64> counted(sources.size());
    __u32 live = 0;
    __u32 half_open = 0;
    for (size_t bucket = 0; bucket < table.buckets.size(); ++bucket) {
        for (uint32_t way = 0; way < PC_FLOW_WAYS; ++way) {
            if (std::atomic_ref<uint32_t>(table.buckets[bucket].tag[way]).load() == 0) {
                continue;
            }
            const pc_flow_entry& entry = table.entries[bucket * PC_FLOW_WAYS + way];
            live++;
            half_open += entry.state <= PC_FLOW_TCP_SYN_RECEIVED ? 1 : 0;
            const uint32_t index =
                pc_flow_source_index(globals.seed, entry.family, entry.addr[entry.origin & 1]);
            counted[index % counted.size()]++;
        }
    }
    std::atomic_ref<__u32>(globals.live).store(live);
    std::atomic_ref<__u32>(globals.half_open).store(half_open);
    for (size_t i = 0; i < sources.size(); ++i) {
        std::atomic_ref<__u64>(sources[i]).store(counted[i]);
    }
}

size_t copy_flows(FlowMemory from, FlowMemory to, uint64_t seed) {
    size_t lost = 0;
    const auto buckets = static_cast<uint32_t>(to.buckets.size());
    for (size_t bucket = 0; bucket < from.buckets.size(); ++bucket) {
        for (uint32_t way = 0; way < PC_FLOW_WAYS; ++way) {
            const uint32_t tag = std::atomic_ref<uint32_t>(from.buckets[bucket].tag[way]).load();
            if (tag == 0 || (tag & PC_FLOW_BUSY) != 0) {
                continue;
            }
            const pc_flow_entry entry = from.entries[bucket * PC_FLOW_WAYS + way];
            const uint32_t deadline = from.buckets[bucket].deadline[way];
            const FlowPlace place = place_of(entry, seed, buckets);
            if (has(to, place.first, place.tag, entry) || has(to, place.second, place.tag, entry)) {
                continue;
            }
            const uint32_t whole = place.tag | (tag & PC_FLOW_ANSWERED);
            lost += put(to, place.first, whole, deadline, entry) ||
                            put(to, place.second, whole, deadline, entry)
                        ? 0
                        : 1;
        }
    }
    return lost;
}

} // namespace pc
