// SPDX-License-Identifier: GPL-3.0-or-later
// What a commit writes to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "ctl/kern/map_store.h"
#include "rules/result.h"

namespace pc::daemon {

// The maps of rules/abi.h that a commit writes. All outlive Generations.
struct GenerationMaps {
    MapStore& control;
    MapStore& ifaces;
    MapStore& vlan_zones;
    MapStore& rule_names;
    MapStore& rule_counters;
    MapStore& iface_counters;
    MapStore& limits;
    MapStore& limit_names;
    MapStore& zone_names;
    MapStore& inspect_names;
    MapStore& limit_counters;
    // The memory of `generations`, and of `classifier` without its slack.
    std::function<Result<std::span<std::byte>>()> heads;
    std::function<Result<std::span<std::byte>>()> arena;
    // Another arena of this size with the same contents; what arena() gave is gone then.
    std::function<Result<void>(size_t bytes)> grow_arena;
    // Returns when no packet is at hand any more that was before.
    std::function<Result<void>()> wait_for_packets;
    std::function<Result<uint64_t>()> random;
};

} // namespace pc::daemon
