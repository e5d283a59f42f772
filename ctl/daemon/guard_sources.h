// SPDX-License-Identifier: GPL-3.0-or-later
// The heaviest sources of one epoch of the flood guard's sketch.
#pragma once

#include <vector>

#include "ctl/kern/map_store.h"
#include "rules/abi.h"
#include "rules/net.h"

namespace pc::daemon {

struct GuardSource {
    Prefix prefix;
    uint64_t packets = 0; // estimated, of all CPUs
};

// Out of the maps guard_top and guard_sketch, the heaviest first. Lengths of prefixes are the
// running rules'. An estimate may have packets of others in it, which share its cells: what a cell
// holds on average is taken off, so that a flood from forged sources makes none of them heavy.
[[nodiscard]] Result<std::vector<GuardSource>> guard_sources(const MapStore& top,
                                                             const MapStore& sketch,
                                                             const pc_flow_policy& policy,
                                                             uint32_t epoch);

} // namespace pc::daemon
