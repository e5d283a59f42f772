// SPDX-License-Identifier: GPL-3.0-or-later
// Flows as answers: rows sorted by what was asked for, and all that is known of one.
#pragma once

#include "ctl/daemon/flow_table.h"

namespace pc::daemon {

// The kernel's ticks, and what time of day they are.
struct FlowClock {
    uint32_t now = 0; // ticks
    uint64_t jiffies_per_second = 100;
    int64_t realtime_ns = 0;
    std::array<uint32_t, PC_FLOW_STATES> timeouts{}; // ticks, of the running rules

    // How long ago a tick was; negative: it is to come.
    [[nodiscard]] double age_s(uint32_t tick) const;
    [[nodiscard]] int64_t realtime_of(uint32_t tick) const;

    // When the last packet came: each puts the deadline off by the state's timeout.
    [[nodiscard]] uint32_t last_packet(const pc_flow_entry& entry) const;
};

enum class FlowOrder : uint8_t { bytes, packets, age };

// "bytes", "packets", "age" (the oldest first), or nothing: bytes.
[[nodiscard]] Result<FlowOrder> flow_order(const std::string& word);

// The first rows of all that are added; needs memory for twice as many.
class FlowRows {
public:
    FlowRows(FlowOrder order, size_t limit, uint32_t now)
        : order_(order), limit_(limit), now_(now) {}

    void add(const SeenFlow& flow);

    [[nodiscard]] uint64_t added() const { return added_; }

    [[nodiscard]] std::vector<SeenFlow> take(); // in order

private:
    [[nodiscard]] uint64_t key_of(const SeenFlow& flow) const;
    void keep_first();

    FlowOrder order_;
    size_t limit_;
    uint32_t now_;
    uint64_t added_ = 0;
    std::vector<SeenFlow> rows_;
};

[[nodiscard]] Json flow_object(const SeenFlow& flow, const FlowNames& names,
                               const FlowClock& clock);

// With the verdict, and what is known of a TCP flow's windows.
[[nodiscard]] Json flow_detail(const SeenFlow& flow, const FlowNames& names,
                               const FlowClock& clock);

// "live", "half_open", "capacity", "memory_bytes"; with a walk also "states" and "protocols".
[[nodiscard]] Json table_object(const FlowStatistics& statistics);

} // namespace pc::daemon
