// SPDX-License-Identifier: GPL-3.0-or-later
// What the most expensive packet costs, in the answers of daemon and shell.
#pragma once

#include "ctl/protocol/protocol.h"
#include "rules/cost.h"

namespace pc::protocol {

// {"text": "worst packet: ...", "ipv4": {"buckets", "buckets_found", ...}, "ipv6": {...}}; a number
// is exact where the one that was found is the same.
[[nodiscard]] Json cost_as_json(const ClassifierCost& cost);

} // namespace pc::protocol
