// SPDX-License-Identifier: GPL-3.0-or-later
// The flows of one kind and worker, bounded, at stable places; and their timers. A kind of flow has
// `index`, `generation` and `armed_ms`, which belong to its table.
#pragma once

#include <cassert>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

namespace pc::inspect {

template <typename Kind>
class FlowTable {
public:
    explicit FlowTable(size_t flows_max) : flows_max_(flows_max) {}

    [[nodiscard]] bool full() const { return used_ == flows_max_; }

    [[nodiscard]] bool empty() const { return used_ == 0; }

    // Only when not full().
    [[nodiscard]] Kind& add() {
        assert(!full());
        if (free_.empty()) {
            free_.push_back(static_cast<uint32_t>(slots_.size()));
            slots_.emplace_back();
        }
        const uint32_t index = free_.back();
        free_.pop_back();
        slots_[index] = std::make_unique<Kind>();
        slots_[index]->index = index;
        slots_[index]->generation = ++generation_;
        ++used_;
        return *slots_[index];
    }

    // Null if that flow is gone, also when another one has its place now.
    [[nodiscard]] Kind* find(uint32_t index, uint32_t generation) {
        if (index >= slots_.size() || !slots_[index] || slots_[index]->generation != generation) {
            return nullptr;
        }
        return slots_[index].get();
    }

    void remove(const Kind& flow) {
        const uint32_t index = flow.index;
        slots_[index].reset();
        free_.push_back(index);
        --used_;
    }

    // Places, for walking over all flows: at() is null for a free one.
    [[nodiscard]] size_t places() const { return slots_.size(); }

    [[nodiscard]] Kind* at(size_t place) { return slots_[place].get(); }

    [[nodiscard]] const Kind* at(size_t place) const { return slots_[place].get(); }

    // Replaces a later timer of the flow; an earlier one stays.
    void arm(Kind& flow, uint64_t deadline_ms) {
        if (flow.armed_ms == 0 || deadline_ms < flow.armed_ms) {
            flow.armed_ms = deadline_ms;
            timers_.push({deadline_ms, flow.index, flow.generation});
        }
    }

    // The next flow whose timer is due, or null. It has no timer afterwards.
    [[nodiscard]] Kind* next_due(uint64_t now_ms) {
        while (!timers_.empty() && timers_.top().deadline_ms <= now_ms) {
            const Timer timer = timers_.top();
            timers_.pop();
            Kind* flow = find(timer.index, timer.generation);
            if (flow != nullptr && flow->armed_ms == timer.deadline_ms) {
                flow->armed_ms = 0;
                return flow;
            }
        }
        return nullptr;
    }

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
    std::vector<std::unique_ptr<Kind>> slots_;
    std::vector<uint32_t> free_;
    std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
};

} // namespace pc::inspect
