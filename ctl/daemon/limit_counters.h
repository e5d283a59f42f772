// SPDX-License-Identifier: GPL-3.0-or-later
// The rate limits that packets meet, with what they let pass and what was over.
#pragma once

#include <span>
#include <vector>

#include "ctl/daemon/counters.h"
#include "ctl/protocol/protocol.h"
#include "rules/plan.h"

namespace pc::daemon {

struct SeenLimit {
    std::string name;
    pc_limit limit{};
    pc_limit_counter count{};
};

// Those of the plan, in the order of the rule file.
[[nodiscard]] Result<std::vector<SeenLimit>> read_limits(const Plan& plan,
                                                         const MapStore& counters);

struct TokenBuckets {
    size_t busy = 0; // charged, and not full again
    size_t capacity = 0;
};

// `now` is CLOCK_MONOTONIC in the units of pc_limit_set.due. Packets change the sets meanwhile.
[[nodiscard]] TokenBuckets count_buckets(std::span<pc_limit_set> sets, uint64_t now);

// "src/24,src6/56"
[[nodiscard]] std::string limit_per(const pc_limit& limit);

[[nodiscard]] protocol::Json limit_object(const SeenLimit& limit);

} // namespace pc::daemon
