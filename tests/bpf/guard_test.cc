// SPDX-License-Identifier: GPL-3.0-or-later
// The guard's sketch of sources: what counts in it, who comes to the top, and how exactly.
#include <cstring>
#include <map>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <catch2/catch.hpp>
#include <sched.h>

#include "tests/bpf/frames.h"

namespace pc::test {
namespace {

// Counts are per CPU.
void stay_on_this_cpu() {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(static_cast<size_t>(sched_getcpu()), &cpus);
    REQUIRE(sched_setaffinity(0, sizeof(cpus), &cpus) == 0);
}

void load(const std::string& guard, const std::string& wan = "default = \"drop\"\n") {
    std::string text = zones_toml;
    const std::string zone = "[zone.wan]\n";
    text.insert(text.find(zone) + zone.size(), wan);
    Harness::get().load(text + guard);
}

void begin_epoch() {
    static uint32_t epoch = 0; // forget_flows() forgets the kernel's
    Harness::get().flow_globals().guard_epoch = ++epoch;
}

void start(const std::string& guard, const std::string& wan = "default = \"drop\"\n") {
    stay_on_this_cpu();
    begin_epoch();
    load(guard, wan);
}

void send(const std::string& words, int times = 1) {
    const Packet packet = packet_of(words);
    const Frame frame = frame_of(packet);
    for (int i = 0; i < times; i++) {
        (void)Harness::get().run(frame, interface_of(packet));
    }
}

// By prefix, of this epoch.
std::map<std::string, uint32_t> candidates(uint8_t v4 = 32, uint8_t v6 = 64) {
    const auto cpus = static_cast<size_t>(libbpf_num_possible_cpus());
    std::vector<pc_guard_candidate> values(cpus);
    std::map<std::string, uint32_t> all;
    for (uint32_t i = 0; i < PC_GUARD_TOP; i++) {
        REQUIRE(bpf_map_lookup_elem(Harness::get().map_fd("guard_top"), &i, values.data()) == 0);
        for (const pc_guard_candidate& each : values) {
            if (each.family == 0 ||
                each.epoch != (Harness::get().flow_globals().guard_epoch & 0xffff)) {
                continue;
            }
            Prefix prefix{{each.family == 4 ? Family::v4 : Family::v6, {}},
                          each.family == 4 ? v4 : v6};
            std::memcpy(prefix.address.bytes.data(), each.prefix, each.family == 4 ? 4 : 16);
            all[to_string(prefix)] += each.estimate;
        }
    }
    return all;
}

const std::string log_sources = "[guard]\nsources = \"log\"\n";
const std::string heavy = "in wan udp 203.0.113.66:1000 10.1.0.2:53";

TEST_CASE("a heavy source comes to the top, and no light one does") {
    start(log_sources);
    for (int i = 0; i < 1000; i++) {
        send("in wan udp 198.51." + std::to_string(i / 250) + "." + std::to_string(i % 250) +
             ":1000 10.1.0.2:53");
        send(heavy, 2);
    }
    const auto top = candidates();
    REQUIRE(top.size() == 1);
    CHECK(top.begin()->first == "203.0.113.66/32");
    CHECK(top.begin()->second >= 2000 - PC_GUARD_STEP);
    CHECK(top.begin()->second <= 2000 + PC_GUARD_STEP);
}

TEST_CASE("each epoch counts from zero") {
    start(log_sources);
    send(heavy, PC_GUARD_STEP * 3);
    CHECK(candidates().at("203.0.113.66/32") == PC_GUARD_STEP * 3);
    begin_epoch();
    CHECK(candidates().empty());
    send(heavy, PC_GUARD_STEP - 1);
    CHECK(candidates().empty());
    send(heavy);
    CHECK(candidates().at("203.0.113.66/32") == PC_GUARD_STEP);
}

TEST_CASE("a source is a prefix") {
    start(log_sources + "prefix = \"src/25,src6/48\"\n");
    for (int i = 0; i < PC_GUARD_STEP; i++) {
        const std::string n = std::to_string(i);
        send("in wan udp 203.0.113." + n + ":1000 10.1.0.2:53");
        send("in wan udp [2001:db8:bad:" + n + "::" + n + "]:1000 [2001:db8:1::2]:53");
    }
    send("in wan udp 203.0.113.200:1000 10.1.0.2:53");
    const auto top = candidates(25, 48);
    CHECK(top.size() == 2);
    CHECK(top.at("203.0.113.0/25") == PC_GUARD_STEP);
    CHECK(top.at("2001:db8:bad::/48") == PC_GUARD_STEP);
}

TEST_CASE("prefixes of IPv6 end anywhere") {
    for (const char* length : {"1", "31", "32", "33", "63", "64", "65", "96", "97", "127", "128"}) {
        INFO(length);
        start(log_sources + "prefix = \"src/32,src6/" + length + "\"\n");
        const std::string source = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        send("in wan udp [" + source + "]:1000 [2001:db8:1::2]:53", PC_GUARD_STEP);
        const auto bits = static_cast<uint8_t>(std::stoi(length));
        const auto top = candidates(32, bits);
        REQUIRE(top.size() == 1);
        const ParsedPrefix parsed = parse_prefix(top.begin()->first);
        CHECK(parsed.error == PrefixError::none);
        CHECK(range_of(parsed.prefix).last == parse_address(source).value());
    }
}

TEST_CASE("what comes from inside does not count, unless nothing says what is outside") {
    const std::string inside = "in lan udp 10.1.0.2:1000 192.0.2.1:53";
    start(log_sources);
    send(inside, PC_GUARD_STEP);
    CHECK(candidates().empty());
    start(log_sources, "");
    send(inside, PC_GUARD_STEP);
    send(heavy, PC_GUARD_STEP);
    CHECK(candidates().size() == 2);
}

TEST_CASE("what rules accept counts, what the guard is off for does not") {
    const std::string rule = "[[rule]]\nname = \"dns\"\nin = \"wan\"\naction = \"accept\"\n";
    start(log_sources + rule);
    send(heavy, PC_GUARD_STEP);
    CHECK(candidates().size() == 1);
    start(rule);
    send(heavy, PC_GUARD_STEP);
    CHECK(candidates().empty());
}

TEST_CASE("answers do not count, whether their zone lets them in by itself or by a rule") {
    const std::string established = GENERATE("", "established = true\n");
    Harness::get().forget_flows();
    start("[flows]\nmax = 1024\n" + log_sources +
              "[[rule]]\nname = \"out\"\nin = \"lan\"\naction = \"accept\"\n"
              "[[rule]]\nname = \"answers\"\nin = \"wan\"\nstate = \"established\"\n"
              "action = \"accept\"\n",
          "default = \"drop\"\n" + established);
    send("in lan udp 10.1.0.2:1000 192.0.2.1:53");
    send("in wan udp 192.0.2.1:53 10.1.0.2:1000", PC_GUARD_STEP * 2);
    CHECK(candidates().empty());
    send("in wan udp 192.0.2.1:53 10.1.0.2:1001", PC_GUARD_STEP);
    CHECK(candidates().size() == 1);
}

TEST_CASE("what is blocked does not count") {
    start(log_sources);
    Harness::get().block(parse_prefix("203.0.113.66/32").prefix, 0);
    send(heavy, PC_GUARD_STEP);
    CHECK(candidates().empty());
    Harness::get().unblock_all();
    send(heavy, PC_GUARD_STEP);
    CHECK(candidates().size() == 1);
}

TEST_CASE("of two that meet in one place the heavier one stays") {
    start(log_sources);
    // More sources than places: hundreds of them meet.
    constexpr int sources = 1500;
    for (int i = 0; i < sources; i++) {
        send("in wan udp 198.51." + std::to_string(i / 250) + "." + std::to_string(i % 250) +
                 ":1000 10.1.0.2:53",
             PC_GUARD_STEP);
    }
    send(heavy, PC_GUARD_STEP * 4);
    const auto top = candidates();
    CHECK(top.size() <= PC_GUARD_TOP);
    CHECK(top.size() > PC_GUARD_TOP / 2);
    CHECK(top.at("203.0.113.66/32") >= PC_GUARD_STEP * 4);
}

} // namespace
} // namespace pc::test
