// SPDX-License-Identifier: GPL-3.0-or-later
// What the daemon's EVE records have in common, in Suricata's form.
#pragma once

#include <string>

#include "rules/abi.h"
#include "rules/net.h"

namespace pc::daemon {

// Microseconds and the offset from UTC: "2026-01-02T03:04:05.000006+0000".
[[nodiscard]] std::string eve_time(int64_t realtime_ns);

[[nodiscard]] std::string eve_protocol(uint8_t proto); // "TCP"

[[nodiscard]] Address eve_address(const __be32 (&words)[4], uint8_t family);

} // namespace pc::daemon
