// SPDX-License-Identifier: GPL-3.0-or-later
// A flow as the policy sees it.
#pragma once

#include <ctime>

#include "ctl/inspect/config.h"
#include "ctl/inspect/first_bytes.h"
#include "ctl/inspect/origin.h"
#include "ctl/inspect/policy.h"

namespace pc::inspect {

// The minute of the week by the router's local time; 0 is Monday 00:00.
[[nodiscard]] uint16_t minute_of_week(time_t now);

// Refers to what it is given.
[[nodiscard]] Subject subject_of(const Recognised& recognised, const Origin& origin,
                                 std::string_view zone, uint16_t minute);

// Now, by what the configuration says about the flow's inspect, which it has to know.
[[nodiscard]] Judgement judge(const Config& config, const Origin& origin,
                              const Recognised& recognised);

} // namespace pc::inspect
