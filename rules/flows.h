// SPDX-License-Identifier: GPL-3.0-or-later
// What the operator wrote of flows, rate limits and floods: [flows], [limit.NAME], [guard].
#pragma once

#include "rules/match.h"
#include "rules/rate.h"

namespace pc {

enum class Log : uint8_t { none, sampled, all }; // as pc_log

struct Mark {
    uint32_t value = 0;
    uint32_t mask = 0xffffffff;

    bool operator==(const Mark&) const = default;
};

// How much of an address tells two sources, or two destinations, apart.
struct PrefixLengths {
    uint8_t v4 = 32;
    uint8_t v6 = 64;

    bool operator==(const PrefixLengths&) const = default;
};

struct Limit {
    enum class Per : uint8_t { rule, src, dst, src_dst, zone }; // as pc_limit_per
    enum class Over : uint8_t { drop, reject, mark, log };      // as pc_limit_over

    std::string name;
    Per per = Per::rule;
    PrefixLengths src, dst{32, 128};
    Rate rate;
    std::optional<uint64_t> burst; // packets, bytes or flows; none: default_burst()
    Over over = Over::drop;
    Mark mark; // over = mark
    Location at;
};

inline constexpr uint64_t limit_bytes_burst_min = 1514; // a frame of Ethernet
inline constexpr uint64_t limit_burst_seconds_max = 30ULL * 24 * 3600;

// What `tcp_established` and the others are without being written, by pc_flow_state.
inline constexpr std::array<uint32_t, PC_FLOW_STATES> flow_timeouts_default{
    30, 30, 5 * 24 * 3600, 120, 60, 10, 30, 180, 15, 30, 60, 600};
inline constexpr uint32_t flow_timeout_max_s = 30U * 24 * 3600;

struct Flows {
    bool written = false; // a [flows] table stands in the file
    uint32_t max = PC_FLOWS_DEFAULT;
    bool loose = false;
    std::optional<uint32_t> per_source;        // 0: any number; none: a quarter of `max`
    Rate new_rate{100000, 1, Rate::Of::flows}; // count 0: any number
    std::array<uint32_t, PC_FLOW_STATES> timeouts_s = flow_timeouts_default;
    Log log = Log::none;
};

[[nodiscard]] inline uint32_t per_source_of(const Flows& flows) {
    return flows.per_source.value_or(flows.max / 4);
}

// "tcp_established", by pc_flow_state: the key of the timeout.
inline constexpr std::array<std::string_view, PC_FLOW_STATES> flow_timeout_keys{
    "tcp_syn_sent",  "tcp_syn_received", "tcp_established", "tcp_closing",
    "tcp_time_wait", "tcp_closed",       "udp_new",         "udp_replied",
    "icmp_new",      "icmp_replied",     "other_new",       "other_replied"};

struct Guard {
    pc_syn_protect syn_protect = PC_SYN_PROTECT_OFF;
    uint32_t syn_trigger = 4096; // half-open flows
    pc_guard_mode sources = PC_GUARD_OFF;
    Rate sources_above{100000, 1, Rate::Of::packets};
    uint32_t block_for_s = 600;
    PrefixLengths prefix; // what counts as one source
    std::vector<AddressItem> except;
};

} // namespace pc
