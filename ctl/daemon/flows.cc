// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/flows.h"

#include <algorithm>
#include <ctime>

namespace pc::daemon {

Result<uint32_t> ticks_now(const JiffiesClock& jiffies) {
    return static_cast<uint32_t>(TRY(jiffies.now()) >> PC_FLOW_TICK_SHIFT);
}

// Another size of the table is another map, so the memory is asked for each time.
Result<FlowTable*> Flows::table() {
    const Datapath& datapath = firewall_.datapath();
    const FlowMaps maps =
        TRY(flow_maps(TRY(datapath.flows()), TRY(datapath.map("flow_sources").memory()),
                      TRY(datapath.map("flow_globals").memory())));
    if (!table_ || !table_->is_over(maps)) {
        table_.emplace(maps);
        top_.forget();
    }
    return &*table_;
}

Result<FlowClock> Flows::clock() const {
    FlowClock clock;
    clock.now = TRY(ticks_now(firewall_.jiffies()));
    clock.jiffies_per_second = firewall_.jiffies().per_second();
    timespec now{};
    (void)clock_gettime(CLOCK_REALTIME, &now); // ignoring: this clock always exists
    clock.realtime_ns = int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
    if (const auto& plan = firewall_.running().plan) {
        std::copy_n(plan->generation.flows.timeouts, clock.timeouts.size(), clock.timeouts.begin());
    }
    return clock;
}

const FlowNames& Flows::names() {
    if (!names_ || names_change_ != firewall_.changes()) {
        const auto& plan = firewall_.running().plan;
        names_ = plan ? flow_names(*plan) : FlowNames();
        names_change_ = firewall_.changes();
    }
    return *names_;
}

Result<void> Flows::sweep() {
    FlowTable& flows = *TRY(table());
    const FlowClock now = TRY(clock());
    const auto& plan = firewall_.running().plan;
    log_.set(plan ? plan->flows_log : PC_LOG_NONE, plan ? plan->generation.sample_per_second : 0);
    log_.next_second();
    // ignoring how many: whoever wants to know reads the log
    (void)flows.sweep(now.now, [&](const EndedFlow& flow) {
        const auto inspected = judged_.take(flow.entry);
        if (log_.is_on()) {
            log_.add(flow, names(), now, inspected ? &*inspected : nullptr);
        }
    });
    judged_.tick();
    top_.forget_if_idle(now);
    return log_.flush();
}

} // namespace pc::daemon
