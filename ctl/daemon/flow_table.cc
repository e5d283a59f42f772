// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/flow_table.h"

#include <algorithm>
#include <bit>
#include <cerrno>

#include "rules/hash.h"

namespace pc::daemon {
namespace {

// No packet takes as long: one that found a flow alive has done with it by then.
constexpr int32_t grace_ticks = 2;

// Ticks wrap.
int32_t ticks_between(uint32_t from, uint32_t to) {
    return static_cast<int32_t>(to - from);
}

bool is_long_over(uint32_t since, uint32_t now) {
    return ticks_between(since, now) > grace_ticks;
}

bool is_same_flow(uint32_t tag, uint32_t other) {
    return ((tag ^ other) & ~PC_FLOW_ANSWERED) == 0;
}

bool is_half_open(uint8_t state) {
    return state == PC_FLOW_TCP_SYN_SENT || state == PC_FLOW_TCP_SYN_RECEIVED;
}

// Never below 0: a count that wrapped would refuse all flows.
template <typename T>
void decrement(T& counter) {
    std::atomic_ref<T> shared(counter);
    T value = shared.load(std::memory_order_relaxed);
    while (value != 0 &&
           !shared.compare_exchange_weak(value, value - 1, std::memory_order_relaxed)) {
    }
}

template <typename T>
Result<std::span<T>> as_span_of(std::span<std::byte> bytes) {
    const auto at = reinterpret_cast<uintptr_t>(bytes.data());
    if (bytes.empty() || bytes.size() % sizeof(T) != 0 || at % alignof(T) != 0) {
        return Error{EPROTO, "the table of flows has an unknown layout"};
    }
    return std::span(reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T));
}

} // namespace

Result<FlowMaps> flow_maps(std::span<std::byte> buckets, std::span<std::byte> entries,
                           std::span<std::byte> sources, std::span<std::byte> globals) {
    FlowMaps maps;
    maps.buckets = TRY(as_span_of<pc_flow_bucket>(buckets));
    maps.entries = TRY(as_span_of<FlowWords>(entries));
    maps.sources = TRY(as_span_of<__u64>(sources));
    maps.globals = TRY(as_span_of<pc_flow_globals>(globals)).data();
    if (maps.entries.size() != maps.buckets.size() * PC_FLOW_WAYS ||
        maps.sources.size() != PC_FLOW_SOURCES) {
        return Error{EPROTO, "the maps of the table of flows do not belong together"};
    }
    return maps;
}

void FlowStatistics::add(const SeenFlow& flow) {
    ++flows;
    ++states.at(flow.entry.state);
    ++protocols.at(flow.entry.proto);
}

uint32_t FlowTable::deadline_of(size_t index) const {
    return Tag(maps_.buckets[index / PC_FLOW_WAYS].deadline[index % PC_FLOW_WAYS])
        .load(std::memory_order_relaxed);
}

pc_flow_entry FlowTable::copy_of(size_t index) const {
    FlowWords copy{};
    FlowWords& words = maps_.entries[index];
    for (size_t i = 0; i < copy.size(); ++i) {
        copy.at(i) = std::atomic_ref<uint64_t>(words.at(i)).load(std::memory_order_relaxed);
    }
    return std::bit_cast<pc_flow_entry>(copy);
}

// The tag before and after: else the copy might be half of one flow and half of the next.
std::optional<SeenFlow> FlowTable::look(size_t index, uint32_t now) const {
    const uint32_t tag = tag_of(index).load(std::memory_order_acquire);
    if (tag == 0 || (tag & PC_FLOW_BUSY) != 0) {
        return std::nullopt;
    }
    SeenFlow flow{copy_of(index), deadline_of(index), tag, index};
    std::atomic_thread_fence(std::memory_order_acquire);
    if (!is_same_flow(tag_of(index).load(std::memory_order_relaxed), tag) ||
        !makes_sense(flow.entry) || ticks_between(flow.deadline, now) > 0) {
        return std::nullopt;
    }
    return flow;
}

std::vector<SeenFlow> FlowTable::find(const FlowFilter& filter, uint32_t now, size_t limit) const {
    std::vector<SeenFlow> found;
    each(now, [&](const SeenFlow& flow) {
        if (found.size() < limit && filter.fits(flow.entry)) {
            found.push_back(flow);
        }
        return found.size() < limit;
    });
    return found;
}

// Its place is BUSY, and nobody else's.
void FlowTable::free_place(size_t index, const pc_flow_entry& entry) const {
    decrement(maps_.globals->live);
    if (is_half_open(entry.state)) {
        decrement(maps_.globals->half_open);
    }
    if (makes_sense(entry)) {
        const __u64 seed = std::atomic_ref<__u64>(maps_.globals->seed).load();
        const uint32_t source = pc_flow_source_index(seed, entry.family, entry.addr[entry.origin]);
        decrement(maps_.sources[source]);
    }
    tag_of(index).store(0, std::memory_order_release);
}

// A packet may have found it just before it was over: its deadline is looked at once more when no
// other packet can find it.
bool FlowTable::end_if_over(size_t index, uint32_t tag, uint32_t now, EndedFlow& flow) const {
    uint32_t expected = tag;
    if (!tag_of(index).compare_exchange_strong(expected, tag | PC_FLOW_BUSY)) {
        return false;
    }
    flow.deadline = deadline_of(index);
    if (!is_long_over(flow.deadline, now)) {
        (void)tag_of(index).fetch_and(~PC_FLOW_BUSY); // ignoring: nobody else changed that bit
        return false;
    }
    flow.entry = copy_of(index);
    flow.why = EndedFlow::Why::timeout;
    free_place(index, flow.entry);
    return true;
}

void FlowTable::end_cleared(size_t index, EndedFlow& flow) const {
    flow.deadline = deadline_of(index);
    flow.entry = copy_of(index);
    flow.why = EndedFlow::Why::cleared;
    free_place(index, flow.entry);
}

size_t FlowTable::sweep(uint32_t now, const std::function<void(const EndedFlow& flow)>& ended) {
    size_t count = 0;
    std::map<size_t, Busy> still_busy;
    EndedFlow flow;
    for (size_t index = 0; index < capacity(); ++index) {
        const uint32_t tag = tag_of(index).load(std::memory_order_acquire);
        const bool is_busy = (tag & PC_FLOW_BUSY) != 0;
        if (tag == 0 || (!is_busy && !is_long_over(deadline_of(index), now))) {
            continue; // most of all
        }
        bool is_free = false;
        if (!is_busy) {
            is_free = end_if_over(index, tag, now, flow);
        } else {
            const auto known = busy_.find(index);
            const bool is_same = known != busy_.end() && is_same_flow(known->second.tag, tag);
            const Busy busy{tag, is_same ? known->second.since : now};
            is_free = is_long_over(busy.since, now);
            if (is_free) {
                end_cleared(index, flow);
            } else {
                still_busy.emplace_hint(still_busy.end(), index, busy);
            }
        }
        if (is_free) {
            ++count;
            ended(flow);
        }
    }
    busy_ = std::move(still_busy);
    return count;
}

// An answer may come meanwhile.
bool FlowTable::make_busy(size_t index, uint32_t tag) const {
    uint32_t seen = tag;
    while (seen != 0 && is_same_flow(seen, tag)) {
        if (tag_of(index).compare_exchange_strong(seen, seen | PC_FLOW_BUSY)) {
            return true;
        }
    }
    return false;
}

size_t FlowTable::clear(const FlowFilter& filter, uint32_t now) {
    size_t count = 0;
    each(now, [&](const SeenFlow& flow) {
        if (filter.fits(flow.entry) && make_busy(flow.index, flow.tag)) {
            busy_[flow.index] = Busy{flow.tag | PC_FLOW_BUSY, now};
            ++count;
        }
        return true;
    });
    return count;
}

FlowStatistics FlowTable::sizes() const {
    FlowStatistics sizes;
    sizes.live = std::atomic_ref<uint32_t>(maps_.globals->live).load();
    sizes.half_open = std::atomic_ref<uint32_t>(maps_.globals->half_open).load();
    sizes.capacity = capacity();
    sizes.memory_bytes = maps_.buckets.size_bytes() + maps_.entries.size_bytes() +
                         maps_.sources.size_bytes() + sizeof(pc_flow_globals);
    return sizes;
}

FlowStatistics FlowTable::statistics(uint32_t now) const {
    FlowStatistics statistics = sizes();
    for (size_t index = 0; index < capacity(); ++index) {
        const uint32_t tag = tag_of(index).load(std::memory_order_relaxed);
        statistics.busy += (tag & PC_FLOW_BUSY) != 0 ? 1 : 0;
        if (const auto flow = look(index, now)) {
            statistics.add(*flow);
        }
    }
    return statistics;
}

} // namespace pc::daemon
