// SPDX-License-Identifier: GPL-3.0-or-later
// The daemon's side of the kernel's table of flows: finds the memory and the clock, sweeps once a
// second, logs what ended as the running rules ask.
#pragma once

#include "ctl/daemon/firewall.h"
#include "ctl/daemon/flow_log.h"
#include "ctl/daemon/flow_top.h"
#include "ctl/daemon/judged_flows.h"

namespace pc::daemon {

class Flows {
public:
    Flows(const Firewall& firewall, std::string log_path)
        : firewall_(firewall), log_(std::move(log_path)) {}

    // Once a second. An Error: flows are not swept, or the log is not written.
    [[nodiscard]] Result<void> sweep();

    // Over the maps that there are now; until the next call.
    [[nodiscard]] Result<FlowTable*> table();

    [[nodiscard]] Result<FlowClock> clock() const;

    // Of the running rules; until these change.
    [[nodiscard]] const FlowNames& names();

    [[nodiscard]] FlowTop& top() { return top_; }

    // What the inspector has judged in passing.
    [[nodiscard]] JudgedFlows& judged() { return judged_; }

private:
    const Firewall& firewall_;
    FlowLog log_;
    std::optional<FlowTable> table_;
    FlowTop top_;
    JudgedFlows judged_;
    std::optional<FlowNames> names_;
    uint64_t names_change_ = 0; // Firewall::changes() that names_ are of
};

// The kernel's ticks, as in struct pc_flow_bucket.
[[nodiscard]] Result<uint32_t> ticks_now(const JiffiesClock& jiffies);

} // namespace pc::daemon
