// SPDX-License-Identifier: GPL-3.0-or-later
// Flows at XDP: the states of packets, what known flows let in, what a commit does to them, and
// what a flood cannot do.
#include <cstring>

#include <catch2/catch.hpp>
#include <linux/bpf.h>

#include "tests/bpf/frames.h"

namespace pc::test {
namespace {

constexpr uint8_t with_fin = 1;
constexpr uint8_t with_syn = 2;
constexpr uint8_t with_rst = 4;
constexpr uint8_t with_ack = 16;

const std::string in_lan = "in lan tcp 10.1.0.2:1000 192.0.2.1:80 ";
const std::string in_wan = "in wan tcp 192.0.2.1:80 10.1.0.2:1000 ";

// Out of the lan everything, into it what belongs to it.
const std::string stateful = R"([flows]
max = 1024
[[rule]]
name = "out"
in = "lan"
action = "accept"
)";

void load(const std::string& rules, const std::string& zones = "established = true\n") {
    std::string text = zones_toml;
    for (const char* zone : {"[zone.wan]\n", "[zone.lan]\n"}) {
        const size_t at = text.find(zone) + std::strlen(zone);
        text.insert(at, std::string(zone) == "[zone.wan]\n" ? zones + "default = \"drop\"\n" : "");
    }
    Harness::get().load(text + rules);
}

void start(const std::string& rules, const std::string& zones = "established = true\n") {
    Harness::get().forget_flows();
    load(rules, zones);
}

struct Tcp {
    uint8_t flags = with_ack;
    uint32_t seq = 0;
    uint32_t ack = 0;
    uint16_t window = 1000;
    uint32_t payload = 0;
};

void put_be(Frame& frame, size_t at, uint64_t value, size_t bytes) {
    REQUIRE(at + bytes <= frame.size());
    for (size_t i = 0; i < bytes; i++) {
        frame[at + i] = static_cast<std::byte>(value >> 8 * (bytes - 1 - i));
    }
}

size_t l4_of(const Packet& packet) {
    return packet.src.family == Family::v4 ? 14 + 20 : 14 + 40;
}

Outcome send(const std::string& words, const Tcp& tcp) {
    Packet packet = packet_of(words);
    packet.tcp_flags = tcp.flags;
    packet.len = len_min(packet) + tcp.payload;
    Frame frame = frame_of(packet);
    const size_t l4 = l4_of(packet);
    put_be(frame, l4 + 4, tcp.seq, 4);
    put_be(frame, l4 + 8, tcp.ack, 4);
    put_be(frame, l4 + 14, tcp.window, 2);
    return Harness::get().run(frame, interface_of(packet));
}

// An ICMP error about the packet of these words, from a router in the given zone.
Outcome complain(const std::string& words, const std::string& about, uint32_t seq = 0) {
    const Packet packet = packet_of(words + " len 200");
    const Packet inner = packet_of(about);
    const Frame inside = frame_of(inner);
    Frame frame = frame_of(packet);
    const size_t at = l4_of(packet) + 8;
    REQUIRE(at + inside.size() - 14 <= frame.size());
    std::copy(inside.begin() + 14, inside.end(), frame.begin() + static_cast<long>(at));
    if (inner.proto == proto_tcp) {
        put_be(frame, at + l4_of(inner) - 14 + 4, seq, 4);
    }
    return Harness::get().run(frame, interface_of(packet));
}

uint32_t half_open() {
    return Harness::get().flow_globals().half_open;
}

uint32_t live() {
    return Harness::get().flow_globals().live;
}

// Three segments: after them lan has sent up to 101, wan up to 501.
void shake_hands() {
    REQUIRE(send(in_lan + "flags syn", {.flags = with_syn, .seq = 100}).action == XDP_PASS);
    REQUIRE(send(in_wan, {.flags = with_syn | with_ack, .seq = 500, .ack = 101}).action ==
            XDP_PASS);
    REQUIRE(send(in_lan, {.seq = 101, .ack = 501}).action == XDP_PASS);
}

TEST_CASE("answers to what went out come in, nothing else does") {
    start(stateful);
    CHECK(reasons_of(send(in_wan, {.flags = with_syn | with_ack, .seq = 500, .ack = 101})) ==
          "policy");
    Outcome outcome = send(in_lan + "flags syn", {.flags = with_syn, .seq = 100});
    CHECK(rules_of(outcome) == "out+1");
    CHECK(live() == 1);
    CHECK(half_open() == 1);
    CHECK(reasons_of(send(in_wan, {.flags = with_syn | with_ack, .seq = 500, .ack = 90})) ==
          "policy");
    CHECK(reasons_of(send(in_wan, {.flags = with_syn | with_ack, .seq = 500, .ack = 101})) ==
          "established");
    CHECK(half_open() == 1);
    CHECK(reasons_of(send("in wan tcp 192.0.2.1:80 10.1.0.3:1000", {.seq = 501, .ack = 101})) ==
          "policy");
    CHECK(rules_of(send(in_lan, {.seq = 101, .ack = 501})) == "out+1");
    CHECK(half_open() == 0);
    CHECK(reasons_of(send(in_wan, {.seq = 501, .ack = 101, .payload = 400})) == "established");
    CHECK(live() == 1);
}

TEST_CASE("what another zone sends in the name of a side says nothing about the flow") {
    start("[[rule]]\nname = \"new\"\nstate = \"new\"\naction = \"accept\"\n"
          "[[rule]]\nname = \"invalid\"\nstate = \"invalid\"\naction = \"accept\"\n");
    shake_hands();
    const std::string forged_answer = "in lan tcp 192.0.2.1:80 10.1.0.2:1000 ";
    const std::string forged_request = "in dmz tcp 10.1.0.2:1000 192.0.2.1:80 ";
    CHECK(rules_of(send(forged_answer, {.flags = with_rst, .seq = 501})) == "invalid+1");
    CHECK(rules_of(send(forged_request, {.flags = with_rst, .seq = 101})) == "invalid+1");
    CHECK(rules_of(send(forged_request, {.flags = with_syn, .seq = 9101})) == "invalid+1");
    CHECK(reasons_of(send(in_wan, {.seq = 501, .ack = 101})) == "established");
    CHECK(live() == 1);
    // Neither can it answer a datagram.
    CHECK(rules_of(run("in lan udp 10.1.0.2:4000 192.0.2.1:53")) == "new+1");
    CHECK(rules_of(run("in dmz udp 192.0.2.1:53 10.1.0.2:4000")) == "invalid+1");
    CHECK(reasons_of(run("in wan udp 192.0.2.1:53 10.1.0.2:4000")) == "established");
    CHECK(live() == 2);
}

TEST_CASE("before a packet leaves, what looks like its answer is none") {
    start("[[rule]]\nname = \"in\"\nin = \"wan\"\nstate = \"new\"\naction = \"accept\"\n");
    const std::string request = "in wan udp 192.0.2.1:4000 10.1.0.1:53";
    const std::string answer = "in wan udp 10.1.0.1:53 192.0.2.1:4000";
    const auto run_here = [](const std::string& words) {
        const Packet packet = packet_of(words);
        return Harness::get().run(frame_of(packet), interface_of(packet), /*forwarded=*/false);
    };
    CHECK(rules_of(run_here(request)) == "in+1");
    CHECK(reasons_of(run_here(answer)) == "policy");
    CHECK(rules_of(run_here(request)) == "in+1"); // as before: it was not answered
    // Asymmetric routing as a choice: who answers may be anywhere.
    start("[flows]\nloose = true\n[[rule]]\nname = \"in\"\nin = \"wan\"\nstate = \"new\"\n"
          "action = \"accept\"\n");
    CHECK(rules_of(run_here(request)) == "in+1");
    CHECK(reasons_of(run_here(answer)) == "established");
}

TEST_CASE("a segment outside of its window is of no flow") {
    start(stateful);
    shake_hands();
    CHECK(reasons_of(send(in_wan, {.seq = 1501, .ack = 101})) == "established");
    CHECK(reasons_of(send(in_wan, {.seq = 1502, .ack = 101})) == "policy");
    CHECK(reasons_of(send(in_wan, {.seq = 501, .ack = 102})) == "policy");
    CHECK(reasons_of(send(in_wan, {.flags = 0, .seq = 501, .ack = 101})) == "policy");
}

TEST_CASE("a reset has to have the very number") {
    start(stateful);
    shake_hands();
    CHECK(reasons_of(send(in_wan, {.flags = with_rst, .seq = 502})) == "policy");
    CHECK(reasons_of(send(in_wan, {.seq = 501, .ack = 101, .payload = 10})) == "established");
    CHECK(reasons_of(send(in_wan, {.flags = with_rst, .seq = 511})) == "established");
    const auto& entries = Harness::get().flows().entries;
    CHECK(std::count_if(entries.begin(), entries.end(), [](const pc_flow_entry& entry) {
              return entry.proto == proto_tcp && entry.state == PC_FLOW_TCP_CLOSED;
          }) >= 1);
    // And the next connection of the same ports.
    CHECK(rules_of(send(in_lan + "flags syn", {.flags = with_syn, .seq = 9000})) == "out+1");
    CHECK(reasons_of(send(in_wan, {.flags = with_syn | with_ack, .seq = 7, .ack = 9001})) ==
          "established");
    CHECK(live() == 1);
}

TEST_CASE("UDP, echo and other protocols; IPv6 as IPv4") {
    start(stateful);
    CHECK(reasons_of(run("in wan udp 192.0.2.1:53 10.1.0.2:4000")) == "policy");
    CHECK(rules_of(run("in lan udp 10.1.0.2:4000 192.0.2.1:53")) == "out+1");
    CHECK(reasons_of(run("in wan udp 192.0.2.1:53 10.1.0.2:4000")) == "established");
    CHECK(reasons_of(run("in wan udp 192.0.2.2:53 10.1.0.2:4000")) == "policy");
    CHECK(reasons_of(run("in lan udp 10.1.0.2:4000 192.0.2.1:53")).empty());
    CHECK(rules_of(run("in lan icmp 10.1.0.2 192.0.2.1 type 8")) == "out+1");
    CHECK(reasons_of(run("in wan icmp 192.0.2.1 10.1.0.2 type 0")) == "established");
    CHECK(reasons_of(run("in wan icmp 192.0.2.1 10.1.0.2 type 8")) == "policy");
    CHECK(rules_of(run("in lan gre 10.1.0.2 192.0.2.1")) == "out+1");
    CHECK(reasons_of(run("in wan gre 192.0.2.1 10.1.0.2")) == "established");
    CHECK(rules_of(run("in lan udp [2001:db8:1::2]:4000 [2001:db8:9::1]:53")) == "out+1");
    CHECK(reasons_of(run("in wan udp [2001:db8:9::1]:53 [2001:db8:1::2]:4000")) == "established");
    CHECK(reasons_of(run("in wan udp [2001:db8:9::1]:53 [2001:db8:1::3]:4000")) == "policy");
    CHECK(rules_of(run("in lan icmp6 2001:db8:1::2 2001:db8:9::1 type 128")) == "out+1");
    CHECK(reasons_of(run("in wan icmp6 2001:db8:9::1 2001:db8:1::2 type 129")) == "established");
}

TEST_CASE("errors about known flows are related, if they can be true") {
    start(stateful);
    const std::string error = "in wan icmp 198.51.100.1 10.1.0.2 type 3 code 1";
    CHECK(reasons_of(complain(error, "udp 10.1.0.2:4000 192.0.2.1:53")) == "policy");
    run("in lan udp 10.1.0.2:4000 192.0.2.1:53");
    CHECK(reasons_of(complain(error, "udp 10.1.0.2:4000 192.0.2.1:53")) == "related");
    shake_hands();
    CHECK(reasons_of(complain(error, "tcp 10.1.0.2:1000 192.0.2.1:80", 101)) == "related");
    CHECK(reasons_of(complain(error, "tcp 10.1.0.2:1000 192.0.2.1:80", 200101)) == "policy");
    run("in lan udp [2001:db8:1::2]:4000 [2001:db8:9::1]:53");
    CHECK(reasons_of(complain("in wan icmp6 2001:db8:7::1 2001:db8:1::2 type 1 code 1",
                              "udp [2001:db8:1::2]:4000 [2001:db8:9::1]:53")) == "related");
}

TEST_CASE("who is blocked says nothing about known flows either") {
    start(stateful);
    run("in lan udp 10.1.0.2:4000 192.0.2.1:53");
    run("in wan udp 192.0.2.1:53 10.1.0.2:4000");
    const std::string about = "udp 10.1.0.2:4000 192.0.2.1:53";
    CHECK(reasons_of(complain("in wan icmp 198.51.100.1 10.1.0.2 type 3 code 1", about)) ==
          "related");
    Harness::get().block(parse_prefix("198.51.100.1/32").prefix, 0);
    CHECK(reasons_of(complain("in wan icmp 198.51.100.1 10.1.0.2 type 3 code 1", about)) ==
          "block");
    CHECK(reasons_of(complain("in wan icmp 198.51.100.2 10.1.0.2 type 3 code 1", about)) ==
          "related");
    Harness::get().unblock_all();
}

TEST_CASE("each packet has one state") {
    std::string rules = "[flows]\nmax = 1024\n";
    for (const char* state : {"new", "established", "related", "invalid"}) {
        rules += std::string("[[rule]]\nname = \"") + state + "\"\nstate = \"" + state +
                 "\"\naction = \"count\"\n";
    }
    start(rules + "[[rule]]\nname = \"all\"\naction = \"accept\"\n", "");
    CHECK(rules_of(send(in_lan + "flags syn", {.flags = with_syn, .seq = 100})) == "all+1 new+1");
    CHECK(rules_of(send(in_lan + "flags syn", {.flags = with_syn, .seq = 100})) == "all+1 new+1");
    CHECK(rules_of(send(in_wan, {.flags = with_syn | with_ack, .seq = 500, .ack = 101})) ==
          "all+1 established+1");
    CHECK(rules_of(send(in_lan, {.seq = 101, .ack = 501})) == "all+1 established+1");
    CHECK(rules_of(send(in_lan, {.seq = 1, .ack = 501})) == "all+1 established+1");
    CHECK(rules_of(send(in_lan, {.seq = 101, .ack = 5000})) == "all+1 invalid+1");
    CHECK(rules_of(send(in_wan, {.flags = with_syn, .seq = 3})) == "all+1 new+1");
    CHECK(rules_of(send("in wan tcp 192.0.2.9:80 10.1.0.2:1000", {.seq = 3})) == "all+1 invalid+1");
    CHECK(rules_of(complain("in wan icmp 198.51.100.1 10.1.0.2 type 11",
                            "tcp 10.1.0.2:1000 192.0.2.1:80", 101)) == "all+1 related+1");
    CHECK(rules_of(run("in wan icmp 192.0.2.1 10.1.0.2 type 0")) == "all+1 invalid+1");
    CHECK(rules_of(run("in wan icmp6 fe80::1 ff02::1 type 134 ttl 255")) == "all+1 new+1");
    CHECK(rules_of(run("in wan udp 192.0.2.1 10.1.0.2 frag non-first")) == "all+1 invalid+1");
    CHECK(rules_of(run("in wan udp 192.0.2.1:9 10.1.0.2:9 frag first")) == "all+1 new+1");
    CHECK(rules_of(run("in wan udp 192.0.2.1 10.1.0.2 frag non-first")) == "all+1 established+1");
}

TEST_CASE("a connection ends from either side") {
    start(stateful);
    shake_hands();
    CHECK(reasons_of(send(in_wan, {.flags = with_fin | with_ack, .seq = 501, .ack = 101})) ==
          "established");
    CHECK(reasons_of(send(in_lan, {.seq = 101, .ack = 502, .payload = 50})).empty());
    CHECK(rules_of(send(in_lan, {.flags = with_fin | with_ack, .seq = 151, .ack = 502})) ==
          "out+1");
    CHECK(reasons_of(send(in_wan, {.seq = 502, .ack = 152})) == "established");
    // Only what is new opens the ports again.
    CHECK(reasons_of(send(in_wan, {.flags = with_syn, .seq = 77})) == "policy");
    CHECK(rules_of(send(in_lan + "flags syn", {.flags = with_syn, .seq = 5})) == "out+1");
    CHECK(half_open() == 1);
    CHECK(live() == 1);
}

TEST_CASE("a commit cuts a flow that the rules no longer let begin, unless a rule keeps it") {
    const std::string no = "[[rule]]\nname = \"no\"\ndst = \"192.0.2.0/24\"\naction = \"drop\"\n";
    start(stateful);
    shake_hands();
    CHECK(reasons_of(send(in_wan, {.seq = 501, .ack = 101})) == "established");
    load("[flows]\nmax = 1024\n" + no + stateful.substr(stateful.find("[[rule]]")));
    Outcome outcome = send(in_wan, {.seq = 501, .ack = 101});
    CHECK(reasons_of(outcome) == "flow-cut");
    CHECK(rules_of(outcome) == "no+1");
    CHECK(reasons_of(send(in_wan, {.seq = 501, .ack = 101})) == "policy");

    start(stateful + "keep_flows = true\n");
    shake_hands();
    load("[flows]\nmax = 1024\n" + no + stateful.substr(stateful.find("[[rule]]")));
    CHECK(reasons_of(send(in_wan, {.seq = 501, .ack = 101})) == "established");
}

TEST_CASE("a commit that lets it begin leaves a flow alone") {
    start(stateful);
    shake_hands();
    load(stateful + "[[rule]]\nname = \"more\"\naction = \"drop\"\ndst = \"198.51.100.1\"\n");
    CHECK(reasons_of(send(in_wan, {.seq = 501, .ack = 101})) == "established");
    CHECK(reasons_of(send(in_wan, {.seq = 501, .ack = 101})) == "established");
    CHECK(rules_of(send(in_lan, {.seq = 101, .ack = 501})) == "out+1");
}

TEST_CASE("answered flows never give way to unanswered ones") {
    start(stateful + "");
    shake_hands();
    for (int i = 0; i < 6000; i++) {
        run("in lan udp 10.1." + std::to_string(i % 100) + ".3:" + std::to_string(1024 + i) +
            " 192.0.2.1:53");
    }
    CHECK(live() <= PC_FLOWS_MIN);
    CHECK(live() > 1000);
    CHECK(reasons_of(send(in_wan, {.seq = 501, .ack = 101})) == "established");
}

TEST_CASE("where all places are flows that were answered, new ones are refused") {
    start(stateful);
    uint64_t refused = 0;
    for (int i = 0; i < 3000; i++) {
        const std::string client =
            "10.1." + std::to_string(i % 100) + ".3:" + std::to_string(1024 + i);
        const Outcome outcome = run("in lan udp " + client + " 192.0.2.1:53");
        refused += outcome.reasons.count(PC_REASON_FLOW_FULL);
        run("in wan udp 192.0.2.1:53 " + client);
    }
    CHECK(refused > 1000);
    CHECK(live() > 1000);
    CHECK(live() <= PC_FLOWS_MIN);
}

TEST_CASE("an ACK that brings back no cookie, where each connection has one") {
    start(
        "[guard]\nsyn_protect = \"on\"\n[[rule]]\nname = \"in\"\nin = \"wan\"\naction = \"accept\"\n");
    CHECK(reasons_of(send(in_wan, {.seq = 1, .ack = 2})) == "syn-cookie-invalid");
    const Outcome outcome = send(in_wan + "flags syn", {.flags = with_syn, .seq = 41});
    CHECK(outcome.action == XDP_TX);
    CHECK(outcome.reasons.count(PC_REASON_SYN_ANSWERED) == 1);
    REQUIRE(outcome.frame.size() >= 14 + 20 + 24);
    // From the server, with a window of 0; its number, plus 1, opens the connection.
    const auto word = [&](size_t at) {
        uint32_t value = 0;
        for (size_t i = 0; i < 4; i++) {
            value = value << 8 | static_cast<uint32_t>(outcome.frame[14 + 20 + at + i]);
        }
        return value;
    };
    CHECK(word(8) == 42);
    CHECK((word(12) & 0xffff) == 0);
    CHECK(live() == 0);
    const Outcome syn = send(in_wan, {.seq = 42, .ack = word(4) + 1});
    CHECK(syn.action == XDP_PASS);
    CHECK(static_cast<uint32_t>(syn.frame[14 + 20 + 13]) == with_syn);
    CHECK(live() == 1);
}

TEST_CASE("one source has so many flows and no more, and so do all in a second") {
    start("[flows]\nmax = 1024\nper_source = 10\n" + stateful.substr(stateful.find("[[rule]]")));
    uint64_t refused = 0;
    for (int i = 0; i < 20; i++) {
        const Outcome outcome =
            run("in lan udp 10.1.0.3:" + std::to_string(1024 + i) + " 192.0.2.1:53");
        refused += reasons_of(outcome) == "flow-per-source" ? 1 : 0;
    }
    CHECK(refused == 10);
    CHECK(reasons_of(run("in lan udp 10.1.0.4:1 192.0.2.1:53")).empty());
    start("[flows]\nmax = 1024\nnew = \"10/s\"\n" + stateful.substr(stateful.find("[[rule]]")));
    refused = 0;
    for (int i = 0; i < 100; i++) {
        const Outcome outcome =
            run("in lan udp 10.1.0.5:" + std::to_string(1024 + i) + " 192.0.2.1:53");
        refused += reasons_of(outcome) == "flow-budget" ? 1 : 0;
    }
    CHECK(refused >= 80);
}

TEST_CASE("packets over a limit meet what the limit says, counters and buckets outlive a commit") {
    const std::string rules = R"([limit.slow]
per = "src"
rate = "1/m"
burst = 3
[[rule]]
name = "slow"
proto = "udp"
limit = "slow"
action = "accept"
)";
    start(rules, "");
    for (const char* source : {"10.1.0.21", "10.1.0.22"}) {
        const std::string packet = std::string("in lan udp ") + source + ":9 192.0.2.1:53";
        for (int i = 0; i < 3; i++) {
            CHECK(rules_of(run(packet)) == "slow+1");
        }
        const Outcome outcome = run(packet);
        CHECK(outcome.action == XDP_DROP);
        CHECK(reasons_of(outcome) == "limit");
        CHECK(rules_of(outcome) == "slow+1");
    }
    load(rules + "[[rule]]\nname = \"more\"\nproto = \"tcp\"\naction = \"count\"\n", "");
    CHECK(reasons_of(run("in lan udp 10.1.0.21:9 192.0.2.1:53")) == "limit");
    CHECK(rules_of(run("in lan udp 10.1.0.23:9 192.0.2.1:53")) == "slow+1");
}

TEST_CASE(
    "what is over a limit is rejected, marked or reported, as it says; bytes and new flows are charged too") {
    const auto limited = [](const std::string& limit, const std::string& action) {
        return "[limit.l]\n" + limit + "[[rule]]\nname = \"l\"\nlimit = \"l\"\naction = \"" +
               action + "\"\n[[rule]]\nname = \"rest\"\naction = \"accept\"\n";
    };
    const std::string packet = "in lan udp 10.1.0.31:9 192.0.2.1:53";
    const std::string one = "rate = \"1/m\"\nburst = 1\n";
    start(limited(one + "over = \"reject\"\n", "accept"), "");
    CHECK(run(packet).action == XDP_PASS);
    CHECK(run(packet).action == XDP_TX);

    start(limited("rate = \"60pps\"\nburst = 1\nover = \"mark\"\nmark = \"0x5/0xf\"\n", "accept"),
          "");
    CHECK_FALSE(run(packet).meta.has_value());
    const Outcome marked = run(packet);
    CHECK(marked.action == XDP_PASS);
    REQUIRE(marked.meta.has_value());
    CHECK(marked.meta->mark == 5);

    start(limited("rate = \"60pps\"\nburst = 1\nover = \"log\"\n", "accept"), "");
    CHECK(run(packet).events.empty());
    const Outcome logged = run(packet);
    CHECK(logged.action == XDP_PASS);
    CHECK(logged.events.size() == 1);

    // With an action that goes on, what is within the limit goes down the list.
    start(limited("rate = \"60pps\"\nburst = 1\n", "count"), "");
    CHECK(rules_of(run(packet)) == "l+1 rest+1");
    CHECK(reasons_of(run(packet)) == "limit");

    start(limited("rate = \"80kbit\"\nburst = \"3kB\"\n", "accept"), "");
    CHECK(run(packet + " len 1500").action == XDP_PASS);
    CHECK(run(packet + " len 1400").action == XDP_PASS);
    CHECK(reasons_of(run(packet + " len 1400")) == "limit");

    start(limited("rate = \"1/m\"\nburst = 1\n", "accept") + "[flows]\nmax = 1024\n", "");
    CHECK(run("in lan udp 10.1.0.32:9 192.0.2.1:53").action == XDP_PASS);
    run("in wan udp 192.0.2.1:53 10.1.0.32:9");
    CHECK(run("in lan udp 10.1.0.32:9 192.0.2.1:53").action == XDP_PASS);
    CHECK(reasons_of(run("in lan udp 10.1.0.32:10 192.0.2.1:53")) == "limit");
}

} // namespace
} // namespace pc::test
