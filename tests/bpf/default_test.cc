// SPDX-License-Identifier: GPL-3.0-or-later
// What holds where no rule decides: policies, essential ICMP, fragments, frames that are no IP or
// cannot be read, interfaces without a zone, and the set @blocks.
#include <cstring>

#include <catch2/catch.hpp>
#include <linux/bpf.h>

#include "tests/bpf/frames.h"

namespace pc::test {
namespace {

struct Decision {
    std::string packet;
    uint32_t action;
    std::string reasons;
};

void check_all(const std::vector<Decision>& decisions) {
    for (const Decision& decision : decisions) {
        INFO(decision.packet);
        const Outcome outcome = run(decision.packet);
        CHECK(outcome.action == decision.action);
        CHECK(reasons_of(outcome) == decision.reasons);
        CHECK(outcome.rules.empty());
    }
}

std::string with_defaults(const std::string& defaults) {
    return std::string(zones_toml) + "[defaults]\n" + defaults + "\n";
}

Frame ethernet(uint16_t ethertype, size_t payload) {
    Frame frame(14 + payload);
    frame[12] = static_cast<std::byte>(ethertype >> 8);
    frame[13] = static_cast<std::byte>(ethertype & 0xff);
    return frame;
}

TEST_CASE("the zone's default comes before that of all zones") {
    Harness::get().load(with_defaults("action = \"drop\""));
    check_all({{"in lan udp 10.1.0.2 192.0.2.1", XDP_DROP, "policy"},
               {"in wan tcp 2001:db8::1 2001:db8::2", XDP_DROP, "policy"}});
    Harness::get().load(R"(
schema = 1
[defaults]
action = "drop"
[zone.wan]
interfaces = "wan0"
[zone.lan]
interfaces = "lan0"
default = "accept"
)");
    check_all({{"in lan udp 10.1.0.2 192.0.2.1", XDP_PASS, "policy-accept"},
               {"in wan udp 10.1.0.2 192.0.2.1", XDP_DROP, "policy"}});
}

TEST_CASE("a default of drop lets pass what IPv6 and path MTU discovery need, and no more") {
    Harness::get().load(with_defaults("action = \"drop\""));
    for (const std::string essential :
         {"icmp 10.1.0.2 192.0.2.1 type 3 code 4", "icmp 10.1.0.2 192.0.2.1 type 11 code 0",
          "icmp6 ::2 ::3 type 1 code 3", "icmp6 ::2 ::3 type 2 code 0",
          "icmp6 ::2 ::3 type 3 code 0", "icmp6 ::2 ::3 type 4 code 1",
          "icmp6 ::2 ::3 type 4 code 2", "icmp6 ::2 ::3 type 130", "icmp6 ::2 ::3 type 132",
          "icmp6 ::2 ::3 type 143", "icmp6 ::2 ::3 type 133 ttl 255",
          "icmp6 ::2 ::3 type 136 ttl 255"}) {
        check_all({{"in wan " + essential, XDP_PASS, "essential-icmp"}});
    }
    for (const std::string other :
         {"icmp 10.1.0.2 192.0.2.1 type 3 code 3", "icmp 10.1.0.2 192.0.2.1 type 11 code 1",
          "icmp 10.1.0.2 192.0.2.1 type 8", "icmp6 ::2 ::3 type 3 code 1",
          "icmp6 ::2 ::3 type 4 code 0", "icmp6 ::2 ::3 type 129", "icmp6 ::2 ::3 type 137 ttl 255",
          "icmp6 ::2 ::3 type 135 ttl 254", "icmp6 ::2 ::3 type 2 frag first len 96",
          "icmp6 ::2 ::3 frag non-first len 96", "udp 10.1.0.2 192.0.2.1"}) {
        check_all({{"in wan " + other, XDP_DROP, "policy"}});
    }
}

TEST_CASE("an explicit rule does drop essential ICMP") {
    Harness::get().load(std::string(zones_toml) +
                        "[[rule]]\nname = \"r\"\nproto = \"icmp6\"\naction = \"drop\"\n");
    const Outcome outcome = run("in wan icmp6 ::2 ::3 type 2");
    CHECK(outcome.action == XDP_DROP);
    CHECK(rules_of(outcome) == "r+1");
}

TEST_CASE("the default for fragments only ever restricts") {
    const std::string first = "in wan udp 10.1.0.2 192.0.2.1 frag first len 96";
    const std::string later = "in wan udp ::2 ::3 frag non-first len 96";
    Harness::get().load(with_defaults("fragments = \"accept\""));
    check_all({{first, XDP_PASS, "policy-accept"}, {later, XDP_PASS, "policy-accept"}});
    Harness::get().load(with_defaults("fragments = \"accept-first\""));
    check_all({{first, XDP_PASS, "policy-accept"}, {later, XDP_DROP, "fragment"}});
    Harness::get().load(with_defaults("fragments = \"drop\""));
    check_all({{first, XDP_DROP, "fragment"}, {later, XDP_DROP, "fragment"}});
    Harness::get().load(with_defaults("fragments = \"accept\"\naction = \"drop\""));
    check_all({{first, XDP_DROP, "policy"}, {later, XDP_DROP, "policy"}});
}

TEST_CASE("ARP, LLDP and link control pass under any default; other EtherTypes have their own") {
    const std::vector<std::pair<uint16_t, std::string>> always{
        {0x0806, "arp"}, {0x88cc, "lldp"}, {0x888e, "link-control"}, {0x0026, "link-control"}};
    for (const std::string defaults :
         {"action = \"drop\"\nnon_ip = \"drop\"", "action = \"drop\""}) {
        Harness::get().load(with_defaults(defaults));
        for (const auto& [ethertype, word] : always) {
            const Outcome outcome = Harness::get().run(ethernet(ethertype, 46), "wan0");
            CHECK(outcome.action == XDP_PASS);
            CHECK(reasons_of(outcome) == word);
        }
    }
    Outcome outcome = Harness::get().run(ethernet(0x8847, 46), "wan0");
    CHECK(outcome.action == XDP_PASS);
    CHECK(reasons_of(outcome) == "other-ethertype");
    Harness::get().load(with_defaults("non_ip = \"drop\""));
    outcome = Harness::get().run(ethernet(0x8847, 46), "wan0");
    CHECK(outcome.action == XDP_DROP);
    CHECK(reasons_of(outcome) == "non-ip");
}

TEST_CASE("what cannot be read is dropped, or passes if the rules say so, under its own reason") {
    Frame frame = frame_of(packet_of("in wan udp 10.1.0.2 192.0.2.1:53"));
    frame.pop_back();
    Harness::get().load(zones_toml);
    Outcome outcome = Harness::get().run(frame, "wan0");
    CHECK(outcome.action == XDP_DROP);
    CHECK(reasons_of(outcome) == "ipv4-total-length");
    Harness::get().load(with_defaults("unparseable = \"accept\""));
    outcome = Harness::get().run(frame, "wan0");
    CHECK(outcome.action == XDP_PASS);
    CHECK(reasons_of(outcome) == "ipv4-total-length unparseable-accepted");
}

TEST_CASE("frames of no zone pass untouched") {
    Harness::get().load(R"(
schema = 1
[defaults]
action = "drop"
[zone.guest]
interfaces = "lan0"
vlan = 30
)");
    const auto interface = [](const std::string& name, const std::string& words) {
        return Harness::get().run(frame_of(packet_of(words)), name);
    };
    const std::string words = "in wan udp 10.1.0.2 192.0.2.1 ";
    CHECK(reasons_of(interface("wan0", words)) == "policy-accept");
    CHECK(reasons_of(interface("lan0", words)) == "policy-accept");
    CHECK(reasons_of(interface("lan0", words + "vlan 31")) == "policy-accept");
    CHECK(reasons_of(interface("lan0", words + "vlan 30")) == "policy");
    // A tag that is cut off hides the zone.
    Frame cut = frame_of(packet_of(words + "vlan 31"));
    cut.resize(16);
    CHECK(reasons_of(Harness::get().run(cut, "lan0")) == "vlan-truncated");
    CHECK(reasons_of(Harness::get().run(cut, "wan0")) == "policy-accept");
}

TEST_CASE("a blocked source is dropped before any rule, until its deadline") {
    Harness& harness = Harness::get();
    harness.load(std::string(zones_toml) + "[[rule]]\nname = \"all\"\naction = \"accept\"\n");
    const std::string bad = "in wan tcp 192.0.2.66 10.1.0.2:80";
    CHECK(rules_of(run(bad)) == "all+1");
    harness.block(parse_prefix("192.0.2.64/29").prefix, 0);
    harness.block(parse_prefix("2001:db8:66::/48").prefix, ~0ULL);
    harness.block(parse_prefix("198.51.100.1").prefix, 1); // over since boot
    CHECK(reasons_of(run(bad)) == "block");
    CHECK(run(bad).action == XDP_DROP);
    CHECK(reasons_of(run("in lan udp 2001:db8:66::1 2001:db8::1")) == "block");
    CHECK(rules_of(run("in wan tcp 192.0.2.72 10.1.0.2:80")) == "all+1");
    CHECK(rules_of(run("in wan tcp 10.1.0.2 192.0.2.66:80")) == "all+1");
    CHECK(rules_of(run("in wan tcp 198.51.100.1 10.1.0.2:80")) == "all+1");
    harness.unblock_all();
    CHECK(rules_of(run(bad)) == "all+1");
}

TEST_CASE("interfaces count frames and bytes by verdict") {
    Harness& harness = Harness::get();
    harness.load(std::string(zones_toml) +
                 "[[rule]]\nname = \"r\"\nproto = \"udp\"\naction = \"drop\"\n");
    const pc_iface_counter before = harness.interface_counter("dmz0");
    const Frame dropped = frame_of(packet_of("in dmz udp 10.1.0.2 192.0.2.1:53"));
    const Frame passed = frame_of(packet_of("in dmz tcp 10.1.0.2 192.0.2.1:53"));
    (void)harness.run(dropped, "dmz0"); // ignoring: the counters are asked
    (void)harness.run(passed, "dmz0");  // ignoring: as above
    const pc_iface_counter after = harness.interface_counter("dmz0");
    CHECK(after.packets[PC_IF_DROP] - before.packets[PC_IF_DROP] == 1);
    CHECK(after.bytes[PC_IF_DROP] - before.bytes[PC_IF_DROP] == dropped.size());
    CHECK(after.packets[PC_IF_ACCEPT] - before.packets[PC_IF_ACCEPT] == 1);
    CHECK(after.bytes[PC_IF_ACCEPT] - before.bytes[PC_IF_ACCEPT] == passed.size());
}

} // namespace
} // namespace pc::test
