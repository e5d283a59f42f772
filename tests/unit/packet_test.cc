// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/packet.h"

#include "tests/support/random_rules.h"
#include "tests/support/rules_text.h"

using namespace pc;
using namespace pc::test;

namespace {

RuleSet zones() {
    return rules_of("[zone.wan]\ninterfaces = [\"wan0\"]\n[zone.lan]\ninterfaces = [\"lan0\"]\n");
}

Packet read(const std::string& line) {
    return packet_of(zones(), line);
}

// All complaints about the line: "E203 8-10 unknown protocol 'tpc' (did you mean 'tcp'?)".
std::vector<std::string> complaints(const std::string& line) {
    const ParsedPacket parsed = parse_packet(words_of(line), zones());
    CHECK(parsed.line.path == "<cli>");
    std::vector<std::string> texts;
    for (const Diagnostic& found : parsed.diagnostics.list) {
        CHECK(found.at.line == 1);
        texts.push_back(found.code + " " + std::to_string(found.at.col) + "-" +
                        std::to_string(found.at.end_col) + " " + found.message +
                        (found.help.empty() ? "" : " (" + found.help + ")"));
    }
    return texts;
}

std::string complaint(const std::string& line) {
    const std::vector<std::string> all = complaints(line);
    INFO(line);
    REQUIRE(all.size() == 1);
    return all[0];
}

} // namespace

TEST_CASE("a packet with everything said about it") {
    const Packet packet =
        read("packet in lan tcp 192.0.2.1:4000 198.51.100.1:443 out wan flags syn,ack len 1500 "
             "ttl 1 dscp 46 vlan 30 frag first mac 02:00:00:00:00:07");
    CHECK(packet.in == "lan");
    CHECK(packet.out == "wan");
    CHECK(to_string(packet.src) == "192.0.2.1");
    CHECK(to_string(packet.dst) == "198.51.100.1");
    CHECK(packet.proto == 6);
    CHECK(packet.sport == 4000);
    CHECK(packet.dport == 443);
    CHECK(packet.tcp_flags == 0x12);
    CHECK(packet.len == 1500);
    CHECK(packet.ttl == 1);
    CHECK(packet.dscp == 46);
    CHECK(packet.vlan == 30);
    CHECK(packet.frag == PC_FRAG_FIRST);
    CHECK(to_string(packet.src_mac.value()) == "02:00:00:00:00:07");
    CHECK_FALSE(packet.icmp_type);
}

TEST_CASE("what is not said has a sensible value") {
    const Packet tcp = read("in wan tcp 1.1.1.1 2.2.2.2");
    CHECK(tcp.sport == 40000);
    CHECK(tcp.dport == 0);
    CHECK(tcp.tcp_flags == 2);
    CHECK(tcp.frag == PC_FRAG_NONE);
    CHECK(tcp.vlan == PC_VLAN_NONE);
    CHECK_FALSE(tcp.out);
    CHECK_FALSE(tcp.src_mac);
    CHECK(read("in wan icmp 1.1.1.1 2.2.2.2").icmp_type == 8);
    CHECK(read("in wan icmp6 ::1 ::2").icmp_type == 128);
    CHECK(read("in wan icmp6 ::1 ::2").icmp_code == 0);
    CHECK_FALSE(read("in wan icmp 1.1.1.1 2.2.2.2").sport);
    CHECK_FALSE(read("in wan gre 1.1.1.1 2.2.2.2").sport);
    CHECK(read("in wan sctp 1.1.1.1 2.2.2.2").sport == 40000);
    CHECK_FALSE(read("in wan udp 1.1.1.1 2.2.2.2").tcp_flags);
}

TEST_CASE("without `in` it is the router's own packet") {
    CHECK_FALSE(read("udp 1.1.1.1 2.2.2.2 out wan").in);
    CHECK_FALSE(read("packet from self udp 1.1.1.1 2.2.2.2 out wan").in);
    CHECK(read("udp 1.1.1.1 2.2.2.2 in wan").in == "wan");
}

TEST_CASE("IPv6 addresses with and without brackets") {
    CHECK(to_string(read("in wan tcp 2001:db8::1 2001:db8::2").dst) == "2001:db8::2");
    const Packet packet = read("in wan udp [2001:db8::1]:53 [2001:db8::2]:443");
    CHECK(to_string(packet.src) == "2001:db8::1");
    CHECK(packet.sport == 53);
    CHECK(packet.dport == 443);
    CHECK(read("in wan tcp [::1] ::2").sport == 40000);
}

TEST_CASE("protocols, types and flags by name or number") {
    CHECK(read("in wan 47 1.1.1.1 2.2.2.2").proto == 47);
    CHECK(read("in wan 1 ::1 ::2").proto == 1);
    CHECK_FALSE(read("in wan 1 ::1 ::2").icmp_type);
    CHECK(read("in wan icmp6 ::1 ::2 type nd-neighbor-solicit").icmp_type == 135);
    CHECK(read("in wan icmp 1.1.1.1 2.2.2.2 icmp_type 3 icmp-code 4").icmp_type == 3);
    CHECK(read("in wan icmp 1.1.1.1 2.2.2.2 icmp_type 3 icmp-code 4").icmp_code == 4);
    CHECK(read("in wan icmp 1.1.1.1 2.2.2.2 icmp-type destination-unreachable").icmp_type == 3);
    CHECK(read("in wan tcp 1.1.1.1 2.2.2.2 flags none").tcp_flags == 0);
    CHECK(read("in wan tcp 1.1.1.1 2.2.2.2 tcp_flags fin,cwr").tcp_flags == 0x81);
    CHECK(read("in wan udp 1.1.1.1 2.2.2.2 vlan untagged").vlan == PC_VLAN_NONE);
}

TEST_CASE("a later fragment has neither ports nor flags nor types") {
    const Packet packet = read("in wan tcp 1.1.1.1 2.2.2.2 frag non-first");
    CHECK_FALSE(packet.sport);
    CHECK_FALSE(packet.dport);
    CHECK_FALSE(packet.tcp_flags);
    CHECK_FALSE(read("in wan icmp 1.1.1.1 2.2.2.2 frag non-first").icmp_type);
    CHECK(read("in wan udp 1.1.1.1 2.2.2.2:53 frag first").dport == 53);
    CHECK(complaint("in wan udp 1.1.1.1 2.2.2.2:53 frag non-first") ==
          "E210 20-29 a later fragment has no ports");
    CHECK(complaint("in wan tcp 1.1.1.1 2.2.2.2 frag non-first flags syn") ==
          "E210 49-51 a later fragment has no TCP flags");
    CHECK(complaint("in wan icmp 1.1.1.1 2.2.2.2 type 3 frag non-first") ==
          "E210 34-34 a later fragment has no ICMP type or code");
}

TEST_CASE("every bad word is named with its columns") {
    const std::string help =
        " (one address: 192.0.2.1, 192.0.2.1:443, 2001:db8::1 or [2001:db8::1]:443)";
    CHECK(complaints("in lna tpc 1.2.3 [::1]:99999 falgs syn len") ==
          std::vector<std::string>{
              "E202 4-6 no zone named 'lna' (did you mean 'lan'?)",
              "E203 8-10 unknown protocol 'tpc' (did you mean 'tcp'?)",
              "E204 12-16 '1.2.3' is not an address" + help,
              "E205 24-28 '99999' is not a port (a number from 0 to 65535)",
              "E207 30-34 unknown key 'falgs' (did you mean 'flags'?)",
              "E201 43-43 value of 'len' is missing",
          });
}

TEST_CASE("what is missing") {
    const std::string usage = " (explain packet in ZONE PROTO SRC[:PORT] DST[:PORT])";
    CHECK(complaint("") == "E201 1-1 protocol is missing" + usage);
    CHECK(complaint("packet in wan") == "E201 14-14 protocol is missing" + usage);
    CHECK(complaint("in wan tcp") == "E201 11-11 source address is missing" + usage);
    CHECK(complaint("in wan tcp 1.1.1.1") == "E201 19-19 destination address is missing" + usage);
    CHECK(complaints("in").front() == "E201 3-3 value of 'in' is missing");
}

TEST_CASE("bad values") {
    const std::string packet = "in wan udp 1.1.1.1 2.2.2.2 ";
    CHECK(complaint(packet + "ttl 256") ==
          "E208 32-34 '256' is no value of 'ttl' (a number from 0 to 255)");
    CHECK(complaint(packet + "dscp 64") ==
          "E208 33-34 '64' is no value of 'dscp' (a number from 0 to 63)");
    CHECK(complaint(packet + "vlan 4095") ==
          "E208 33-36 '4095' is no value of 'vlan' (a number from 1 to 4094, or untagged)");
    CHECK(complaint(packet + "len -1") ==
          "E208 32-33 '-1' is no value of 'len' (a number from 0 to 65535)");
    CHECK(complaint(packet + "frag any") ==
          "E208 33-35 'any' is no value of 'frag' (none, first or non-first)");
    CHECK(complaint(packet + "mac 1:2") ==
          "E208 32-34 '1:2' is not a MAC address (as in 02:00:00:00:00:01)");
    CHECK(complaint(packet + "out wna") == "E202 32-34 no zone named 'wna' (did you mean 'wan'?)");
    CHECK(complaint(packet + "ttl 1 ttl 2") == "E209 34-36 'ttl' is given twice");
    CHECK(complaint("in wan udp 1.1.1.1 2.2.2.2 in lan") == "E209 28-29 'in' is given twice");
    CHECK(complaint("from lan udp 1.1.1.1 2.2.2.2") ==
          "E208 6-8 'lan' is no value of 'from' (from self, for the router's own packet; else: in "
          "ZONE)");
    CHECK(complaint("in wan tcp 1.1.1.1 2.2.2.2 flags syn,,ack").starts_with("E208 38-38 "));
    CHECK(
        complaint("in wan icmp6 ::1 ::2 type nd-neighbor-solict") ==
        "E208 27-44 unknown ICMP type 'nd-neighbor-solict' (did you mean 'nd-neighbor-solicit'?)");
    CHECK(complaint("in wan icmp 1.1.1.1 2.2.2.2 code 256") ==
          "E208 34-36 '256' is no value of 'code' (a number from 0 to 255)");
}

TEST_CASE("bad addresses") {
    for (const char* address :
         {"1.2.3.4:", "1.2.3.4:x", "1.2.3.4:65536", "[::1", "[::1]x", "[::1]:", "[1.2.3.4]:5",
          "fe80::1%eth0", "10.0.0.0/8", "a.example", ":80", ""}) {
        INFO(address);
        CHECK_FALSE(complaints(std::string("in wan tcp 1.1.1.1 ") + address).empty());
    }
}

TEST_CASE("parts that do not go together") {
    CHECK(complaint("in wan tcp 1.1.1.1 ::1") ==
          "E206 20-22 source and destination are of different families");
    CHECK(complaint("in wan icmp ::1 ::2") ==
          "E206 8-11 'icmp' does not go with IPv6 (write icmp6)");
    CHECK(complaint("in wan icmp6 1.1.1.1 2.2.2.2") ==
          "E206 8-12 'icmp6' does not go with IPv4 (write icmp)");
    CHECK(complaint("in wan gre 1.1.1.1:5 2.2.2.2") == "E210 12-20 gre has no ports");
    CHECK(complaint("in wan udp 1.1.1.1 2.2.2.2 flags syn") == "E210 34-36 udp has no TCP flags");
    CHECK(complaint("in wan udp 1.1.1.1 2.2.2.2 type 8") ==
          "E210 33-33 udp has no ICMP type or code");
}

TEST_CASE("a packet is new unless the line says otherwise") {
    CHECK(read("in wan tcp 1.1.1.1 2.2.2.2").state == PC_STATE_NEW);
    CHECK(read("in wan tcp 1.1.1.1 2.2.2.2 state related").state == PC_STATE_RELATED);
    CHECK(describe(read("in wan tcp 1.1.1.1 2.2.2.2 flags ack state established")) ==
          "ipv4 / tcp ack, established, 60 bytes");
}

TEST_CASE("no line of words crashes the parser") {
    const std::vector<std::string> vocabulary{"packet",     "in",   "wan",
                                              "lan",        "from", "self",
                                              "tcp",        "icmp", "icmp6",
                                              "1.1.1.1",    "::1",  "[::1]:5",
                                              "1.1.1.1:80", "out",  "flags",
                                              "syn,ack",    "none", "len",
                                              "60",         "ttl",  "frag",
                                              "non-first",  "type", "code",
                                              "3",          "mac",  "02:00:00:00:00:01",
                                              "state",      "new",  "invalid",
                                              "",           "!",    "[",
                                              "]",          ":",    ","};
    const RuleSet rules = zones();
    Dice dice(1);
    for (int i = 0; i < 20000; ++i) {
        std::vector<std::string> words;
        for (uint32_t count = dice.below(12); count > 0; --count) {
            words.push_back(dice.pick(vocabulary));
        }
        const ParsedPacket parsed = parse_packet(words, rules);
        if (!parsed.diagnostics.has_errors()) {
            CHECK(parsed.packet.src.family == parsed.packet.dst.family);
            CHECK(has_ports(parsed.packet.proto) >= parsed.packet.sport.has_value());
        }
    }
}

TEST_CASE("a packet in words for people") {
    CHECK(describe(read("in wan tcp 1.1.1.1 2.2.2.2")) == "ipv4 / tcp syn, 60 bytes");
    CHECK(describe(read("in wan icmp6 ::1 ::2 type packet-too-big len 1280")) ==
          "ipv6 / icmp6 packet-too-big, 1280 bytes");
    CHECK(describe(read("in wan icmp 1.1.1.1 2.2.2.2 type 3 code 4")) ==
          "ipv4 / icmp destination-unreachable code 4, 60 bytes");
    CHECK(describe(read("in wan udp 1.1.1.1 2.2.2.2 frag non-first vlan 7")) ==
          "ipv4 / udp, later fragment, vlan 7, 60 bytes");
}

TEST_CASE("the frame of a random packet has the length that the packet says") {
    for (uint64_t seed = 1; seed <= 50; ++seed) {
        const RandomCase world = random_rules(seed);
        Dice dice(seed);
        for (int i = 0; i < 100; ++i) {
            const Packet packet = random_packet(dice, world);
            FrameShape shape = random_frame_shape(dice);
            shape.pppoe = false;
            shape.priority_tag = false;
            shape.inner_tag = false;
            const size_t link = packet.vlan == PC_VLAN_NONE ? 14 : 18;
            const std::vector<std::byte> frame = frame_of(packet, shape);
            REQUIRE(frame.size() == link + packet.len);
            const bool v4 = packet.src.family == Family::v4;
            REQUIRE(static_cast<unsigned>(frame[link]) >> 4U == (v4 ? 4U : 6U));
            REQUIRE(static_cast<uint8_t>(frame[link + (v4 ? 8 : 7)]) == packet.ttl);
        }
    }
}
