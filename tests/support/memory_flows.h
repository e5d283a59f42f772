// SPDX-License-Identifier: GPL-3.0-or-later
// A table of flows in plain memory, filled as the kernel fills it.
#pragma once

#include <bit>

#include "ctl/daemon/flow_table.h"
#include "rules/hash.h"

namespace pc::test {

// From the side that began.
struct WrittenFlow {
    const char* src = "10.0.0.1";
    const char* dst = "192.0.2.1";
    uint16_t sport = 40000;
    uint16_t dport = 443;
    uint8_t proto = 6;
    uint8_t state = PC_FLOW_TCP_ESTABLISHED;
    uint8_t zone = 1;
    uint32_t rule = 7;
    uint32_t created = 0;
    uint32_t deadline = 1000;
    uint64_t packets_sent = 3, packets_received = 2;
    uint64_t bytes_sent = 300, bytes_received = 2000;
};

[[nodiscard]] inline pc_flow_entry entry_of(const WrittenFlow& flow) {
    pc_flow_entry entry{};
    const Address src = parse_address(flow.src).value();
    const Address dst = parse_address(flow.dst).value();
    entry.origin = dst < src || (dst == src && flow.dport < flow.sport) ? 1 : 0;
    const uint8_t from = entry.origin;
    const uint8_t to = 1 - from;
    std::memcpy(entry.addr[from], src.bytes.data(), src.bytes.size());
    std::memcpy(entry.addr[to], dst.bytes.data(), dst.bytes.size());
    entry.port[from] = flow.sport;
    entry.port[to] = flow.dport;
    entry.proto = flow.proto;
    entry.family = static_cast<uint8_t>(src.family);
    entry.in_zone = flow.zone;
    entry.decision = PC_DECISION(flow.rule, PC_DECISION_ACCEPT, 0, 1, 1);
    entry.state = flow.state;
    entry.created = flow.created;
    entry.packets[from] = flow.packets_sent;
    entry.packets[to] = flow.packets_received;
    entry.bytes[from] = flow.bytes_sent;
    entry.bytes[to] = flow.bytes_received;
    return entry;
}

class MemoryFlows {
public:
    explicit MemoryFlows(size_t buckets = 4)
        : buckets_(buckets), entries_(buckets * PC_FLOW_WAYS), sources_(PC_FLOW_SOURCES) {
        globals.seed = 0x1234567890abcdef;
    }

    [[nodiscard]] daemon::FlowMaps maps() { return {buckets_, entries_, sources_, &globals}; }

    // At this place; counted as the kernel counts it.
    void put(size_t index, const WrittenFlow& flow) { put(index, entry_of(flow), flow.deadline); }

    void put(size_t index, const pc_flow_entry& entry, uint32_t deadline) {
        entries_.at(index) = std::bit_cast<daemon::FlowWords>(entry);
        deadline_at(index) = deadline;
        tag_at(index) = 0x1000 + static_cast<uint32_t>(index);
        ++globals.live;
        ++flows_of(entry);
        if (entry.state == PC_FLOW_TCP_SYN_SENT || entry.state == PC_FLOW_TCP_SYN_RECEIVED) {
            ++globals.half_open;
        }
    }

    [[nodiscard]] uint32_t& tag_at(size_t index) {
        return buckets_.at(index / PC_FLOW_WAYS).tag[index % PC_FLOW_WAYS];
    }

    [[nodiscard]] uint32_t& deadline_at(size_t index) {
        return buckets_.at(index / PC_FLOW_WAYS).deadline[index % PC_FLOW_WAYS];
    }

    // Of the source that began it.
    [[nodiscard]] __u64& flows_of(const pc_flow_entry& entry) {
        return sources_.at(
            pc_flow_source_index(globals.seed, entry.family, entry.addr[entry.origin & 1]));
    }

    pc_flow_globals globals{};

private:
    std::vector<pc_flow_bucket> buckets_;
    std::vector<daemon::FlowWords> entries_;
    std::vector<__u64> sources_;
};

} // namespace pc::test
