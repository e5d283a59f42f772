// SPDX-License-Identifier: GPL-3.0-or-later
// What is easily got wrong in a classifier, case by case; each is also asked many packets at its
// edges, against the oracle.
#include <catch2/catch.hpp>

#include "tests/support/written_rules.h"

namespace pc::test {
namespace {

constexpr size_t packets = 1500;

std::string dropping(const std::string& name, const std::string& lines = "") {
    return "[[rule]]\nname = \"" + name + "\"\naction = \"drop\"\n" + lines + "\n";
}

std::string ports(const std::string& name, const std::string& ports) {
    return counting(name, "proto = \"udp\"\ndport = " + ports);
}

std::string udp(uint32_t dport, uint32_t sport = 40000) {
    return "in wan udp 10.0.0.1:" + std::to_string(sport) + " 10.0.0.2:" + std::to_string(dport);
}

void check_edges(WrittenRules& rules) {
    CHECK(rules.first_difference(packets).empty());
}

} // namespace

TEST_CASE("of rules with the same conditions the first decides, and counting goes on before it") {
    WrittenRules rules(counting("one", "src = \"10.0.0.0/8\"") +
                       counting("two", "src = \"10.0.0.0/8\"") +
                       dropping("three", "src = \"10.0.0.0/8\"") +
                       dropping("four", "src = \"10.0.0.0/8\"") + counting("five"));
    CHECK(rules.from("10.0.0.1") == "one two three ");
    CHECK(rules.from("11.0.0.1") == "five ");
    check_edges(rules);
}

TEST_CASE("a broad rule shadows narrow ones behind it and none before it") {
    WrittenRules rules(dropping("host", "src = \"10.1.2.3\"") +
                       dropping("net", "src = \"10.1.2.0/24\"\nproto = \"tcp\"\ndport = 80") +
                       dropping("all", "src = \"10.0.0.0/8\"") +
                       dropping("never", "src = \"10.1.2.4\"\nproto = \"udp\""));
    CHECK(rules.ask("in wan udp 10.1.2.3 10.0.0.9") == "host ");
    CHECK(rules.ask("in wan tcp 10.1.2.4 10.0.0.9:80") == "net ");
    CHECK(rules.ask("in wan tcp 10.1.2.4 10.0.0.9:81") == "all ");
    CHECK(rules.ask("in wan udp 10.1.2.4 10.0.0.9:80") == "all ");
    check_edges(rules);
}

TEST_CASE("negated lists hold for all that they do not name and that could be named") {
    WrittenRules rules(counting("src", "src = [\"!10.0.0.0/8\", \"!2001:db8::/32\"]") +
                       counting("dst", "dst = [\"10.0.0.0/8\", \"!10.1.0.0/16\"]") +
                       counting("port", "proto = \"udp\"\ndport = [\"!53\", \"!1024-65535\"]") +
                       counting("some", "proto = \"udp\"\ndport = [\"50-60\", \"!53\"]") +
                       counting("proto", "proto = [\"!tcp\", \"!udp\"]") +
                       counting("zone", "in = \"!wan\"") +
                       counting("type", "proto = \"icmp\"\nicmp_type = \"!8\"") +
                       counting("ttl", "ttl = \"!64\"\nlen = \"!40-1500\"") +
                       counting("mac", "src_mac = \"!02:00:00:00:00:01\""));
    CHECK(rules.ask(udp(53)) == "dst ");
    CHECK(rules.ask(udp(52)) == "dst port some ");
    CHECK(rules.ask(udp(1023)) == "dst port ");
    CHECK(rules.ask(udp(1024)) == "dst ");
    CHECK(rules.ask("in wan udp 10.0.0.1 11.0.0.1 frag non-first") == "");
    CHECK(rules.ask("in wan icmp 10.0.0.1 11.0.0.1 type 8") == "proto ");
    CHECK(rules.ask("in wan icmp 10.0.0.1 11.0.0.1 type 9") == "proto type ");
    CHECK(rules.ask("in lan tcp 11.0.0.1 10.1.0.0") == "src zone ");
    CHECK(rules.ask("in lan tcp 11.0.0.1 10.2.0.0") == "src dst zone ");
    check_edges(rules);
}

TEST_CASE("ranges of ports that touch, nest deeper than there are layers, and overlap") {
    WrittenRules touching(ports("low", "\"1-99\"") + ports("mid", "\"100-199\"") +
                          ports("high", "\"200-65535\"") + ports("zero", "0"));
    CHECK(touching.ask(udp(0)) == "zero ");
    CHECK(touching.ask(udp(99)) == "low ");
    CHECK(touching.ask(udp(100)) == "mid ");
    CHECK(touching.ask(udp(200)) == "high ");
    CHECK(touching.ask(udp(65535)) == "high ");
    check_edges(touching);
    std::string nested;
    for (unsigned depth = 0; depth < 12; depth++) {
        nested +=
            ports("n" + std::to_string(depth), "\"" + std::to_string(1000 + depth * 10) + "-" +
                                                   std::to_string(2000 - depth * 10) + "\"");
    }
    WrittenRules nests(nested);
    CHECK(nests.ask(udp(1009)) == "n0 ");
    CHECK(nests.ask(udp(1030)) == "n0 n1 n2 n3 ");
    CHECK(nests.ask(udp(1970)) == "n0 n1 n2 n3 ");
    CHECK(nests.ask(udp(1971)) == "n0 n1 n2 ");
    CHECK(nests.ask(udp(1500)) == "n0 n1 n2 n3 n4 n5 n6 n7 n8 n9 n10 n11 ");
    check_edges(nests);
    std::string crossing;
    for (unsigned i = 0; i < 10; i++) {
        crossing += ports("c" + std::to_string(i), "\"" + std::to_string(1000 + i * 50) + "-" +
                                                       std::to_string(1200 + i * 50) + "\"");
    }
    WrittenRules crosses(crossing);
    CHECK(crosses.ask(udp(1200)) == "c0 c1 c2 c3 c4 ");
    CHECK(crosses.ask(udp(1201)) == "c1 c2 c3 c4 ");
    check_edges(crosses);
}

TEST_CASE("ranges of both ports in one rule, and of one port in many") {
    std::string text;
    for (unsigned i = 0; i < 30; i++) {
        const std::string low = std::to_string(i * 97);
        const std::string high = std::to_string(i * 131 + 2000);
        text += counting("r" + std::to_string(i), "proto = \"udp\"\nsport = \"" + low + "-" + high +
                                                      "\"\ndport = \"" + high + "-60000\"");
    }
    WrittenRules rules(text);
    check_edges(rules);
}

TEST_CASE("the whole range of ports is asked for a port, and nothing else has one") {
    WrittenRules rules(ports("all", "\"0-65535\"") + counting("any", "proto = \"udp\""));
    CHECK(rules.ask(udp(0)) == "all any ");
    CHECK(rules.ask(udp(65535)) == "all any ");
    CHECK(rules.ask("in wan udp 10.0.0.1 10.0.0.2 frag non-first") == "any ");
    CHECK(rules.ask("in wan icmp 10.0.0.1 10.0.0.2") == "");
    check_edges(rules);
}

TEST_CASE("ICMP types and codes stand where ports do, and never match as ports") {
    const std::string icmp = "proto = \"icmp\"\nicmp_type = ";
    WrittenRules rules(
        counting("type8", icmp + "8") + counting("code0", icmp + "8\nicmp_code = 0") +
        counting("types", icmp + "\"0-15\"") + counting("list", icmp + "[3, 8, \"11-12\"]") +
        counting("six", "proto = \"icmp6\"\nicmp_type = 8") +
        counting("sport8", "proto = [\"tcp\", \"udp\"]\nsport = 8") +
        counting("both", "proto = \"udp\"\nsport = 8\ndport = 0") +
        counting("sports", "proto = \"udp\"\nsport = \"0-15\"") +
        counting("code", "proto = \"icmp\"\nicmp_code = 0"));
    CHECK(rules.ask("in wan icmp 10.0.0.1 10.0.0.2 type 8 code 0") ==
          "type8 code0 types list code ");
    CHECK(rules.ask("in wan icmp 10.0.0.1 10.0.0.2 type 8 code 1") == "type8 types list ");
    CHECK(rules.ask("in wan icmp 10.0.0.1 10.0.0.2 type 15 code 0") == "types code ");
    CHECK(rules.ask("in wan icmp 10.0.0.1 10.0.0.2 type 16 code 0") == "code ");
    CHECK(rules.ask("in wan icmp6 2001:db8::1 2001:db8::2 type 8") == "six ");
    CHECK(rules.ask(udp(0, 8)) == "sport8 both sports ");
    CHECK(rules.ask("in wan tcp 10.0.0.1:8 10.0.0.2:0") == "sport8 ");
    CHECK(rules.ask("in wan icmp 10.0.0.1 10.0.0.2 frag non-first") == "");
    check_edges(rules);
}

TEST_CASE("fragments: the first has ports, later ones have not and meet no rule with ports") {
    WrittenRules rules(counting("port", "proto = \"udp\"\ndport = 53") +
                       counting("proto", "proto = \"udp\"") +
                       counting("later", "frag = \"non-first\"") +
                       counting("first", "frag = \"first\"\nproto = \"udp\"\ndport = \"50-60\"") +
                       counting("any", "frag = \"any\""));
    CHECK(rules.ask("in wan udp 10.0.0.1 10.0.0.2:53") == "port proto ");
    CHECK(rules.ask("in wan udp 10.0.0.1 10.0.0.2:53 frag first") == "port proto first any ");
    CHECK(rules.ask("in wan udp 10.0.0.1 10.0.0.2 frag non-first") == "proto later any ");
    check_edges(rules);
}

TEST_CASE("rules for one zone among rules for all, and packets from none") {
    WrittenRules rules(counting("wan", "in = \"wan\"\nsrc = \"10.0.0.0/8\"") +
                       counting("all", "src = \"10.0.0.0/8\"") +
                       counting("lan", "in = \"lan\"\nsrc = \"10.0.0.0/8\"") +
                       counting("two", "in = [\"lan\", \"guest\"]") +
                       counting("not", "in = \"!guest\""));
    CHECK(rules.ask("in wan tcp 10.0.0.1 10.0.0.2") == "wan all not ");
    CHECK(rules.ask("in lan tcp 10.0.0.1 10.0.0.2") == "all lan two not ");
    CHECK(rules.ask("in guest tcp 10.0.0.1 10.0.0.2 vlan 30") == "all two ");
    Packet nowhere;
    nowhere.in = "";
    nowhere.src = nowhere.dst = parse_address("10.0.0.1").value();
    CHECK(found(rules.host, rules.plan, nowhere) == "all ");
    CHECK(expected(rules.world, nowhere) == "all ");
    check_edges(rules);
}

TEST_CASE("rules meet packets of the states that they name") {
    WrittenRules rules(counting("new", "proto = \"tcp\"\nstate = \"new\"") +
                       counting("known", "state = [\"established\", \"related\"]") +
                       counting("valid", "state = \"!invalid\"\nin = \"wan\"") +
                       counting("none", "state = [\"new\", \"!new\"]") + counting("all"));
    CHECK(rules.ask("in wan tcp 10.0.0.1 10.0.0.2") == "new valid all ");
    CHECK(rules.ask("in wan tcp 10.0.0.1 10.0.0.2 state established") == "known valid all ");
    CHECK(rules.ask("in lan tcp 10.0.0.1 10.0.0.2 state related") == "known all ");
    CHECK(rules.ask("in wan tcp ::1 ::2 state invalid") == "all ");
    CHECK(rules.ask("in wan tcp 10.0.0.1 10.0.0.2 frag non-first state invalid") == "all ");
    rules.world.shape.states = true;
    check_edges(rules);
}

TEST_CASE("an edit changes which states a rule names, but not limits and how flows are followed") {
    const std::string limit = "[limit.x]\nrate = \"10pps\"\n[flows]\n";
    const std::string rule = "limit = \"x\"\nproto = \"tcp\"";
    WrittenRules rules(limit + counting("a", rule));
    CHECK(rules.edit(limit + counting("a", rule + "\nstate = \"new\"")).ok());
    CHECK(rules.ask("in wan tcp 10.0.0.1 10.0.0.2") == "a ");
    CHECK(rules.ask("in wan tcp 10.0.0.1 10.0.0.2 state established") == "");
    CHECK(rules.edit(limit + counting("a", "proto = \"tcp\"")).ok());
    const auto other = rules.edit("[limit.x]\nrate = \"11pps\"\n[flows]\n" + counting("a", rule));
    REQUIRE_FALSE(other.ok());
    CHECK(other.error().message == "limits changed");
    const auto flows = rules.edit(limit + "udp_new = \"1s\"\n" + counting("a", rule));
    REQUIRE_FALSE(flows.ok());
    CHECK(flows.error().message == "defaults changed");
}

TEST_CASE("the router's own packets meet rules at TC only") {
    WrittenRules rules(counting("xdp", "dst = \"10.0.0.0/8\"") +
                       counting("out", "dst = \"10.0.0.0/8\"\nout = \"wan\"") +
                       counting("not", "dst = \"10.0.0.0/8\"\nout = \"!wan\"") +
                       counting("in", "in = \"lan\"\nout = \"wan\""));
    CHECK(rules.ask("from self tcp 192.0.2.1 10.0.0.2 out wan") == "out ");
    CHECK(rules.ask("from self tcp 192.0.2.1 10.0.0.2 out lan") == "not ");
    CHECK(rules.ask("in lan tcp 192.0.2.1 10.0.0.2 out wan") == "xdp out in ");
    CHECK(rules.ask("in lan tcp 192.0.2.1 10.0.0.2") == "xdp ");
    rules.world.shape.own_percent = 60;
    check_edges(rules);
}

TEST_CASE("lists of ports that are too long for entries, and lists of protocols") {
    std::string many = "[";
    for (unsigned port = 1000; port < 1000 + 20 * 7; port += 7) {
        many += (port > 1000 ? ", " : "") + std::to_string(port);
    }
    many += ", \"3000-3009\", \"5000-65535\"]";
    WrittenRules rules(ports("many", many) +
                       counting("few", "proto = \"udp\"\ndport = [1007, 3005, \"65000-65535\"]") +
                       counting("protos", "proto = [\"udp\", \"tcp\", \"sctp\"]\ndport = " + many) +
                       counting("numbers", "proto = [1, 2, 3, 47, 50, 89, 200, 255]") +
                       counting("sets", "proto = [\"udp\", \"udplite\"]\nsport = " + many +
                                            "\ndport = [1007, 3005]"));
    CHECK(rules.ask(udp(1007)) == "many few protos sets ");
    CHECK(rules.ask(udp(1008)) == "");
    CHECK(rules.ask(udp(3009)) == "many protos ");
    CHECK(rules.ask(udp(3010)) == "");
    CHECK(rules.ask(udp(3005, 65535)) == "many few protos sets ");
    CHECK(rules.ask("in wan 255 10.0.0.1 10.0.0.2") == "numbers ");
    check_edges(rules);
}

TEST_CASE("the first and the last addresses, and all of them") {
    WrittenRules rules(
        counting("all4", "src = \"0.0.0.0/0\"") + counting("all6", "src = \"::/0\"") +
        counting("both", "src = [\"0.0.0.0/0\", \"::/0\"]") +
        counting("zero", "src = \"0.0.0.0\"") + counting("top", "src = \"255.255.255.255\"") +
        counting("last", "src = \"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\"") +
        counting("none", "src = \"::\"") +
        counting("ends", "src = [\"0.0.0.0\", \"255.255.255.255\", \"::\", "
                         "\"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\"]") +
        counting("not", "src = [\"!0.0.0.0\", \"!255.255.255.255\", \"!::\", "
                        "\"!ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\"]"));
    CHECK(rules.from("0.0.0.0") == "all4 both zero ends ");
    CHECK(rules.from("0.0.0.1") == "all4 both not ");
    CHECK(rules.from("255.255.255.254") == "all4 both not ");
    CHECK(rules.from("255.255.255.255") == "all4 both top ends ");
    CHECK(rules.from("::") == "all6 both none ends ");
    CHECK(rules.from("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == "all6 both last ends ");
    CHECK(rules.from("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe") == "all6 both not ");
    check_edges(rules);
}

TEST_CASE("prefixes of IPv6 at and around the 32-bit words of an address") {
    std::string text;
    for (const unsigned length : {1, 31, 32, 33, 48, 63, 64, 65, 95, 96, 97, 127, 128}) {
        Prefix prefix{parse_address("2001:db8:1:2:8001:8001:8001:8001").value(), 128};
        prefix = {prefix.address, static_cast<uint8_t>(length)};
        for (size_t bit = length; bit < 128; bit++) {
            prefix.address.bytes.at(bit / 8) &= static_cast<uint8_t>(~(0x80U >> (bit % 8)));
        }
        const std::string name = std::to_string(length);
        text += counting("s" + name, "src = \"" + to_string(prefix) + "\"");
        text += counting("d" + name, "dst = \"" + to_string(prefix) + "\"\nproto = \"tcp\"");
        text +=
            counting("l" + name, "src = [\"" + to_string(prefix) + "\", \"2001:db8:ffff::/48\"]");
    }
    WrittenRules rules(text);
    CHECK(rules.from("2001:db8:1:2:8001:8001:8001:8000") ==
          "s1 d1 l1 s31 d31 l31 s32 d32 l32 s33 d33 l33 s48 l48 s63 l63 s64 l64 s65 l65 s95 l95 "
          "s96 l96 s97 l97 s127 l127 ");
    check_edges(rules);
}

TEST_CASE("prefixes that touch, in rules and in lists") {
    WrittenRules rules(counting("left", "src = \"10.0.0.0/25\"") +
                       counting("right", "src = \"10.0.0.128/25\"") +
                       counting("next", "src = \"10.0.1.0/24\"") +
                       counting("one", "src = [\"10.0.0.0/25\", \"10.0.1.0/24\"]") +
                       counting("join", "src = [\"10.0.0.128/25\", \"10.0.1.0/25\"]") +
                       counting("v6", "src = \"2001:db8::/33\"") +
                       counting("six", "src = [\"2001:db8:8000::/33\", \"2001:db9::/32\"]"));
    CHECK(rules.from("10.0.0.127") == "left one ");
    CHECK(rules.from("10.0.0.128") == "right join ");
    CHECK(rules.from("10.0.1.127") == "next one join ");
    CHECK(rules.from("10.0.1.128") == "next one ");
    CHECK(rules.from("10.0.2.0") == "");
    CHECK(rules.from("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff") == "v6 ");
    CHECK(rules.from("2001:db8:8000::") == "six ");
    CHECK(rules.from("2001:dba::") == "");
    check_edges(rules);
}

TEST_CASE("one address in several sets, as source and as destination") {
    const std::string sets = "[set.a]\nitems = [\"10.0.0.0/8\", \"192.0.2.1\"]\n"
                             "[set.b]\nitems = [\"10.1.0.0/16\", \"192.0.2.1\", \"192.0.2.9\"]\n"
                             "[set.c]\nitems = [\"@a\", \"@b\", \"2001:db8::/32\"]\n"
                             "exclude = [\"10.1.2.0/24\"]\n";
    WrittenRules rules(sets + counting("a", "src = \"@a\"") + counting("b", "src = \"@b\"") +
                       counting("c", "src = \"@c\"") + counting("not", "src = \"!@c\"") +
                       counting("to", "dst = [\"@b\", \"@c\"]") +
                       counting("ab", "src = \"@a\"\ndst = \"@b\""));
    CHECK(rules.ask("in wan tcp 192.0.2.1 192.0.2.9") == "a b c to ab ");
    CHECK(rules.ask("in wan tcp 10.1.2.3 10.1.2.3") == "a b not to ab ");
    CHECK(rules.ask("in wan tcp 10.1.3.0 10.2.0.0") == "a b c to ");
    check_edges(rules);
}

} // namespace pc::test
