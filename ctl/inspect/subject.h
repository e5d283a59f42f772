// SPDX-License-Identifier: GPL-3.0-or-later
// A flow as the policy sees it.
#pragma once

#include <ctime>

#include "ctl/inspect/config.h"
#include "ctl/inspect/first_bytes.h"
#include "ctl/inspect/origin.h"
#include "ctl/inspect/policy.h"
#include "ctl/inspect/rate_bucket.h"

namespace pc::inspect {

// The minute of the week by the router's local time; 0 is Monday 00:00.
[[nodiscard]] uint16_t minute_of_week(time_t now);

// Refers to what it is given.
[[nodiscard]] Subject subject_of(const Recognised& recognised, const Origin& origin,
                                 std::string_view zone, uint16_t minute);

// Now, by what the configuration says about the flow's inspect, which it has to know.
[[nodiscard]] Judgement judge(const Config& config, const Origin& origin,
                              const Recognised& recognised);

// What a flow that was judged so is held to, alone or with others; null: nothing.
[[nodiscard]] std::shared_ptr<RatePair> rates_of(RateBuckets& buckets, const Origin& origin,
                                                 const Judgement& judgement);

} // namespace pc::inspect
