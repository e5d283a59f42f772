// SPDX-License-Identifier: GPL-3.0-or-later
// [inspect.*.upstream] as JSON: for the inspector, who balances, and with what he found for `show`.
#pragma once

#include <vector>

#include "ctl/kern/map_store.h"
#include "ctl/protocol/protocol.h"
#include "rules/abi.h"
#include "rules/upstream.h"

namespace pc::daemon {

// For WatchInspect.
[[nodiscard]] protocol::Json upstream_object(const Upstream& upstream);

// What the inspector wrote about servers, of all inspects.
[[nodiscard]] Result<std::vector<pc_upstream_server>> read_upstream_servers(const MapStore& map);

// Whether there is an inspector whose word counts.
enum class InspectorWord : uint8_t { live, stale };

// For `show inspect`. A server of which nothing is known has the state "unknown". `now_ns`:
// CLOCK_MONOTONIC.
[[nodiscard]] protocol::Json upstream_state(const Upstream& upstream, uint8_t inspect,
                                            const std::vector<pc_upstream_server>& servers,
                                            InspectorWord word, uint64_t now_ns);

} // namespace pc::daemon
