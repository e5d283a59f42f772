// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a server is up, by the checks of it and by the connections of flows. Pure: what comes of
// what happened, with the clock passed in.
//
// A server is up until something says otherwise, or every start and every commit would be an
// outage. But the first check of it decides at once, so that a dead one does not last for `fall`
// checks.
#pragma once

#include <cstdint>

#include "rules/upstream.h"

namespace pc::inspect {

struct HealthState {
    bool up = true;
    bool was_checked = false;
    uint32_t against = 0;  // checks in a row that speak against the state
    uint64_t since_ms = 0; // of the state; 0: from the beginning
};

enum class Check : uint8_t { good, bad };
enum class HealthChange : uint8_t { none, came_up, went_down };

[[nodiscard]] HealthChange note_check(HealthState& state, const HealthChecks& settings, Check check,
                                      uint64_t now_ms);

// Connections of flows failed, `passive_fall` in a row.
[[nodiscard]] HealthChange take_out(HealthState& state, uint64_t now_ms);

// A server that no check brings back is tried again after `retry`.
[[nodiscard]] HealthChange note_time(HealthState& state, const HealthChecks& settings,
                                     uint64_t now_ms);

} // namespace pc::inspect
