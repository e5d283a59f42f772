// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/flow_table.h"

#include <atomic>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/support/memory_flows.h"

using namespace pc;
using namespace pc::daemon;
using test::MemoryFlows;
using test::WrittenFlow;

namespace {

using Why = EndedFlow::Why;

std::vector<EndedFlow> swept(FlowTable& table, uint32_t now) {
    std::vector<EndedFlow> ended;
    const size_t count = table.sweep(now, [&](const EndedFlow& flow) { ended.push_back(flow); });
    CHECK(count == ended.size());
    return ended;
}

std::vector<size_t> places(const FlowTable& table, uint32_t now) {
    std::vector<size_t> places;
    table.each(now, [&](const SeenFlow& flow) {
        places.push_back(flow.index);
        return true;
    });
    return places;
}

FlowFilter of_proto(uint8_t proto) {
    FlowFilter filter;
    filter.proto = proto;
    return filter;
}

} // namespace

TEST_CASE("flows that are there are seen, free places, busy ones and those that are over are not") {
    MemoryFlows flows;
    const FlowTable table(flows.maps());
    CHECK(places(table, 0).empty());
    flows.put(0, WrittenFlow{.deadline = 100});
    flows.put(9, WrittenFlow{.deadline = 101});
    flows.put(31, WrittenFlow{.deadline = 200});
    flows.put(12, WrittenFlow{.deadline = 200});
    flows.entry_at(12).flags &= static_cast<__u8>(~PC_FLOW_LIVE);
    CHECK(places(table, 100) == std::vector<size_t>{0, 9, 31});
    CHECK(places(table, 101) == std::vector<size_t>{9, 31});
    CHECK(places(table, 201).empty());
    size_t seen = 0;
    table.each(0, [&](const SeenFlow&) { return ++seen < 2; });
    CHECK(seen == 2);
}

TEST_CASE("ticks wrap") {
    MemoryFlows flows;
    FlowTable table(flows.maps());
    flows.put(0, WrittenFlow{.deadline = 5});
    flows.put(1, WrittenFlow{.deadline = 0xfffffff0});
    CHECK(places(table, 0xfffffff0) == std::vector<size_t>{0, 1});
    CHECK(places(table, 3) == std::vector<size_t>{0});
    CHECK(swept(table, 3).size() == 1);
    CHECK(flows.links_to(0) == 1);
    CHECK(flows.links_to(1) == 0);
}

TEST_CASE("a flow is freed when it has been over for two ticks, and not before") {
    MemoryFlows flows;
    FlowTable table(flows.maps());
    const WrittenFlow flow{.state = PC_FLOW_TCP_SYN_SENT, .deadline = 100};
    flows.put(3, flow);
    flows.put(4, WrittenFlow{.src = "2001:db8::1", .dst = "2001:db8::2", .deadline = 500});
    CHECK(flows.globals.half_open == 1);
    for (const uint32_t now : {99U, 100U, 101U, 102U}) {
        CHECK(swept(table, now).empty());
    }
    const auto ended = swept(table, 103);
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].why == Why::timeout);
    CHECK(ended[0].entry.deadline == 100);
    CHECK(ended[0].entry.port[PC_WHERE_ORIGIN(ended[0].entry.where)] == 40000);
    CHECK(flows.links_to(3) == 0);
    CHECK(flows.unused() == table.capacity() - 4); // 0 to 2 were never given back
    CHECK(flows.globals.live == 1);
    CHECK(flows.globals.half_open == 0);
    CHECK(flows.flows_of(test::entry_of(flow)) == 0);
    CHECK(swept(table, 104).empty());
}

TEST_CASE("counts never go below zero, whatever the kernel says") {
    MemoryFlows flows;
    FlowTable table(flows.maps());
    const pc_flow_entry entry = test::entry_of({.state = PC_FLOW_TCP_SYN_RECEIVED, .deadline = 10});
    flows.put(0, entry);
    flows.globals.live = 0;
    flows.globals.half_open = 0;
    flows.flows_of(entry) = 0;
    CHECK(swept(table, 50).size() == 1);
    CHECK(flows.globals.live == 0);
    CHECK(flows.globals.half_open == 0);
    CHECK(flows.flows_of(entry) == 0);
}

TEST_CASE("an entry that makes no sense is not shown and indexes nothing, but its place is freed") {
    MemoryFlows flows;
    FlowTable table(flows.maps());
    flows.put(1, WrittenFlow{.state = 200, .deadline = 10});
    CHECK(places(table, 0).empty());
    CHECK(table.clear({}, 0) == 0);
    CHECK(table.statistics(0).flows == 0);
    CHECK(swept(table, 50).size() == 1);
    CHECK(flows.globals.live == 0);
}

TEST_CASE("what is cleared is found by nobody, and is free two ticks later") {
    MemoryFlows flows;
    FlowTable table(flows.maps());
    flows.put(0, WrittenFlow{});
    flows.put(1, WrittenFlow{.proto = 17, .state = PC_FLOW_UDP_NEW});
    flows.put(2, WrittenFlow{});
    CHECK(table.clear(of_proto(6), 10) == 2);
    CHECK(places(table, 10) == std::vector<size_t>{1});
    CHECK(table.statistics(10).busy == 2);
    CHECK(table.clear(of_proto(6), 10) == 0);
    CHECK(swept(table, 11).empty());
    CHECK(swept(table, 12).empty());
    CHECK(flows.globals.live == 3);
    const auto ended = swept(table, 13);
    REQUIRE(ended.size() == 2);
    CHECK(ended[0].why == Why::cleared);
    CHECK(flows.globals.live == 1);
    CHECK(flows.links_to(0) == 0);
    CHECK(flows.links_to(2) == 0);
    CHECK(flows.links_to(1) == 1);
}

TEST_CASE("what a process that died had begun to clear is freed by the next one") {
    MemoryFlows flows;
    flows.put(5, WrittenFlow{});
    CHECK(FlowTable(flows.maps()).clear({}, 10) == 1);
    FlowTable next(flows.maps());
    CHECK(swept(next, 100).empty()); // it may be the kernel that is writing
    CHECK(swept(next, 102).empty());
    CHECK(swept(next, 103).size() == 1);
    CHECK(flows.globals.live == 0);
}

TEST_CASE("an entry that the kernel is writing is left alone") {
    MemoryFlows flows;
    FlowTable table(flows.maps());
    flows.put(5, WrittenFlow{.deadline = 10});
    pc_flow_entry& entry = flows.entry_at(5);
    entry.flags &= static_cast<__u8>(~PC_FLOW_LIVE);
    CHECK(swept(table, 100).empty());
    entry = test::entry_of({.deadline = 1000}); // done: it is the next flow's
    entry.decision = PC_DECISION(1, PC_DECISION_ACCEPT, 0, 1, 2);
    CHECK(swept(table, 300).empty());
    CHECK(places(table, 300) == std::vector<size_t>{5});
    entry.flags &= static_cast<__u8>(~PC_FLOW_LIVE); // and written again
    CHECK(swept(table, 400).empty());
    CHECK(swept(table, 500).empty());
    CHECK(flows.links_to(5) == 1);
}

TEST_CASE("an answer that comes meanwhile changes a state, not the flow") {
    MemoryFlows flows;
    FlowTable table(flows.maps());
    flows.put(0, WrittenFlow{.state = PC_FLOW_TCP_SYN_RECEIVED});
    CHECK(table.clear({}, 10) == 1);
    flows.entry_at(0).state = PC_FLOW_TCP_ESTABLISHED; // by a packet that had found it
    CHECK(swept(table, 13).size() == 1);
    flows.put(1, WrittenFlow{});
    CHECK(places(table, 20) == std::vector<size_t>{1});
    CHECK(table.clear({}, 20) == 1);
    CHECK(swept(table, 23).size() == 1);
    CHECK(flows.globals.live == 0);
}

TEST_CASE("statistics count flows by state and protocol") {
    MemoryFlows flows(10);
    const FlowTable table(flows.maps());
    flows.put(0, WrittenFlow{});
    flows.put(1, WrittenFlow{.state = PC_FLOW_TCP_SYN_SENT});
    flows.put(2, WrittenFlow{.proto = 17, .state = PC_FLOW_UDP_REPLIED});
    flows.put(3, WrittenFlow{.proto = 17, .state = PC_FLOW_UDP_REPLIED});
    const FlowStatistics statistics = table.statistics(0);
    CHECK(statistics.flows == 4);
    CHECK(statistics.live == 4);
    CHECK(statistics.half_open == 1);
    CHECK(statistics.capacity == 64);
    CHECK(statistics.memory_bytes == 10 * 32 + 64 * 128 + PC_FLOW_SOURCES * 8 + 64);
    CHECK(statistics.states[PC_FLOW_UDP_REPLIED] == 2);
    CHECK(statistics.protocols[6] == 2);
    CHECK(statistics.protocols[17] == 2);
}

TEST_CASE("a flow is found by its ends, up to a limit") {
    MemoryFlows flows;
    const FlowTable table(flows.maps());
    flows.put(0, WrittenFlow{.sport = 1});
    flows.put(1, WrittenFlow{.sport = 2});
    flows.put(2, WrittenFlow{.src = "192.0.2.1", .dst = "10.0.0.1", .sport = 3});
    FlowFilter filter;
    filter.src = parse_prefix("10.0.0.1").prefix;
    filter.dst = parse_prefix("192.0.2.1").prefix;
    CHECK(table.find(filter, 0, 100).size() == 2);
    CHECK(table.find(filter, 0, 1).size() == 1);
    CHECK(table.find(filter, 0, 0).empty());
    filter.sport = 2;
    REQUIRE(table.find(filter, 0, 100).size() == 1);
    CHECK(table.find(filter, 0, 100)[0].index == 1);
}

TEST_CASE("memory whose parts do not belong together is refused") {
    std::vector<uint64_t> bytes(PC_FLOW_SOURCES);
    const auto some = [&](size_t count) {
        return std::as_writable_bytes(std::span(bytes)).first(count);
    };
    const auto sources = some(PC_FLOW_SOURCES * 8);
    const auto memory = flow_memory(some(5 * 32), some(32 * 128), some(16));
    REQUIRE(memory.ok());
    CHECK_FALSE(flow_memory(some(5 * 32), some(31 * 128), some(16)).ok());
    CHECK_FALSE(flow_memory(some(5 * 32 - 1), some(32 * 128), some(16)).ok());
    CHECK_FALSE(flow_memory({}, {}, some(16)).ok());
    CHECK_FALSE(flow_memory(some(5 * 32), some(32 * 128), some(8)).ok());
    CHECK(flow_maps(memory.value(), sources, some(64)).ok());
    CHECK_FALSE(flow_maps(memory.value(), some(PC_FLOW_SOURCES * 4), some(64)).ok());
    CHECK_FALSE(flow_maps(memory.value(), sources, some(32)).ok());
}

TEST_CASE("a table becomes one of another size, with its flows") {
    MemoryFlows flows(50);
    for (uint16_t i = 0; i < 250; ++i) {
        flows.put(i, WrittenFlow{.sport = static_cast<uint16_t>(1000 + i)});
    }
    flows.entry_at(7).flags &= static_cast<__u8>(~PC_FLOW_LIVE);
    MemoryFlows larger(500);
    larger.globals.seed = flows.globals.seed;
    CHECK(copy_flows(flows.memory(), larger.memory(), flows.globals.seed) == 0);
    CHECK(places(FlowTable(larger.maps()), 0).size() == 249);
    CHECK(larger.unused() == flow_entries_for(500) - 249);
    CHECK(copy_flows(flows.memory(), larger.memory(), flows.globals.seed) == 0); // has them
    CHECK(places(FlowTable(larger.maps()), 0).size() == 249);
    MemoryFlows smaller(5);
    CHECK(copy_flows(flows.memory(), smaller.memory(), flows.globals.seed) == 249 - 32);
    CHECK(places(FlowTable(smaller.maps()), 0).size() == 32);
    CHECK(smaller.unused() == 0);
    count_flows(smaller.memory(), smaller.globals, smaller.maps().sources);
    CHECK(smaller.globals.live == 32);
    CHECK(smaller.flows_of(flows.entry_at(0)) == 32);
}

// Packets make flows, prolong them and let them be over; each entry is freed as often as it was
// taken.
TEST_CASE("sweeps beside packets lose no flow and free none twice") {
    constexpr size_t sweeps_min = 2000;
    constexpr size_t made_min = 200;
    MemoryFlows flows(5);
    FlowTable table(flows.maps());
    std::atomic<uint32_t> now{100};
    std::atomic<size_t> sweeps{0};
    std::atomic<size_t> made{0};
    std::thread packets([&] {
        for (uint32_t round = 1; sweeps < sweeps_min || made < made_min; ++round) {
            MemoryFlows one(5); // a flow that is not in the table
            one.put(0,
                    WrittenFlow{.sport = static_cast<uint16_t>(round), .deadline = now.load() + 1});
            if (copy_flows(one.memory(), flows.memory(), flows.globals.seed) == 0) {
                std::atomic_ref<uint32_t>(flows.globals.live).fetch_add(1);
                std::atomic_ref<__u64>(flows.flows_of(one.entry_at(0))).fetch_add(1);
                ++made;
            }
            pc_flow_entry& other = flows.entry_at(round % table.capacity());
            const std::atomic_ref<uint32_t> deadline(other.deadline);
            if ((std::atomic_ref<__u8>(other.flags).load() & PC_FLOW_LIVE) != 0 &&
                static_cast<int32_t>(now.load() - deadline.load()) <= 0) {
                deadline.store(now.load() + 1);
            }
            now.fetch_add(round % 4 == 0 ? 1 : 0);
        }
    });
    size_t ended = 0;
    const auto count = [](const EndedFlow&) {};
    while (sweeps < sweeps_min || made < made_min) {
        ended += table.sweep(now, count);
        ++sweeps;
        std::this_thread::yield();
    }
    packets.join();
    ended += table.sweep(now + 100, count);
    CHECK(ended == made);
    CHECK(flows.globals.live == 0);
    CHECK(flows.unused() == table.capacity());
    CHECK(flows.flows_of(test::entry_of({})) == 0);
}
