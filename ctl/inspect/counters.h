// SPDX-License-Identifier: GPL-3.0-or-later
// The inspector's counters by inspect id. Each worker counts for itself; the sum is in the pinned
// map `insp_stats` for whoever wants to read it, and goes on from where the last inspector left it.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "ctl/kern/map_store.h"
#include "rules/abi.h"
#include "rules/result.h"

namespace pc::inspect {

using AllStats = std::array<pc_inspect_stats, PC_INSPECTS_MAX>;

// Flows at this moment, of all workers together: what [inspect.*] max_flows limits.
using ActiveFlows = std::array<std::atomic<uint64_t>, PC_INSPECTS_MAX>;

// Of one worker.
class Counters {
public:
    // `active` must outlive this.
    explicit Counters(ActiveFlows& active) : active_(&active) {}

    // For changing, by the worker; an id out of range counts for 0, "none".
    [[nodiscard]] pc_inspect_stats& of(uint32_t inspect) { return own_[index_of(inspect)]; }

    void flow_begins(uint32_t inspect) {
        ++of(inspect).flows;
        ++of(inspect).active;
        ++(*active_)[index_of(inspect)];
    }

    void flow_ends(uint32_t inspect) {
        --of(inspect).active;
        --(*active_)[index_of(inspect)];
    }

    [[nodiscard]] uint64_t active(uint32_t inspect) const { return (*active_)[index_of(inspect)]; }

    // By the worker, now and then: others see what it counted until now.
    void show();

    // By any thread.
    void add_to(AllStats& sum) const;

private:
    static uint32_t index_of(uint32_t inspect) { return inspect < PC_INSPECTS_MAX ? inspect : 0; }

    ActiveFlows* active_;
    AllStats own_{};
    mutable std::mutex mutex_; // of shown_
    AllStats shown_{};
};

class CounterSum {
public:
    // `map` must outlive this.
    [[nodiscard]] static Result<CounterSum> load(MapStore& map);

    // Writes what changed since the last call.
    [[nodiscard]] Result<void> store(const std::vector<const Counters*>& workers);

private:
    explicit CounterSum(MapStore& map) : map_(&map) {}

    MapStore* map_;
    AllStats before_{};  // of earlier inspectors
    AllStats written_{}; // in the map
};

} // namespace pc::inspect
