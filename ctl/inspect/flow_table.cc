// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/flow_table.h"

#include <algorithm>
#include <cassert>

namespace pc::inspect {

Flow& FlowTable::add() {
    assert(!full());
    if (free_.empty()) {
        free_.push_back(static_cast<uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    const uint32_t index = free_.back();
    free_.pop_back();
    slots_[index] = std::make_unique<Flow>();
    slots_[index]->index = index;
    slots_[index]->generation = ++generation_;
    ++used_;
    return *slots_[index];
}

Flow* FlowTable::find(uint32_t index, uint32_t generation) {
    if (index >= slots_.size() || !slots_[index] || slots_[index]->generation != generation) {
        return nullptr;
    }
    return slots_[index].get();
}

void FlowTable::remove(const Flow& flow) {
    const uint32_t index = flow.index;
    assert(slots_[index].get() == &flow);
    slots_[index].reset();
    free_.push_back(index);
    --used_;
}

void FlowTable::arm(Flow& flow, uint64_t deadline_ms) {
    if (flow.armed_ms == 0 || deadline_ms < flow.armed_ms) {
        flow.armed_ms = deadline_ms;
        timers_.push({deadline_ms, flow.index, flow.generation});
    }
}

Flow* FlowTable::next_due(uint64_t now_ms) {
    while (!timers_.empty() && timers_.top().deadline_ms <= now_ms) {
        const Timer timer = timers_.top();
        timers_.pop();
        Flow* flow = find(timer.index, timer.generation);
        if (flow != nullptr && flow->armed_ms == timer.deadline_ms) {
            flow->armed_ms = 0;
            return flow;
        }
    }
    return nullptr;
}

} // namespace pc::inspect
