// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/kern/flow_memory.h"

#include <atomic>
#include <cerrno>
#include <iterator>
#include <optional>
#include <vector>

#include "rules/hash.h"

namespace pc {
namespace {

uint32_t scaled(uint32_t hash, uint32_t buckets) {
    return static_cast<uint32_t>(uint64_t{hash} * buckets >> 32);
}

bool is_same(const pc_flow_entry& a, const pc_flow_entry& b) {
    return std::equal(&a.addr[0][0], &a.addr[0][0] + 8, &b.addr[0][0]) && a.port[0] == b.port[0] &&
           a.port[1] == b.port[1] && a.proto == b.proto &&
           PC_WHERE_FAMILY(a.where) == PC_WHERE_FAMILY(b.where);
}

bool is_live(const pc_flow_entry& entry) {
    return (entry.flags & PC_FLOW_LIVE) != 0;
}

bool has(const FlowMemory& table, uint32_t bucket, uint32_t tag, const pc_flow_entry& entry) {
    const auto& links = table.buckets[bucket].link;
    return std::any_of(std::begin(links), std::end(links), [&](const uint32_t& link) {
        const uint32_t index = PC_FLOW_LINK_INDEX(link);
        return link != 0 && PC_FLOW_LINK(tag, index) == link && index < table.entries.size() &&
               is_same(table.entries[index], entry);
    });
}

bool link_in(const FlowMemory& table, uint32_t bucket, uint32_t link) {
    auto& links = table.buckets[bucket].link;
    return std::any_of(std::begin(links), std::end(links), [&](uint32_t& place) {
        uint32_t unused = 0;
        return std::atomic_ref<uint32_t>(place).compare_exchange_strong(unused, link);
    });
}

void unlink(const FlowMemory& table, uint32_t bucket, uint32_t link) {
    for (uint32_t& place : table.buckets[bucket].link) {
        uint32_t expected = link;
        if (std::atomic_ref<uint32_t>(place).compare_exchange_strong(expected, 0)) {
            return;
        }
    }
}

// struct pc_flow_free; as the kernel does it.
std::optional<uint32_t> take_entry(const FlowMemory& table) {
    const std::atomic_ref<__u64> list(table.free->list);
    __u64 seen = list.load();
    while (static_cast<uint32_t>(seen) != 0) {
        const uint32_t index = static_cast<uint32_t>(seen) - 1;
        const __u32 next = std::atomic_ref<__u32>(table.entries[index].delta).load();
        if (list.compare_exchange_weak(seen, ((seen >> 32) + 1) << 32 | next)) {
            return index;
        }
    }
    const std::atomic_ref<__u32> fresh(table.free->fresh);
    if (fresh.load() >= table.entries.size()) {
        return std::nullopt;
    }
    const uint32_t index = fresh.fetch_add(1);
    return index < table.entries.size() ? std::optional(index) : std::nullopt;
}

void give_entry(const FlowMemory& table, uint32_t index) {
    const std::atomic_ref<__u64> list(table.free->list);
    const std::atomic_ref<__u32> next(table.entries[index].delta);
    __u64 seen = list.load();
    do {
        next.store(static_cast<uint32_t>(seen));
    } while (!list.compare_exchange_weak(seen, ((seen >> 32) + 1) << 32 | (index + 1)));
}

// False: there is no place.
bool put(const FlowMemory& table, const FlowPlace& place, const pc_flow_entry& entry) {
    const std::optional<uint32_t> index = take_entry(table);
    if (!index) {
        return false;
    }
    pc_flow_entry& made = table.entries[*index];
    made = entry;
    made.flags = static_cast<__u8>(entry.flags & ~PC_FLOW_LIVE);
    const uint32_t link = PC_FLOW_LINK(place.tag, *index);
    if (!link_in(table, place.first, link) && !link_in(table, place.second, link)) {
        give_entry(table, *index);
        return false;
    }
    std::atomic_ref<__u8>(made.flags).store(entry.flags);
    return true;
}

} // namespace

Result<FlowMemory> flow_memory(std::span<std::byte> buckets, std::span<std::byte> entries,
                               std::span<std::byte> free) {
    const FlowMemory memory{TRY(as_span_of<pc_flow_bucket>(buckets)),
                            TRY(as_span_of<pc_flow_entry>(entries)),
                            TRY(as_span_of<pc_flow_free>(free)).data()};
    if (memory.entries.size() != flow_entries_for(static_cast<uint32_t>(memory.buckets.size()))) {
        return Error{EPROTO, "the maps of the table of flows do not belong together"};
    }
    return memory;
}

FlowPlace place_of(const pc_flow_entry& entry, uint64_t seed, uint32_t buckets) {
    const uint32_t ports = uint32_t{entry.port[0]} << 16 | entry.port[1];
    const uint64_t hash = pc_flow_hash(seed, pc_flow_fold(seed, entry.addr[0]),
                                       pc_flow_fold(seed, entry.addr[1]), ports, entry.proto);
    return {.tag = PC_FLOW_TAG_OF_HASH(hash),
            .first = scaled(static_cast<uint32_t>(hash), buckets),
            .second = scaled(static_cast<uint32_t>(hash) * 0x9e3779b1U, buckets)};
}

void free_entry(FlowMemory table, uint32_t index, uint64_t seed) {
    const FlowPlace place =
        place_of(table.entries[index], seed, static_cast<uint32_t>(table.buckets.size()));
    const uint32_t link = PC_FLOW_LINK(place.tag, index);
    unlink(table, place.first, link);
    unlink(table, place.second, link);
    give_entry(table, index);
}

void count_flows(FlowMemory table, pc_flow_globals& globals, std::span<__u64> sources) {
    std::vector<__u64> counted(sources.size());
    __u32 live = 0;
    __u32 half_open = 0;
    for (const pc_flow_entry& entry : table.entries) {
        if (!is_live(entry)) {
            continue;
        }
        live++;
        half_open += entry.state <= PC_FLOW_TCP_SYN_RECEIVED ? 1 : 0;
        const uint32_t index =
            pc_flow_source_index(globals.seed, static_cast<uint8_t>(PC_WHERE_FAMILY(entry.where)),
                                 entry.addr[PC_WHERE_ORIGIN(entry.where)]);
        counted[index % counted.size()]++;
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
    for (const pc_flow_entry& entry : from.entries) {
        if (!is_live(entry)) {
            continue;
        }
        const pc_flow_entry copy = entry;
        const FlowPlace place = place_of(copy, seed, buckets);
        if (is_live(copy) && !has(to, place.first, place.tag, copy) &&
            !has(to, place.second, place.tag, copy)) {
            lost += put(to, place, copy) ? 0 : 1;
        }
    }
    return lost;
}

} // namespace pc
