// SPDX-License-Identifier: GPL-3.0-or-later
// A set of flows in words: "flows:FAMILY:PROTO:COUNT:ORDER:FLAGS" and, of the servers' packets,
// ":answers". ORDER is turn, uniform or hot; FLAGS are those of TCP, as a number.
#pragma once

#include <optional>
#include <string>

#include "tests/bench/flow_set.h"

namespace pc::bench {

[[nodiscard]] std::optional<bench_flow_set> parse_flow_set(const std::string& text);

} // namespace pc::bench
