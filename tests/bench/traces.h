// SPDX-License-Identifier: GPL-3.0-or-later
// A trace as traces.py writes it.
#pragma once

#include <string>
#include <vector>

#include "rules/net.h"
#include "rules/result.h"
// After <linux/types.h>, which it needs.
#include "tests/bench/trace.h"

namespace pc::bench {

struct Trace {
    uint32_t family = 4;
    std::vector<bench_header> headers;   // family 4
    std::vector<bench_header6> headers6; // family 6

    [[nodiscard]] size_t size() const { return family == 4 ? headers.size() : headers6.size(); }
};

[[nodiscard]] Result<Trace> read_trace(const std::string& path);

} // namespace pc::bench
