// SPDX-License-Identifier: GPL-3.0-or-later
// The frame that the benchmark's programs write their headers into.
#pragma once

#include <array>
#include <cstdint>

namespace pc::bench {

struct Frame {
    std::array<unsigned char, 128> bytes{};
    unsigned size = 0;
};

// 46 bytes of IPv4 or 66 of IPv6. What follows serves TCP and UDP alike: see struct bench_ports.
// All TCP segments of all flows have the same numbers, and these are right for a SYN, for its
// answer and for what comes after, from either side: each sends the same six bytes again and again.
[[nodiscard]] Frame frame_template(uint32_t family);

} // namespace pc::bench
