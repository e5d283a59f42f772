// SPDX-License-Identifier: GPL-3.0-or-later
// Each kind of match in the kernel: what it hits, what it nearly hits, other protocols, both
// families, fragments, and every truncation of what it hits.
#include <catch2/catch.hpp>
#include <linux/bpf.h>

#include "tests/bpf/frames.h"

namespace pc::test {
namespace {

struct MatchCase {
    std::string match; // TOML lines of one rule that drops; everything else is accepted
    std::vector<std::string> hits;
    std::vector<std::string> misses;
};

std::string toml_of(const MatchCase& match) {
    return std::string(zones_toml) + "[set.office]\ntype = \"prefix\"\n" +
           "items = [\"192.0.2.0/24\", \"198.51.100.7\", \"2001:db8:7::/48\"]\n" +
           "exclude = [\"192.0.2.128/25\"]\n" +
           "[set.web]\ntype = \"port\"\nitems = [80, 443, \"8000-8080\"]\n" +
           "[set.tunnel]\ntype = \"proto\"\nitems = [\"gre\", \"esp\"]\n" +
           "[[rule]]\nname = \"r\"\naction = \"drop\"\n" + match.match + "\n";
}

// A frame that was cut short is refused by the parser, whatever the rule.
void check_truncated(const std::string& words) {
    const Packet packet = packet_of(words);
    const Frame whole = frame_of(packet);
    for (size_t size = 14; size < whole.size(); size++) {
        const Frame cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
        const Outcome outcome = Harness::get().run(cut, interface_of(packet));
        INFO("the first " << size << " of " << whole.size() << " bytes of " << words << ": "
                          << reasons_of(outcome));
        CHECK(outcome.action == XDP_DROP);
        CHECK(outcome.rules.empty());
        REQUIRE(outcome.reasons.size() == 1);
        CHECK(outcome.reasons.begin()->first > PC_REASON_REJECT_LIMITED);
    }
}

void check_match(const MatchCase& match) {
    INFO(match.match);
    Harness::get().load(toml_of(match));
    for (const std::string& words : match.hits) {
        INFO("hits: " << words);
        const Outcome outcome = run(words);
        CHECK(outcome.action == XDP_DROP);
        CHECK(rules_of(outcome) == "r+1");
        CHECK(reasons_of(outcome) == "rule");
        check_truncated(words);
    }
    for (const std::string& words : match.misses) {
        INFO("misses: " << words);
        const Outcome outcome = run(words);
        CHECK(outcome.action == XDP_PASS);
        CHECK(rules_of(outcome).empty());
        CHECK(reasons_of(outcome) == "policy-accept");
    }
}

TEST_CASE("src matches prefixes, ranges, sets and negations of both families") {
    check_match({.match = "src = \"192.0.2.0/24\"",
                 .hits = {"in lan tcp 192.0.2.0 10.1.0.9:80", "in lan udp 192.0.2.255 10.1.0.9:80",
                          "in lan icmp 192.0.2.1 10.1.0.9",
                          "in lan udp 192.0.2.1 10.1.0.9 frag first len 96",
                          "in lan udp 192.0.2.1 10.1.0.9 frag non-first len 96"},
                 .misses = {"in lan tcp 192.0.1.255 10.1.0.9:80",
                            "in lan tcp 192.0.3.0 10.1.0.9:80", "in lan tcp 10.1.0.9 192.0.2.1:80",
                            // The same first 32 bits in the other family.
                            "in lan tcp c000:0200:: 2001:db8::1"}});
    check_match({.match = "src = \"2001:db8:7::/48\"",
                 .hits = {"in lan tcp 2001:db8:7:: 2001:db8::1",
                          "in lan udp 2001:db8:7:ffff:ffff:ffff:ffff:ffff 2001:db8::1",
                          "in lan udp 2001:db8:7::1 2001:db8::1 frag non-first len 96"},
                 .misses = {"in lan tcp 2001:db8:8:: 2001:db8::1",
                            "in lan tcp 2001:db8:6:ffff:: 2001:db8::1",
                            "in lan tcp 32.1.13.184 10.1.0.9"}});
    check_match({.match = "src = \"192.0.2.3-192.0.2.9\"",
                 .hits = {"in lan tcp 192.0.2.3 10.1.0.9", "in lan tcp 192.0.2.9 10.1.0.9"},
                 .misses = {"in lan tcp 192.0.2.2 10.1.0.9", "in lan tcp 192.0.2.10 10.1.0.9"}});
    check_match({.match = "src = \"@office\"",
                 .hits = {"in lan tcp 192.0.2.127 10.1.0.9", "in lan tcp 198.51.100.7 10.1.0.9",
                          "in lan tcp 2001:db8:7::1 2001:db8::1"},
                 .misses = {"in lan tcp 192.0.2.128 10.1.0.9", "in lan tcp 198.51.100.8 10.1.0.9",
                            "in lan tcp 2001:db8:8::1 2001:db8::1"}});
    check_match(
        {.match = "src = [\"!@office\"]",
         .hits = {"in lan tcp 192.0.2.128 10.1.0.9", "in lan tcp 2001:db8:8::1 2001:db8::1"},
         .misses = {"in lan tcp 192.0.2.127 10.1.0.9", "in lan tcp 2001:db8:7::1 2001:db8::1"}});
}

TEST_CASE("dst matches as src does, and both must hold") {
    check_match(
        {.match = "dst = [\"198.51.100.0/24\", \"!198.51.100.64/26\"]",
         .hits = {"in lan tcp 10.1.0.9 198.51.100.63:1", "in wan udp 10.1.0.9 198.51.100.128"},
         .misses = {"in lan tcp 10.1.0.9 198.51.100.64:1", "in lan tcp 198.51.100.1 10.1.0.9:1",
                    "in lan tcp 2001:db8::1 2001:db8::2"}});
    check_match({.match = "dst = \"2001:db8:7::/64\"\nsrc = \"2001:db8:1::5\"",
                 .hits = {"in lan tcp 2001:db8:1::5 [2001:db8:7::1]:80"},
                 .misses = {"in lan tcp 2001:db8:1::6 [2001:db8:7::1]:80",
                            "in lan tcp 2001:db8:1::5 [2001:db8:7:1::1]:80"}});
}

TEST_CASE("the longest prefix does not hide the lists of shorter ones") {
    Harness::get().load(std::string(zones_toml) + R"(
[[rule]]
name = "narrow"
proto = "icmp"
src = ["10.9.8.0/24", "10.9.7.0/24"]
action = "drop"
[[rule]]
name = "broad"
proto = "tcp"
src = ["10.0.0.0/8", "172.16.0.0/12"]
action = "drop"
)");
    CHECK(rules_of(run("in lan tcp 10.9.8.1 192.0.2.1:80")) == "broad+1");
    CHECK(rules_of(run("in lan icmp 10.9.8.1 192.0.2.1")) == "narrow+1");
    CHECK(rules_of(run("in lan icmp 10.9.9.1 192.0.2.1")).empty());
}

TEST_CASE("proto matches numbers, names, sets and negations") {
    check_match({.match = "proto = \"udp\"",
                 .hits = {"in lan udp 10.1.0.2 192.0.2.1:53", "in lan udp 2001:db8::1 2001:db8::2",
                          "in lan udp 10.1.0.2 192.0.2.1 frag non-first len 96"},
                 .misses = {"in lan tcp 10.1.0.2 192.0.2.1:53", "in lan icmp 10.1.0.2 192.0.2.1",
                            "in lan udplite 10.1.0.2 192.0.2.1:53"}});
    check_match({.match = "proto = \"@tunnel\"",
                 .hits = {"in lan gre 10.1.0.2 192.0.2.1", "in lan esp 2001:db8::1 2001:db8::2"},
                 .misses = {"in lan 48 10.1.0.2 192.0.2.1", "in lan tcp 2001:db8::1 2001:db8::2"}});
    check_match(
        {.match = "proto = \"!tcp\"",
         .hits = {"in lan udp 10.1.0.2 192.0.2.1:53", "in lan 255 10.1.0.2 192.0.2.1"},
         .misses = {"in lan tcp 10.1.0.2 192.0.2.1", "in lan tcp 2001:db8::1 2001:db8::2"}});
}

TEST_CASE("dport and sport match ports of packets that have ports") {
    check_match({.match = "proto = [\"tcp\", \"udp\"]\ndport = 22",
                 .hits = {"in lan tcp 10.1.0.2 192.0.2.1:22", "in lan udp 10.1.0.2 192.0.2.1:22",
                          "in lan tcp 2001:db8::1 [2001:db8::2]:22",
                          "in lan udp 10.1.0.2 192.0.2.1:22 frag first len 96",
                          "in lan udp 2001:db8::1 [2001:db8::2]:22 frag first len 96"},
                 .misses = {"in lan tcp 10.1.0.2 192.0.2.1:21", "in lan tcp 10.1.0.2 192.0.2.1:23",
                            "in lan tcp 10.1.0.2:22 192.0.2.1:80",
                            "in lan sctp 10.1.0.2 192.0.2.1:22", "in lan icmp 10.1.0.2 192.0.2.1",
                            "in lan udp 10.1.0.2 192.0.2.1 frag non-first len 96",
                            "in lan udp 2001:db8::1 2001:db8::2 frag non-first len 96"}});
    check_match({.match = "proto = \"udp\"\ndport = \"!53\"",
                 .hits = {"in lan udp 10.1.0.2 192.0.2.1:52", "in lan udp 10.1.0.2 192.0.2.1:0"},
                 .misses = {"in lan udp 10.1.0.2 192.0.2.1:53", "in lan tcp 10.1.0.2 192.0.2.1:52",
                            "in lan udp 10.1.0.2 192.0.2.1 frag non-first len 96"}});
    check_match(
        {.match = "proto = \"tcp\"\ndport = [\"@web\", \"!8080\"]",
         .hits = {"in lan tcp 10.1.0.2 192.0.2.1:443", "in lan tcp 10.1.0.2 192.0.2.1:8079",
                  "in lan tcp 2001:db8::1 [2001:db8::2]:8000"},
         .misses = {"in lan tcp 10.1.0.2 192.0.2.1:8080", "in lan tcp 10.1.0.2 192.0.2.1:7999",
                    "in lan udp 10.1.0.2 192.0.2.1:443"}});
    check_match(
        {.match = "proto = \"udp\"\nsport = \"1000-2000\"",
         .hits = {"in lan udp 10.1.0.2:1000 192.0.2.1:9", "in lan udp 10.1.0.2:2000 192.0.2.1:9",
                  "in lan udp [2001:db8::1]:1500 2001:db8::2"},
         .misses = {"in lan udp 10.1.0.2:999 192.0.2.1:9", "in lan udp 10.1.0.2:2001 192.0.2.1:9",
                    "in lan udp 10.1.0.2:9 192.0.2.1:1500",
                    "in lan udp 10.1.0.2 192.0.2.1 frag non-first len 96"}});
}

TEST_CASE("icmp_type and icmp_code match ICMP of the right family") {
    check_match({.match = "proto = \"icmp\"\nicmp_type = 8",
                 .hits = {"in lan icmp 10.1.0.2 192.0.2.1 type 8",
                          "in lan icmp 10.1.0.2 192.0.2.1 type 8 code 5"},
                 .misses = {"in lan icmp 10.1.0.2 192.0.2.1 type 7",
                            "in lan icmp 10.1.0.2 192.0.2.1 frag non-first len 96",
                            "in lan icmp6 2001:db8::1 2001:db8::2 type 8",
                            "in lan udp 10.1.0.2 192.0.2.1:8"}});
    check_match({.match = "proto = \"icmp6\"\nicmp_type = [1, \"!2\"]\nicmp_code = \"1-3\"",
                 .hits = {"in lan icmp6 2001:db8::1 2001:db8::2 type 1 code 3"},
                 .misses = {"in lan icmp6 2001:db8::1 2001:db8::2 type 1 code 0",
                            "in lan icmp6 2001:db8::1 2001:db8::2 type 2 code 1",
                            "in lan icmp6 2001:db8::1 2001:db8::2 frag non-first len 96",
                            "in lan tcp 2001:db8::1 2001:db8::2"}});
}

TEST_CASE("tcp_flags matches conjunctions, several of which are alternatives") {
    check_match({.match = "proto = \"tcp\"\ntcp_flags = [\"syn,!ack\", \"rst\"]",
                 .hits = {"in lan tcp 10.1.0.2 192.0.2.1 flags syn",
                          "in lan tcp 10.1.0.2 192.0.2.1 flags syn,fin",
                          "in lan tcp 2001:db8::1 2001:db8::2 flags rst,ack",
                          "in lan tcp 10.1.0.2 192.0.2.1 flags syn frag first len 96"},
                 .misses = {"in lan tcp 10.1.0.2 192.0.2.1 flags syn,ack",
                            "in lan tcp 10.1.0.2 192.0.2.1 flags ack",
                            "in lan tcp 10.1.0.2 192.0.2.1 frag non-first len 96",
                            "in lan udp 10.1.0.2 192.0.2.1"}});
    check_match({.match = "proto = \"tcp\"\ntcp_flags = \"!syn\"",
                 .hits = {"in lan tcp 10.1.0.2 192.0.2.1 flags ack"},
                 .misses = {"in lan tcp 10.1.0.2 192.0.2.1 flags syn",
                            "in lan tcp 10.1.0.2 192.0.2.1 frag non-first len 96"}});
}

TEST_CASE("frag tells whole packets, first and later fragments apart") {
    const std::vector<std::string> whole{"in lan udp 10.1.0.2 192.0.2.1", "in lan tcp ::2 ::3"};
    const std::vector<std::string> first{"in lan udp 10.1.0.2 192.0.2.1 frag first len 96",
                                         "in lan udp 2001:db8::2 2001:db8::3 frag first len 96"};
    const std::vector<std::string> later{
        "in lan udp 10.1.0.2 192.0.2.1 frag non-first len 96",
        "in lan udp 2001:db8::2 2001:db8::3 frag non-first len 96"};
    const auto both = [](std::vector<std::string> left, const std::vector<std::string>& right) {
        left.insert(left.end(), right.begin(), right.end());
        return left;
    };
    check_match({.match = "frag = \"none\"", .hits = whole, .misses = both(first, later)});
    check_match({.match = "frag = \"first\"", .hits = first, .misses = both(whole, later)});
    check_match({.match = "frag = \"non-first\"", .hits = later, .misses = both(whole, first)});
    check_match({.match = "frag = \"any\"", .hits = both(first, later), .misses = whole});
}

TEST_CASE("len, dscp and ttl match the header's fields") {
    check_match({.match = "len = \"100-200\"",
                 .hits = {"in lan udp 10.1.0.2 192.0.2.1 len 100", "in lan tcp ::2 ::3 len 200"},
                 .misses = {"in lan udp 10.1.0.2 192.0.2.1 len 99", "in lan tcp ::2 ::3 len 201"}});
    check_match({.match = "dscp = [46, \"10-12\"]",
                 .hits = {"in lan udp 10.1.0.2 192.0.2.1 dscp 46", "in lan tcp ::2 ::3 dscp 12"},
                 .misses = {"in lan udp 10.1.0.2 192.0.2.1 dscp 45", "in lan tcp ::2 ::3 dscp 13",
                            "in lan udp 10.1.0.2 192.0.2.1"}});
    check_match({.match = "ttl = \"!2-255\"",
                 .hits = {"in lan udp 10.1.0.2 192.0.2.1 ttl 1", "in lan tcp ::2 ::3 ttl 0"},
                 .misses = {"in lan udp 10.1.0.2 192.0.2.1 ttl 2", "in lan tcp ::2 ::3 ttl 255"}});
}

TEST_CASE("vlan matches the outermost id, and untagged frames") {
    check_match({.match = "vlan = \"100-200\"",
                 .hits = {"in wan udp 10.1.0.2 192.0.2.1 vlan 100", "in wan tcp ::2 ::3 vlan 200"},
                 .misses = {"in wan udp 10.1.0.2 192.0.2.1 vlan 99", "in wan tcp ::2 ::3"}});
    check_match({.match = "vlan = \"untagged\"",
                 .hits = {"in wan udp 10.1.0.2 192.0.2.1"},
                 .misses = {"in wan udp 10.1.0.2 192.0.2.1 vlan 1"}});
    check_match({.match = "vlan = \"!untagged\"",
                 .hits = {"in wan udp 10.1.0.2 192.0.2.1 vlan 4094"},
                 .misses = {"in wan udp 10.1.0.2 192.0.2.1"}});
}

TEST_CASE("src_mac matches the sender's Ethernet address") {
    check_match({.match = "src_mac = [\"02:00:00:00:00:11\", \"02:00:00:00:00:12\"]",
                 .hits = {"in lan udp 10.1.0.2 192.0.2.1 mac 02:00:00:00:00:12",
                          "in lan tcp ::2 ::3 mac 02:00:00:00:00:11"},
                 .misses = {"in lan udp 10.1.0.2 192.0.2.1 mac 02:00:00:00:00:13"}});
    check_match({.match = "src_mac = \"!02:00:00:00:00:11\"",
                 .hits = {"in lan udp 10.1.0.2 192.0.2.1 mac 02:00:00:00:00:12"},
                 .misses = {"in lan udp 10.1.0.2 192.0.2.1 mac 02:00:00:00:00:11"}});
}

TEST_CASE("in matches zones by interface and VLAN") {
    check_match(
        {.match = "in = [\"lan\", \"dmz\"]",
         .hits = {"in lan udp 10.1.0.2 192.0.2.1", "in dmz tcp ::2 ::3"},
         .misses = {"in wan udp 10.1.0.2 192.0.2.1", "in guest udp 10.1.0.2 192.0.2.1 vlan 30"}});
    check_match({.match = "in = \"!lan\"",
                 .hits = {"in wan udp 10.1.0.2 192.0.2.1", "in guest tcp ::2 ::3 vlan 30"},
                 .misses = {"in lan udp 10.1.0.2 192.0.2.1"}});
}

} // namespace
} // namespace pc::test
