// SPDX-License-Identifier: GPL-3.0-or-later
// A table of flows in plain memory, filled as the kernel fills it.
#pragma once

#include <catch2/catch.hpp>

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
    const uint8_t from = dst < src || (dst == src && flow.dport < flow.sport) ? 1 : 0;
    const uint8_t to = 1 - from;
    std::memcpy(entry.addr[from], src.bytes.data(), src.bytes.size());
    std::memcpy(entry.addr[to], dst.bytes.data(), dst.bytes.size());
    entry.port[from] = flow.sport;
    entry.port[to] = flow.dport;
    entry.proto = flow.proto;
    entry.where = PC_WHERE(from, static_cast<unsigned>(src.family), flow.zone);
    entry.decision = PC_DECISION(flow.rule, PC_DECISION_ACCEPT, 0, 1, 1);
    entry.state = flow.state;
    entry.flags = PC_FLOW_LIVE;
    entry.deadline = flow.deadline;
    entry.created = flow.created;
    entry.packets[from] = flow.packets_sent;
    entry.packets[to] = flow.packets_received;
    entry.bytes[from] = flow.bytes_sent;
    entry.bytes[to] = flow.bytes_received;
    return entry;
}

class MemoryFlows {
public:
    explicit MemoryFlows(uint32_t buckets = 5)
        : buckets_(buckets), entries_(flow_entries_for(buckets)), sources_(PC_FLOW_SOURCES) {
        globals.seed = 0x1234567890abcdef;
    }

    [[nodiscard]] FlowMemory memory() { return {buckets_, entries_, &free_}; }

    [[nodiscard]] daemon::FlowMaps maps() { return {memory(), sources_, &globals}; }

    // In this entry; linked and counted as the kernel does it.
    void put(size_t index, const WrittenFlow& flow) { put(index, entry_of(flow)); }

    void put(size_t index, const pc_flow_entry& entry) {
        entries_.at(index) = entry;
        free_.fresh = std::max(free_.fresh, static_cast<uint32_t>(index) + 1);
        const FlowPlace place =
            place_of(entry, globals.seed, static_cast<uint32_t>(buckets_.size()));
        const uint32_t link = PC_FLOW_LINK(place.tag, static_cast<uint32_t>(index));
        if (links_to(index) == 0) {
            REQUIRE((link_in(place.first, link) || link_in(place.second, link)));
        }
        ++globals.live;
        ++flows_of(entry);
        if (entry.state == PC_FLOW_TCP_SYN_SENT || entry.state == PC_FLOW_TCP_SYN_RECEIVED) {
            ++globals.half_open;
        }
    }

    [[nodiscard]] pc_flow_entry& entry_at(size_t index) { return entries_.at(index); }

    // Of all buckets.
    [[nodiscard]] size_t links_to(size_t index) const {
        size_t links = 0;
        for (const pc_flow_bucket& bucket : buckets_) {
            for (const uint32_t link : bucket.link) {
                links += link != 0 && PC_FLOW_LINK_INDEX(link) == index ? 1 : 0;
            }
        }
        return links;
    }

    // How many entries the next flows may have: those given back, and those never used.
    [[nodiscard]] size_t unused() const {
        size_t listed = 0;
        for (auto next = static_cast<uint32_t>(free_.list); next != 0;
             next = entries_.at(next - 1).delta) {
            ++listed;
        }
        return listed + entries_.size() - free_.fresh;
    }

    // Of the source that began it.
    [[nodiscard]] __u64& flows_of(const pc_flow_entry& entry) {
        return sources_.at(pc_flow_source_index(globals.seed,
                                                static_cast<uint8_t>(PC_WHERE_FAMILY(entry.where)),
                                                entry.addr[PC_WHERE_ORIGIN(entry.where)]));
    }

    pc_flow_globals globals{};

private:
    [[nodiscard]] bool link_in(uint32_t bucket, uint32_t link) {
        for (uint32_t& place : buckets_.at(bucket).link) {
            if (place == 0) {
                place = link;
                return true;
            }
        }
        return false;
    }

    std::vector<pc_flow_bucket> buckets_;
    std::vector<pc_flow_entry> entries_;
    std::vector<__u64> sources_;
    pc_flow_free free_{};
};

} // namespace pc::test
