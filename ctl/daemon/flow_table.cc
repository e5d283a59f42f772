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

uint16_t incarnation_of(const pc_flow_entry& entry) {
    return static_cast<uint16_t>(PC_DECISION_INCARNATION(entry.decision));
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

} // namespace

Result<FlowMaps> flow_maps(const FlowMemory& memory, std::span<std::byte> sources,
                           std::span<std::byte> globals) {
    FlowMaps maps{.memory = memory, .sources = TRY(as_span_of<__u64>(sources))};
    maps.globals = TRY(as_span_of<pc_flow_globals>(globals)).data();
    if (maps.sources.size() != PC_FLOW_SOURCES) {
        return Error{EPROTO, "the maps of the table of flows do not belong together"};
    }
    return maps;
}

void FlowStatistics::add(const SeenFlow& flow) {
    ++flows;
    ++states.at(flow.entry.state);
    ++protocols.at(flow.entry.proto);
}

size_t FlowTable::used() const {
    const size_t fresh = std::atomic_ref<uint32_t>(maps_.memory.free->fresh).load();
    return std::min(fresh, capacity());
}

FlowTable::Words& FlowTable::words_of(size_t index) const {
    return *reinterpret_cast<Words*>(&maps_.memory.entries[index]);
}

pc_flow_entry FlowTable::copy_of(size_t index) const {
    Words copy{};
    Words& words = words_of(index);
    for (size_t i = 0; i < copy.size(); ++i) {
        copy.at(i) = Word(words.at(i)).load(std::memory_order_relaxed);
    }
    return std::bit_cast<pc_flow_entry>(copy);
}

// Before and after: else the copy might be half of one flow and half of the next.
std::optional<SeenFlow> FlowTable::look(size_t index, uint32_t now) const {
    if ((state_of(index).load(std::memory_order_acquire) & live_flag) == 0) {
        return std::nullopt;
    }
    SeenFlow flow{copy_of(index), index};
    std::atomic_thread_fence(std::memory_order_acquire);
    const pc_flow_entry after = copy_of(index);
    if ((after.flags & PC_FLOW_LIVE) == 0 || incarnation_of(after) != incarnation_of(flow.entry) ||
        !makes_sense(flow.entry) || ticks_between(flow.entry.deadline, now) > 0) {
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

// It is nobody else's.
void FlowTable::end(size_t index, EndedFlow::Why why, EndedFlow& flow) const {
    const pc_flow_entry entry = copy_of(index);
    const __u64 seed = std::atomic_ref<__u64>(maps_.globals->seed).load();
    decrement(maps_.globals->live);
    if (is_half_open(entry.state)) {
        decrement(maps_.globals->half_open);
    }
    decrement(
        maps_.sources[pc_flow_source_index(seed, static_cast<uint8_t>(PC_WHERE_FAMILY(entry.where)),
                                           entry.addr[PC_WHERE_ORIGIN(entry.where)])]);
    free_entry(maps_.memory, static_cast<uint32_t>(index), seed);
    flow = {entry, why};
}

// What buckets lead to and nobody finds: a packet is making it at this moment, or a process has
// died before it was done.
void FlowTable::adopt(uint32_t now) {
    for (const pc_flow_bucket& bucket : maps_.memory.buckets) {
        for (const uint32_t link : bucket.link) {
            const size_t index = PC_FLOW_LINK_INDEX(link);
            if (link != 0 && index < used() &&
                (state_of(index).load(std::memory_order_acquire) & live_flag) == 0) {
                busy_.try_emplace(index, Busy{incarnation_of(copy_of(index)), now});
            }
        }
    }
    adopted_ = true;
}

size_t FlowTable::sweep(uint32_t now, const std::function<void(const EndedFlow& flow)>& ended) {
    size_t count = 0;
    EndedFlow flow;
    if (!adopted_) {
        adopt(now);
    }
    for (auto each = busy_.begin(); each != busy_.end();) {
        const auto [index, busy] = *each;
        if (!is_long_over(busy.since, now)) {
            ++each;
            continue;
        }
        const bool is_ours = (state_of(index).load() & live_flag) == 0 &&
                             incarnation_of(copy_of(index)) == busy.incarnation;
        each = busy_.erase(each);
        if (is_ours) {
            end(index, EndedFlow::Why::cleared, flow);
            ended(flow);
            ++count;
        }
    }
    for (size_t index = 0; index < used(); ++index) {
        uint64_t state = state_of(index).load(std::memory_order_acquire);
        // A packet may prolong it meanwhile: then the word, which has the deadline, is another.
        if ((state & live_flag) != 0 && is_long_over(static_cast<uint32_t>(state >> 32), now) &&
            state_of(index).compare_exchange_strong(state, state & ~live_flag)) {
            end(index, EndedFlow::Why::timeout, flow);
            ended(flow);
            ++count;
        }
    }
    return count;
}

size_t FlowTable::clear(const FlowFilter& filter, uint32_t now) {
    size_t count = 0;
    each(now, [&](const SeenFlow& flow) {
        const uint16_t incarnation = incarnation_of(flow.entry);
        uint64_t state = state_of(flow.index).load();
        bool is_ours = false;
        // Packets may change its state meanwhile.
        while (filter.fits(flow.entry) && !is_ours && (state & live_flag) != 0 &&
               incarnation_of(copy_of(flow.index)) == incarnation) {
            is_ours = state_of(flow.index).compare_exchange_strong(state, state & ~live_flag);
        }
        if (is_ours) {
            busy_[flow.index] = Busy{incarnation, now};
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
    sizes.busy = busy_.size();
    sizes.capacity = capacity();
    sizes.memory_bytes = maps_.memory.buckets.size_bytes() + maps_.memory.entries.size_bytes() +
                         maps_.sources.size_bytes() + sizeof(pc_flow_globals);
    return sizes;
}

FlowStatistics FlowTable::statistics(uint32_t now) const {
    FlowStatistics statistics = sizes();
    each(now, [&](const SeenFlow& flow) {
        statistics.add(flow);
        return true;
    });
    return statistics;
}

} // namespace pc::daemon
