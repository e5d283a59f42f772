// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked about flows, limits and the guard, and what the answers look like.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "ctl/daemon/flow_log.h"
#include "ctl/daemon/flow_top.h"
#include "ctl/daemon/guard_sources.h"
#include "ctl/daemon/limit_counters.h"
#include "tests/support/memory_flows.h"
#include "tests/support/memory_map.h"

using namespace pc;
using namespace pc::daemon;
using protocol::Json;
using test::MemoryFlows;
using test::WrittenFlow;

namespace {

const FlowNames names{{{7, "web"}, {8, "dns"}}, {{1, "lan"}, {2, "wan"}}};

// 250 jiffies a second: a tick is 64 ms.
FlowClock clock_at(uint32_t now) {
    FlowClock clock;
    clock.now = now;
    clock.jiffies_per_second = 250;
    clock.realtime_ns = int64_t{1800000000} * 1000000000;
    clock.timeouts.fill(1000);
    return clock;
}

bool fits(const char* words, const WrittenFlow& flow) {
    const auto filter = flow_filter(Json::parse(words), names);
    INFO(words);
    REQUIRE(filter.ok());
    return filter.value().fits(test::entry_of(flow));
}

std::string refused(const char* words) {
    const auto filter = flow_filter(Json::parse(words), names);
    return filter ? "" : filter.error().message;
}

TopQuestion question(const char* text) {
    return top_question(Json::parse(text)).value();
}

std::vector<Json> lines_of(const std::string& path) {
    std::vector<Json> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        lines.push_back(Json::parse(line));
    }
    return lines;
}

std::string temporary_path() {
    std::string path = std::filesystem::temp_directory_path() / "pc-flow-XXXXXX";
    const int fd = mkstemp(path.data());
    REQUIRE(fd >= 0);
    close(fd);
    return path;
}

} // namespace

TEST_CASE("a filter asks for all that it names") {
    const WrittenFlow flow;
    const WrittenFlow back{.src = "192.0.2.1", .dst = "10.0.0.1", .sport = 443, .dport = 40000};
    CHECK(fits("{}", flow));
    CHECK(fits(R"({"src": "10.0.0.0/8"})", flow));
    CHECK_FALSE(fits(R"({"src": "10.0.0.0/8"})", back));
    CHECK(fits(R"({"dst": "192.0.2.1"})", flow));
    CHECK_FALSE(fits(R"({"dst": "192.0.2.2"})", flow));
    CHECK(fits(R"({"host": "10.0.0.1"})", flow));
    CHECK(fits(R"({"host": "10.0.0.1"})", back));
    CHECK_FALSE(fits(R"({"host": "10.0.0.2"})", flow));
    CHECK(fits(R"({"port": 443, "proto": "tcp"})", flow));
    CHECK(fits(R"({"port": 40000})", flow));
    CHECK_FALSE(fits(R"({"port": 444})", flow));
    CHECK(fits(R"({"sport": 40000, "dport": 443})", flow));
    CHECK_FALSE(fits(R"({"sport": 443})", flow));
    CHECK_FALSE(fits(R"({"proto": "udp"})", flow));
    CHECK(fits(R"({"zone": "lan", "rule": "web"})", flow));
    CHECK_FALSE(fits(R"({"zone": "wan"})", flow));
    CHECK_FALSE(fits(R"({"rule": "dns"})", flow));
    CHECK(fits(R"({"family": "ipv4"})", flow));
    CHECK_FALSE(fits(R"({"family": "ipv6"})", flow));
    CHECK(fits(R"({"family": "ipv6"})", {.src = "2001:db8::1", .dst = "2001:db8::2"}));
    CHECK_FALSE(fits(R"({"src": "0.0.0.0/0"})", {.src = "::1", .dst = "::2"}));
    // The identifier of an ICMP flow is no port.
    CHECK_FALSE(fits(R"({"port": 5})", {.sport = 5, .dport = 5, .proto = 1}));
}

TEST_CASE("states are asked for by the words that are shown") {
    const auto in = [](uint8_t state) { return WrittenFlow{.state = state}; };
    CHECK(fits(R"({"state": "established"})", in(PC_FLOW_TCP_ESTABLISHED)));
    CHECK_FALSE(fits(R"({"state": "established"})", in(PC_FLOW_TCP_CLOSING)));
    CHECK(fits(R"({"state": "half-open"})", in(PC_FLOW_TCP_SYN_SENT)));
    CHECK(fits(R"({"state": "half-open"})", in(PC_FLOW_TCP_SYN_RECEIVED)));
    CHECK_FALSE(fits(R"({"state": "half-open"})", in(PC_FLOW_TCP_CLOSED)));
    CHECK(fits(R"({"state": "replied"})", in(PC_FLOW_UDP_REPLIED)));
    CHECK(fits(R"({"state": "replied"})", in(PC_FLOW_OTHER_REPLIED)));
    CHECK_FALSE(fits(R"({"state": "new"})", in(PC_FLOW_TCP_SYN_SENT)));
    for (uint8_t state = 0; state < PC_FLOW_STATES; ++state) {
        const Json words{{"state", std::string(flow_state_word(state))}};
        CHECK(flow_filter(words, names).value().fits(test::entry_of(in(state))));
    }
}

TEST_CASE("a filter of words that there are not is refused") {
    CHECK(refused(R"({"src": "10.0.0.1/8"})") == "'10.0.0.1/8' is not an address or prefix");
    CHECK(refused(R"({"zone": "dmz"})") == "there is no zone 'dmz'");
    CHECK(refused(R"({"rule": "ssh"})") == "there is no rule 'ssh'");
    CHECK(refused(R"({"state": "open"})") == "there is no state of flows 'open'");
    CHECK(refused(R"({"proto": "tpc"})") == "there is no protocol 'tpc'");
    CHECK(refused(R"({"family": "ipx"})") == "there is no family 'ipx'");
    CHECK(refused(R"({"port": 65536})") == "there is no port '65536'");
    CHECK(refused(R"({"port": "443"})") == "parameter \"port\" is not a whole number");
}

TEST_CASE("a flow is shown from the side that began it") {
    MemoryFlows flows;
    flows.put(0,
              WrittenFlow{.src = "192.0.2.1", .dst = "10.0.0.1", .created = 750, .deadline = 1875});
    const FlowTable table(flows.maps());
    const SeenFlow flow = table.find({}, 1000, 1).at(0);
    const Json object = flow_object(flow, names, clock_at(1000));
    CHECK(object["src"] == "192.0.2.1");
    CHECK(object["dst"] == "10.0.0.1");
    CHECK(object["sport"] == 40000);
    CHECK(object["dport"] == 443);
    CHECK(object["proto"] == "tcp");
    CHECK(object["state"] == "established");
    CHECK(object["zone"] == "lan");
    CHECK(object["rule"] == "web");
    CHECK(object["packets"] == 5);
    CHECK(object["bytes_sent"] == 300);
    CHECK(object["bytes_received"] == 2000);
    CHECK(object["age_s"].get<double>() == Approx(16));
    CHECK(object["idle_s"].get<double>() == Approx(8));
    CHECK(object["expires_s"].get<double>() == Approx(56));
    const Json detail = flow_detail(flow, names, clock_at(1000));
    CHECK(detail["verdict"] == "accept");
    CHECK(detail["tcp"]["src"]["fin"] == false);
    const SeenFlow ping{
        test::entry_of({.sport = 9, .dport = 9, .proto = 1, .zone = 5, .rule = 0, .deadline = 0}),
        0};
    const Json icmp = flow_object(ping, names, clock_at(0));
    CHECK(icmp["icmp_id"] == 9);
    CHECK_FALSE(icmp.contains("sport"));
    CHECK(icmp["zone"].is_null());
    CHECK(icmp["rule"].is_null());
}

TEST_CASE("rows are the first ones by what was asked for") {
    const auto sorted = [](FlowOrder order, size_t limit) {
        FlowRows rows(order, limit, 100);
        for (uint16_t i = 0; i < 50; ++i) {
            SeenFlow flow;
            flow.entry = test::entry_of(
                {.sport = i, .created = i, .packets_sent = 100U - i, .bytes_sent = 10U * i});
            rows.add(flow);
        }
        CHECK(rows.added() == 50);
        std::vector<uint32_t> ports;
        for (const SeenFlow& flow : rows.take()) {
            ports.push_back(flow.entry.port[PC_WHERE_ORIGIN(flow.entry.where)]);
        }
        return ports;
    };
    CHECK(sorted(FlowOrder::bytes, 2) == std::vector<uint32_t>{49, 48});
    CHECK(sorted(FlowOrder::packets, 3) == std::vector<uint32_t>{0, 1, 2});
    CHECK(sorted(FlowOrder::age, 1) == std::vector<uint32_t>{0});
    CHECK(sorted(FlowOrder::age, 0).empty());
    CHECK(sorted(FlowOrder::age, 99).size() == 50);
    CHECK_FALSE(flow_order("size").ok());
}

TEST_CASE(
    "the table is described by its sizes, and by states and protocols where there are flows") {
    MemoryFlows flows;
    const FlowTable table(flows.maps());
    CHECK_FALSE(table_object(table.statistics(0)).contains("states"));
    flows.put(0, WrittenFlow{.proto = 17, .state = PC_FLOW_UDP_NEW});
    flows.put(1, WrittenFlow{.proto = 1, .state = PC_FLOW_ICMP_NEW});
    const Json object = table_object(table.statistics(0));
    CHECK(object["live"] == 2);
    CHECK(object["capacity"] == 32);
    CHECK(object["states"] == Json{{"new", 2}});
    CHECK(object["protocols"] == Json{{"udp", 1}, {"icmp", 1}});
}

TEST_CASE("the top is of what flows carried since they began, or since the last question") {
    MemoryFlows flows;
    FlowTop top;
    const FlowTable table(flows.maps());
    flows.put(0, WrittenFlow{.dst = "192.0.2.9", .bytes_sent = 5000});
    flows.put(1, WrittenFlow{.src = "10.0.0.2", .sport = 2});
    flows.put(2, WrittenFlow{.src = "10.0.0.2", .sport = 3});
    const auto ask = [&](const char* text, uint32_t now) {
        const TopQuestion asked = question(text);
        return top_object(top.ask(table, asked, clock_at(now)), asked, names, clock_at(now));
    };
    const Json total = ask(R"({"of": "flows", "limit": 1})", 10);
    CHECK(total["rows"].size() == 1);
    CHECK(total["rows"][0]["dst"] == "192.0.2.9");
    CHECK(total["others"] == Json{{"flows", 2}, {"packets", 10}, {"bytes", 4600}});
    CHECK(total["seconds"].is_null());
    const Json sources = ask(R"({"of": "sources", "by": "packets"})", 10);
    CHECK(sources["rows"][0] ==
          Json{{"address", "10.0.0.2"}, {"flows", 2}, {"packets", 10}, {"bytes", 4600}});
    CHECK(ask(R"({"of": "destinations"})", 10)["rows"][0]["address"] == "192.0.2.9");

    CHECK(ask(R"({"since": "last"})", 100)["seconds"].is_null());
    pc_flow_entry entry = test::entry_of({.src = "10.0.0.2", .sport = 3});
    entry.bytes[0] += 70;
    entry.packets[0] += 1;
    flows.put(2, entry);
    flows.put(3, WrittenFlow{.src = "10.0.0.3"}); // new: all of it
    const Json since = ask(R"({"of": "sources", "since": "last"})", 125);
    CHECK(since["seconds"].get<double>() == Approx(1.6));
    CHECK(since["rows"][0]["address"] == "10.0.0.3");
    CHECK(since["rows"][0]["bytes"] == 2300);
    CHECK(since["rows"][1] ==
          Json{{"address", "10.0.0.2"}, {"flows", 2}, {"packets", 1}, {"bytes", 70}});
    top.forget_if_idle(clock_at(126));
    CHECK_FALSE(ask(R"({"since": "last"})", 127)["seconds"].is_null());
    top.forget_if_idle(clock_at(100000));
    CHECK(ask(R"({"since": "last"})", 100001)["seconds"].is_null());
    CHECK_FALSE(top_question(Json{{"of", "ports"}}).ok());
    CHECK_FALSE(top_question(Json{{"by", "age"}}).ok());
}

TEST_CASE("the end of a flow is one EVE record with Suricata's fields") {
    EndedFlow flow{
        test::entry_of({.src = "192.0.2.1", .dst = "10.0.0.1", .created = 750, .deadline = 1875}),
        EndedFlow::Why::timeout};
    const Json record = flow_record(flow, names, clock_at(2000), 0);
    CHECK(record["event_type"] == "flow");
    CHECK(record["src_ip"] == "192.0.2.1");
    CHECK(record["src_port"] == 40000);
    CHECK(record["dest_ip"] == "10.0.0.1");
    CHECK(record["dest_port"] == 443);
    CHECK(record["proto"] == "TCP");
    CHECK(record["timestamp"] == "2027-01-15T08:00:00.000000+0000");
    CHECK(record["flow"] == Json{{"pkts_toserver", 3},
                                 {"pkts_toclient", 2},
                                 {"bytes_toserver", 300},
                                 {"bytes_toclient", 2000},
                                 {"start", "2027-01-15T07:58:40.000000+0000"},
                                 {"end", "2027-01-15T07:58:48.000000+0000"},
                                 {"age", 8},
                                 {"state", "established"},
                                 {"reason", "timeout"}});
    CHECK(record["portcullis"] == Json{{"rule", "web"}, {"zone", "lan"}, {"state", "established"}});
    flow.why = EndedFlow::Why::cleared;
    flow.entry.state = PC_FLOW_TCP_TIME_WAIT;
    const Json cleared = flow_record(flow, names, clock_at(2000), 12);
    CHECK(cleared["flow"]["reason"] == "forced");
    CHECK(cleared["flow"]["state"] == "closed");
    CHECK(cleared["portcullis"]["state"] == "time-wait");
    CHECK(cleared["portcullis"]["suppressed"] == 12);
    CHECK(cleared["flow_id"] == record["flow_id"]);
}

TEST_CASE("a flow that was cut ended when it was cut") {
    const EndedFlow flow{test::entry_of({.created = 750, .deadline = 1000}),
                         EndedFlow::Why::timeout};
    const Json record = flow_record(flow, names, clock_at(1005), 0);
    CHECK(record["flow"]["age"] == 16);
}

TEST_CASE("sampled records are so many a second, and the next one says how many were left out") {
    const std::string path = temporary_path();
    FlowLog log(path);
    const EndedFlow flow{test::entry_of({.deadline = 10}), EndedFlow::Why::timeout};
    const auto end = [&](size_t count) {
        log.next_second();
        for (size_t i = 0; i < count; ++i) {
            log.add(flow, names, clock_at(20));
        }
        CHECK(log.flush().ok());
        return lines_of(path).size();
    };
    CHECK(end(3) == 0);
    log.set(PC_LOG_SAMPLED, 2);
    CHECK(end(5) == 2);
    CHECK(end(1) == 3);
    CHECK(lines_of(path)[2]["portcullis"]["suppressed"] == 3);
    log.set(PC_LOG_ALL, 2);
    CHECK(end(5) == 8);
    CHECK_FALSE(lines_of(path)[7]["portcullis"].contains("suppressed"));
    // Rotated: the next record makes a new file.
    std::filesystem::remove(path);
    CHECK(end(1) == 1);
    std::filesystem::remove(path);
}

TEST_CASE("a log that cannot be written is an error, and not the end") {
    FlowLog log("/nowhere/flow.json");
    log.set(PC_LOG_ALL, 0);
    const EndedFlow flow{test::entry_of({.deadline = 10}), EndedFlow::Why::timeout};
    log.add(flow, names, clock_at(20));
    const auto flushed = log.flush();
    REQUIRE_FALSE(flushed.ok());
    CHECK(flushed.error().message == "write /nowhere/flow.json: No such file or directory");
    CHECK(log.flush().ok());
}

TEST_CASE("limits are the plan's, counters by the stable id, over all CPUs") {
    test::Faults faults;
    test::MemoryMap counters(faults, 2 * sizeof(pc_limit_counter), PC_LIMITS_MAX);
    pc_limit limit{};
    limit.interval = 64ULL * 1000000000 / 200; // 200 a second
    limit.burst = limit.interval * 20;
    limit.stable = 9;
    limit.per = PC_PER_SRC;
    limit.src4 = 24;
    limit.src6 = 56;
    limit.over = PC_OVER_REJECT;
    const uint32_t stable = 9;
    const std::array<pc_limit_counter, 2> counts{{{1, 2, 30, 40}, {10, 20, 300, 400}}};
    REQUIRE(counters.put(bytes_of(stable), bytes_of(counts)).ok());
    Plan plan;
    CHECK(read_limits(plan, counters).value().empty());
    plan.limits.push_back(limit);
    plan.limit_names.push_back({});
    plan.limit_names.back().name = "scans";
    const auto seen = read_limits(plan, counters).value();
    REQUIRE(seen.size() == 1);
    const Json object = limit_object(seen[0]);
    CHECK(object["name"] == "scans");
    CHECK(object["per"] == "src/24,src6/56");
    CHECK(object["of"] == "packets");
    CHECK(object["rate"].get<double>() == Approx(200));
    CHECK(object["burst"].get<double>() == Approx(20));
    CHECK(object["over"] == "reject");
    CHECK(object["passed"] == Json{{"packets", 11}, {"bytes", 330}});
    CHECK(object["exceeded"] == Json{{"packets", 22}, {"bytes", 440}});
    limit.of = PC_LIMIT_BYTES;
    limit.interval = 64ULL * 1000000000 * 65536 / 1000000; // 1 MB/s
    limit.burst = limit.interval * 4;
    const Json bytes = limit_object({"x", limit, {}});
    CHECK(bytes["rate"].get<double>() == Approx(1e6));
    CHECK(bytes["burst"].get<double>() == Approx(262144));
    limit.interval = 0;
    CHECK(limit_object({"x", limit, {}})["rate"] == 0);
}

TEST_CASE("token buckets are busy until they are full again") {
    std::vector<pc_limit_set> sets(3);
    sets[0].key[0] = 5;
    sets[0].due[0] = 101;
    sets[2].key[3] = 6;
    sets[2].due[3] = 100;
    sets[1].due[1] = 500; // free
    const TokenBuckets buckets = count_buckets(sets, 100);
    CHECK(buckets.busy == 1);
    CHECK(buckets.capacity == 12);
}

constexpr uint32_t epoch = 0x10203;

TEST_CASE("the heaviest sources are summed over CPUs, without what others count there") {
    test::Faults faults;
    test::MemoryMap top(faults, 2 * sizeof(pc_guard_candidate), PC_GUARD_TOP);
    test::MemoryMap sketch(faults, 2 * sizeof(pc_guard_cells), PC_GUARD_COLUMNS);
    const auto candidate = [](const char* address, uint32_t estimate, uint32_t of = epoch) {
        pc_guard_candidate made{};
        made.epoch = static_cast<uint16_t>(of);
        const Address parsed = parse_address(address).value();
        std::memcpy(made.prefix, parsed.bytes.data(), parsed.bytes.size());
        made.family = static_cast<uint8_t>(parsed.family);
        made.estimate = estimate;
        return made;
    };
    const auto put = [&](uint32_t index, const std::array<pc_guard_candidate, 2>& both) {
        REQUIRE(top.put(bytes_of(index), bytes_of(both)).ok());
    };
    put(3, {candidate("198.51.100.0", 50), pc_guard_candidate{}});
    put(8, {candidate("2001:db8::", 90), candidate("198.51.100.0", 60)});
    put(9, {candidate("203.0.113.0", 500, epoch - 1), candidate("192.0.2.0", 10)});
    // Cells of the second CPU hold 10 on average, those of the first are of another epoch.
    std::array<pc_guard_cells, 2> cells{};
    std::fill_n(cells[0].cell, PC_GUARD_ROWS, PC_GUARD_CELL(epoch - 1, 1000));
    std::fill_n(cells[1].cell, PC_GUARD_ROWS, PC_GUARD_CELL(epoch, 10));
    for (uint32_t column = 0; column < PC_GUARD_COLUMNS; ++column) {
        REQUIRE(sketch.put(bytes_of(column), bytes_of(cells)).ok());
    }
    pc_flow_policy policy{};
    policy.guard_prefix4 = 24;
    policy.guard_prefix6 = 64;
    const auto sources = guard_sources(top, sketch, policy, epoch).value();
    REQUIRE(sources.size() == 2);
    CHECK(to_string(sources[0].prefix) == "198.51.100.0/24");
    CHECK(sources[0].packets == 100);
    CHECK(to_string(sources[1].prefix) == "2001:db8::/64");
    CHECK(sources[1].packets == 90);
}
