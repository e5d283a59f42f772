// SPDX-License-Identifier: GPL-3.0-or-later
// "200pps", "20mbit", "10/m", "2MB": rates and amounts in words, and as the kernel counts them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pc {

// `count` packets, flows or bits in `seconds`: 1, 60 or 3600; of bits in one second.
struct Rate {
    enum class Of : uint8_t { packets, bytes, flows }; // as pc_limit_of; bytes are counted in bits

    uint64_t count = 0;
    uint32_t seconds = 1;
    Of of = Of::packets;

    bool operator==(const Rate&) const = default;
};

// Per second; what is over one of these is more than the kernel can tell apart.
inline constexpr uint64_t rate_packets_max = 1'000'000'000;
inline constexpr uint64_t rate_bits_max = 1'000'000'000'000;

// A number and a unit: "pps", "kpps", "mpps"; "bit", "kbit", "mbit", "gbit"; "B/s", "kB/s", "MB/s",
// "GB/s"; "/s", "/m", "/h" of new flows; "packets" and "flows" before these. None: no rate, 0, or
// too large.
[[nodiscard]] std::optional<Rate> parse_rate(std::string_view text);
[[nodiscard]] std::string to_string(const Rate& rate); // "200pps", "20mbit", "10/m"

// "64kB", "2MB", "64KiB", "1514B".
[[nodiscard]] std::optional<uint64_t> parse_bytes(std::string_view text);
[[nodiscard]] std::string bytes_text(uint64_t bytes);

// What a rate gives in 100 ms; at least one packet or flow, or 64 KiB, which is more than any
// packet has.
[[nodiscard]] uint64_t default_burst(const Rate& rate);

// pc_limit.interval: 64ths of a nanosecond between two packets or flows, or of 65536 bytes.
[[nodiscard]] uint64_t interval_of(const Rate& rate);
// pc_limit.burst: how long `burst` packets, flows or bytes take.
[[nodiscard]] uint64_t burst_time(const Rate& rate, uint64_t burst);
// In seconds, rounded up.
[[nodiscard]] uint64_t burst_seconds(const Rate& rate, uint64_t burst);

} // namespace pc
