// SPDX-License-Identifier: GPL-3.0-or-later
// Which flows somebody asks for: words of a request, asked of entries of the table.
#pragma once

#include <map>

#include "ctl/daemon/parameters.h"
#include "rules/abi.h"
#include "rules/plan.h"

namespace pc::daemon {

// A flow as it was at one moment.
struct SeenFlow {
    pc_flow_entry entry{};
    size_t index = 0;
};

// Family, origin and state are what they can be; only such entries are ever shown.
[[nodiscard]] bool makes_sense(const pc_flow_entry& entry);

// Else what stands in their place is an ICMP identifier, or nothing.
[[nodiscard]] bool has_ports(const pc_flow_entry& entry);

// Of one side, 0 or 1.
[[nodiscard]] Address flow_address(const pc_flow_entry& entry, uint8_t side);

// What the numbers in entries are called, by the running rules.
struct FlowNames {
    std::map<uint32_t, std::string> rules;
    std::map<uint8_t, std::string> zones;
};

[[nodiscard]] FlowNames flow_names(const Plan& plan);

[[nodiscard]] std::string_view flow_state_word(uint8_t state); // "time-wait"; UDP: "new", "replied"

// All that is set has to fit. The source is the side that began.
struct FlowFilter {
    std::optional<Prefix> host; // either side
    std::optional<Prefix> src, dst;
    std::optional<uint16_t> port; // either side
    std::optional<uint16_t> sport, dport;
    std::optional<uint8_t> proto;
    std::optional<uint8_t> zone; // that the source's packets enter
    std::optional<Family> family;
    std::optional<uint32_t> rule;
    uint32_t states = (1U << PC_FLOW_STATES) - 1; // bits of pc_flow_state

    [[nodiscard]] bool fits(const pc_flow_entry& entry) const;

    bool operator==(const FlowFilter&) const = default;
};

// Of {"src": "10.0.0.0/8", "port": 443, "proto": "tcp", "state": "established", ...}. EINVAL: a
// word or name that there is not.
[[nodiscard]] Result<FlowFilter> flow_filter(const Json& words, const FlowNames& names);

} // namespace pc::daemon
