// SPDX-License-Identifier: GPL-3.0-or-later
// The daemon's side of [guard] sources: reads the kernel's sketch once a second, begins its next
// epoch, and does what guard_decisions.h says.
#pragma once

#include "ctl/daemon/firewall.h"
#include "ctl/daemon/guard_decisions.h"

namespace pc::daemon {

class SourceGuard {
public:
    explicit SourceGuard(Firewall& firewall) : firewall_(firewall) {}

    // Once a second. An Error: sources are not watched, or one is not blocked.
    [[nodiscard]] Result<void> tick();

    // For the log, once each.
    [[nodiscard]] std::vector<std::string> take_lines() { return std::exchange(lines_, {}); }

    // Of the last second, the heaviest first.
    [[nodiscard]] const std::vector<GuardRate>& rates() const { return rates_; }

    [[nodiscard]] const GuardDecisions& decisions() const { return decisions_; }

    // Entries of @blocks that are the guard's.
    [[nodiscard]] size_t blocks() const;

private:
    [[nodiscard]] Result<void> read(const pc_flow_policy& policy);
    [[nodiscard]] Result<void> decide(const PlanGuard& guard);
    [[nodiscard]] Result<void> block(const GuardAction& action);

    Firewall& firewall_;
    GuardDecisions decisions_;
    std::vector<GuardRate> rates_;
    std::vector<std::string> lines_;
    uint64_t began_ns_ = 0; // the epoch that is; 0: it began before this process, or nothing counts
};

} // namespace pc::daemon
