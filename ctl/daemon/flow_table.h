// SPDX-License-Identifier: GPL-3.0-or-later
// The table of flows that the kernel keeps, in the memory that is shared with it: what is there,
// the end of what is over, the end of what somebody wants to end. Packets change all of it
// meanwhile. Nothing that is read there is trusted: not as an index, not to make sense.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "ctl/daemon/flow_filter.h"
#include "ctl/kern/flow_memory.h"
#include "rules/result.h"

namespace pc::daemon {

struct FlowMaps {
    FlowMemory memory;
    std::span<__u64> sources; // PC_FLOW_SOURCES: flows of the sources that hash there
    pc_flow_globals* globals = nullptr;
};

// `sources` and `globals` are the bytes of flow_sources and flow_globals; EPROTO for other lengths.
[[nodiscard]] Result<FlowMaps> flow_maps(const FlowMemory& memory, std::span<std::byte> sources,
                                         std::span<std::byte> globals);

struct EndedFlow {
    pc_flow_entry entry{};
    enum class Why : uint8_t { timeout, cleared } why{};
};

struct FlowStatistics {
    uint64_t flows = 0; // found; the kernel's own count may differ for a moment
    uint64_t busy = 0;  // being written, or cleared and not yet free
    std::array<uint64_t, PC_FLOW_STATES> states{};
    std::array<uint64_t, 256> protocols{};
    uint32_t live = 0;
    uint32_t half_open = 0;
    size_t capacity = 0;
    size_t memory_bytes = 0;

    void add(const SeenFlow& flow);
};

class FlowTable {
public:
    explicit FlowTable(const FlowMaps& maps) : maps_(maps) {}

    // Are these the maps that it works on?
    [[nodiscard]] bool is_over(const FlowMaps& maps) const {
        return maps_.memory.buckets.data() == maps.memory.buckets.data() &&
               maps_.memory.entries.data() == maps.memory.entries.data() &&
               maps_.memory.entries.size() == maps.memory.entries.size() &&
               maps_.sources.data() == maps.sources.data() && maps_.globals == maps.globals;
    }

    // Calls visit(const SeenFlow&) with each flow that is not over, until that returns false.
    template <typename Visit>
    void each(uint32_t now, const Visit& visit) const {
        for (size_t index = 0; index < used(); ++index) {
            if (const auto flow = look(index, now); flow && !visit(*flow)) {
                return;
            }
        }
    }

    // Those that fit, `limit` at most.
    [[nodiscard]] std::vector<SeenFlow> find(const FlowFilter& filter, uint32_t now,
                                             size_t limit) const;

    // Frees what has been over for so long that no packet is at hand that found it alive, and what
    // was cleared before the last two ticks. Also what an earlier process had begun to clear.
    // `ended` is called for each; how many there were.
    size_t sweep(uint32_t now, const std::function<void(const EndedFlow& flow)>& ended);

    // From now on no packet finds the flows that fit; how many. A later sweep frees them.
    size_t clear(const FlowFilter& filter, uint32_t now);

    // Without the numbers that take a walk.
    [[nodiscard]] FlowStatistics sizes() const;
    [[nodiscard]] FlowStatistics statistics(uint32_t now) const;

    [[nodiscard]] size_t capacity() const { return maps_.memory.entries.size(); }

private:
    // An entry as the machine words that are copied one by one: a packet may write any of them.
    using Words = std::array<uint64_t, sizeof(pc_flow_entry) / sizeof(uint64_t)>;
    using Word = std::atomic_ref<uint64_t>;

    static constexpr size_t state_word = offsetof(pc_flow_entry, state) / sizeof(uint64_t);
    static constexpr uint64_t live_flag = uint64_t{PC_FLOW_LIVE} << 8;

    struct Busy {
        uint16_t incarnation = 0;
        uint32_t since = 0; // ticks
    };

    // Entries from here on were never used.
    [[nodiscard]] size_t used() const;
    [[nodiscard]] Words& words_of(size_t index) const;

    // With flags and tc_judged, and the deadline in the upper half.
    [[nodiscard]] Word state_of(size_t index) const { return Word(words_of(index)[state_word]); }

    [[nodiscard]] pc_flow_entry copy_of(size_t index) const;
    [[nodiscard]] std::optional<SeenFlow> look(size_t index, uint32_t now) const;
    void end(size_t index, EndedFlow::Why why, EndedFlow& flow) const;
    void adopt(uint32_t now);

    FlowMaps maps_;
    // By index: entries that no packet finds any more, but whoever found them before may still
    // write. Those that an earlier process left so are among them.
    std::map<size_t, Busy> busy_;
    bool adopted_ = false;
};

} // namespace pc::daemon
