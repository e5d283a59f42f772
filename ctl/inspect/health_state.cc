// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/health_state.h"

namespace pc::inspect {

namespace {

HealthChange turn(HealthState& state, uint64_t now_ms) {
    state.up = !state.up;
    state.against = 0;
    state.since_ms = now_ms;
    return state.up ? HealthChange::came_up : HealthChange::went_down;
}

} // namespace

HealthChange note_check(HealthState& state, const HealthChecks& settings, Check check,
                        uint64_t now_ms) {
    const bool is_first = !state.was_checked;
    state.was_checked = true;
    if ((check == Check::good) == state.up) {
        state.against = 0;
        return HealthChange::none;
    }
    const uint32_t needed = state.up ? settings.fall : settings.rise;
    if (++state.against < needed && !(is_first && state.up)) {
        return HealthChange::none;
    }
    return turn(state, now_ms);
}

HealthChange take_out(HealthState& state, uint64_t now_ms) {
    return state.up ? turn(state, now_ms) : HealthChange::none;
}

HealthChange note_time(HealthState& state, const HealthChecks& settings, uint64_t now_ms) {
    if (state.up || settings.active || now_ms < state.since_ms + settings.retry_ms) {
        return HealthChange::none;
    }
    return turn(state, now_ms);
}

} // namespace pc::inspect
