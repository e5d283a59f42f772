// SPDX-License-Identifier: GPL-3.0-or-later
// The walk down the rules: order, what goes on (count, mark), what needs the way out, events, and
// the change from one generation to the next.
#include <bpf/bpf.h>
#include <catch2/catch.hpp>
#include <linux/bpf.h>

#include "tests/bpf/frames.h"

namespace pc::test {
namespace {

std::string rule(const std::string& name, const std::string& lines) {
    return "[[rule]]\nname = \"" + name + "\"\n" + lines + "\n";
}

void load(const std::string& rules) {
    Harness::get().load(zones_toml + rules);
}

TEST_CASE("the first rule that matches decides") {
    load(rule("a", "proto = \"udp\"\naction = \"accept\"") + rule("b", "action = \"drop\"") +
         rule("c", "action = \"accept\""));
    CHECK(rules_of(run("in lan udp 10.1.0.2 192.0.2.1")) == "a+1");
    CHECK(rules_of(run("in lan tcp 10.1.0.2 192.0.2.1")) == "b+1");
}

TEST_CASE("count and mark go on; marks add up and reach TC by metadata") {
    load(rule("count", "action = \"count\"") +
         rule("low", "action = \"mark\"\nmark = \"0x12/0xff\"") +
         rule("udp", "proto = \"udp\"\naction = \"mark\"\nmark = \"0x300/0xf00\"") +
         rule("again", "proto = \"udp\"\naction = \"mark\"\nmark = \"0x4/0xf\"") +
         rule("drop", "proto = \"icmp\"\naction = \"drop\""));
    Outcome outcome = run("in lan udp 10.1.0.2 192.0.2.1");
    CHECK(rules_of(outcome) == "again+1 count+1 low+1 udp+1");
    CHECK(outcome.action == XDP_PASS);
    REQUIRE(outcome.meta.has_value());
    CHECK(outcome.meta->magic == PC_META_MAGIC);
    CHECK(outcome.meta->mark == 0x314);
    CHECK(outcome.meta->mark_mask == 0xfff);
    CHECK(outcome.frame == frame_of(packet_of("in lan udp 10.1.0.2 192.0.2.1")));
    outcome = run("in lan tcp ::2 ::3");
    CHECK(rules_of(outcome) == "count+1 low+1");
    REQUIRE(outcome.meta.has_value());
    CHECK(outcome.meta->mark == 0x12);
    outcome = run("in lan icmp 10.1.0.2 192.0.2.1");
    CHECK(outcome.action == XDP_DROP);
    CHECK(rules_of(outcome) == "count+1 drop+1 low+1");
    CHECK_FALSE(outcome.meta.has_value());
}

TEST_CASE("more rules that go on than any sensible list has are all passed") {
    std::string rules;
    for (int i = 0; i < 300; i++) {
        rules += rule("n" + std::to_string(i), "action = \"count\"");
    }
    load(rules + rule("last", "action = \"drop\""));
    const Outcome outcome = run("in lan udp 10.1.0.2 192.0.2.1");
    CHECK(outcome.rules.size() == 301);
    CHECK(outcome.action == XDP_DROP);
}

TEST_CASE("a rule with out is decided by the route the packet would take") {
    load(rule("to-dmz", "out = \"dmz\"\naction = \"drop\"") +
         rule("to-lan", "out = \"lan\"\naction = \"accept\"") +
         rule("rest", "proto = \"tcp\"\naction = \"drop\""));
    Outcome outcome = run("in wan tcp 192.0.2.1 10.1.128.9:80");
    CHECK(outcome.action == XDP_DROP);
    CHECK(rules_of(outcome) == "to-dmz+1");
    CHECK(rules_of(run("in wan tcp 2001:db8::1 [2001:db8:1:8000::9]:80")) == "to-dmz+1");
    // What a rule of TC accepts is counted there.
    outcome = run("in wan tcp 192.0.2.1 10.1.0.9:80");
    CHECK(outcome.action == XDP_PASS);
    CHECK(rules_of(outcome).empty());
    CHECK(reasons_of(outcome).empty());
    // For the router itself, without a way, and by another zone: no rule with out matches.
    CHECK(rules_of(run("in wan tcp 192.0.2.1 10.1.0.1:80")) == "rest+1");
    CHECK(rules_of(run("in wan tcp 192.0.2.1 10.1.192.1:80")) == "rest+1");
    CHECK(rules_of(run("in lan tcp 10.1.0.9 192.0.2.1:80")) == "rest+1");
}

TEST_CASE("a rule that negates out matches no packet for the router itself") {
    load(rule("not-lan", "out = \"!lan\"\naction = \"drop\""));
    CHECK(rules_of(run("in wan udp 192.0.2.1 10.1.128.9")) == "not-lan+1");
    CHECK(rules_of(run("in wan udp 192.0.2.1 10.1.0.9")).empty());
    CHECK(rules_of(run("in wan udp 192.0.2.1 10.1.0.1")).empty());
    CHECK(rules_of(run("in wan udp 192.0.2.1 10.1.192.1")).empty());
}

TEST_CASE("rules of both hooks are asked in the order of the list") {
    load(rule("tc-count", "out = \"dmz\"\naction = \"count\"") +
         rule("xdp-count", "action = \"count\"") +
         rule("tc-miss", "out = \"lan\"\naction = \"drop\"") +
         rule("xdp-udp", "proto = \"udp\"\naction = \"drop\"") +
         rule("tc-hit", "out = \"dmz\"\naction = \"drop\"") + rule("never", "action = \"accept\""));
    // Rules of TC that count do so at TC.
    CHECK(rules_of(run("in wan udp 192.0.2.1 10.1.128.9")) == "xdp-count+1 xdp-udp+1");
    CHECK(rules_of(run("in wan tcp 192.0.2.1 10.1.128.9")) == "tc-hit+1 xdp-count+1");
    CHECK(rules_of(run("in lan tcp 10.1.0.9 192.0.2.1")) == "never+1 xdp-count+1");
}

TEST_CASE("inspect passes the packet on to TC, but not for whom it is excluded") {
    load("[inspect.web]\nexclude = \"192.0.2.0/24\"\n" +
         rule("look", "proto = \"tcp\"\ndport = 443\nout = \"wan\"\naction = \"inspect\"\n"
                      "inspect = \"web\"") +
         rule("rest", "proto = \"tcp\"\naction = \"drop\""));
    const Outcome outcome = run("in lan tcp 10.1.0.9 198.51.100.1:443");
    CHECK(outcome.action == XDP_PASS);
    CHECK(rules_of(outcome).empty());
    CHECK(rules_of(run("in lan tcp 10.1.0.9 192.0.2.1:443")) == "rest+1");
    CHECK(rules_of(run("in dmz tcp 192.0.2.1 198.51.100.1:443")) == "rest+1");
    CHECK(rules_of(run("in lan tcp 10.1.0.9 198.51.100.1:80")) == "rest+1");
}

TEST_CASE("an event says what happened to which packet") {
    load(rule("logged", "proto = \"udp\"\naction = \"drop\"\nlog = \"all\"") +
         rule("counted", "proto = \"icmp\"\naction = \"count\"\nlog = \"sampled\""));
    Outcome outcome = run("in wan udp 192.0.2.7:1234 10.1.0.9:53 len 100");
    REQUIRE(outcome.events.size() == 1);
    const pc_event& event = outcome.events.front();
    CHECK(event.reason == PC_REASON_RULE);
    CHECK(event.action == PC_ACTION_DROP);
    CHECK(event.rule_id == Harness::get().plan().rules.at(0).id);
    CHECK(event.family == 4);
    CHECK(event.proto == 17);
    CHECK(event.sport == 1234);
    CHECK(event.dport == 53);
    CHECK(event.len == 100);
    CHECK(event.vlan == PC_VLAN_NONE);
    CHECK(event.ifindex == Harness::get().ifindex("wan0"));
    CHECK(event.hook == 0);
    outcome = run("in wan icmp 192.0.2.7 10.1.0.9 type 8 code 3");
    REQUIRE(outcome.events.size() == 1);
    CHECK(outcome.events.front().action == PC_ACTION_COUNT);
    CHECK(outcome.events.front().sport == 8);
    CHECK(outcome.events.front().dport == 3);
    CHECK(run("in wan tcp 192.0.2.7 10.1.0.9").events.empty());
}

TEST_CASE("a flood of packets is not a flood of events, and is counted in full") {
    load("[defaults]\naction = \"drop\"\nlog = \"sampled\"\nsample = \"5/s\"\n");
    const Frame frame = frame_of(packet_of("in wan udp 192.0.2.7:1234 10.1.0.9:53"));
    size_t events = 0;
    size_t dropped = 0;
    for (int i = 0; i < 2000; i++) {
        const Outcome outcome = Harness::get().run(frame, "wan0");
        events += outcome.events.size();
        dropped += outcome.reasons.count(PC_REASON_POLICY);
    }
    CHECK(dropped == 2000);
    CHECK(events > 0);
    CHECK(events < 500);
}

TEST_CASE("a generation with rows longer than any can be drops all, as an internal fault") {
    load(rule("r", "action = \"accept\""));
    const int control_fd = Harness::get().map_fd("control");
    const int generations_fd = Harness::get().map_fd("generations");
    const uint32_t zero = 0;
    pc_control control{};
    pc_generation right{};
    REQUIRE(bpf_map_lookup_elem(control_fd, &zero, &control) == 0);
    REQUIRE(bpf_map_lookup_elem(generations_fd, &control.active, &right) == 0);
    pc_generation wrong = right;
    wrong.tables[0].words = PC_ROW_WORDS_MAX + 1;
    REQUIRE(bpf_map_update_elem(generations_fd, &control.active, &wrong, BPF_ANY) == 0);
    const Outcome outcome = run("in lan udp 10.1.0.2 192.0.2.1");
    REQUIRE(bpf_map_update_elem(generations_fd, &control.active, &right, BPF_ANY) == 0);
    CHECK(outcome.action == XDP_DROP);
    CHECK(reasons_of(outcome) == "internal");
    CHECK(rules_of(run("in lan udp 10.1.0.2 192.0.2.1")) == "r+1");
}

TEST_CASE("a new generation decides the next packet and keeps the counters of rules that stay") {
    const std::string words = "in lan udp 10.1.0.2 192.0.2.1:53";
    load(rule("stays", "proto = \"udp\"\naction = \"drop\"") + rule("goes", "action = \"accept\""));
    const uint32_t id = Harness::get().plan().rules.at(0).id;
    CHECK(rules_of(run(words)) == "stays+1");
    load(rule("first",
              "proto = \"udp\"\ndport = [9, 53]\nsrc = [\"10.1.0.0/30\", \"10.9.0.0/16\"]\n"
              "action = \"accept\"") +
         rule("stays", "proto = \"udp\"\naction = \"drop\""));
    CHECK(Harness::get().plan().rules.at(1).id == id);
    CHECK(rules_of(run(words)) == "first+1");
    CHECK(rules_of(run("in lan udp 10.1.0.4 192.0.2.1:53")) == "stays+1");
    // The slot of the first one is used again: nothing of it is left.
    load(rule("only", "proto = \"tcp\"\naction = \"drop\""));
    const Outcome outcome = run(words);
    CHECK(outcome.action == XDP_PASS);
    CHECK(reasons_of(outcome) == "policy-accept");
}

} // namespace
} // namespace pc::test
