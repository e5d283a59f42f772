// SPDX-License-Identifier: GPL-3.0-or-later
// The flows of one worker, bounded, at stable places; and their timers.
#pragma once

#include <cstdint>
#include <memory>
#include <queue>
#include <vector>

#include "ctl/inspect/flow.h"

namespace pc::inspect {

class FlowTable {
public:
    explicit FlowTable(size_t flows_max) : flows_max_(flows_max) {}

    [[nodiscard]] bool full() const { return used_ == flows_max_; }

    [[nodiscard]] bool empty() const { return used_ == 0; }

    // Only when not full().
    [[nodiscard]] Flow& add();

    // Null if that flow is gone, also when another one has its place now.
    [[nodiscard]] Flow* find(uint32_t index, uint32_t generation);

    void remove(const Flow& flow);

    // Places, for walking over all flows: at() is null for a free one.
    [[nodiscard]] size_t places() const { return slots_.size(); }

    [[nodiscard]] Flow* at(size_t place) { return slots_[place].get(); }

    // Replaces a later timer of the flow; an earlier one stays.
    void arm(Flow& flow, uint64_t deadline_ms);

    // The next flow whose timer is due, or null. It has no timer afterwards.
    [[nodiscard]] Flow* next_due(uint64_t now_ms);

private:
    struct Timer {
        uint64_t deadline_ms;
        uint32_t index;
        uint32_t generation;

        bool operator>(const Timer& other) const { return deadline_ms > other.deadline_ms; }
    };

    size_t flows_max_;
    size_t used_ = 0;
    uint32_t generation_ = 0;
    std::vector<std::unique_ptr<Flow>> slots_;
    std::vector<uint32_t> free_;
    std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
};

} // namespace pc::inspect
