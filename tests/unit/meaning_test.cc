// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/meaning.h"

#include "tests/support/random_rules.h"
#include "tests/support/rules_text.h"

using namespace pc;
using namespace pc::test;

namespace {

const std::string zones = R"(
[zone.wan]
interfaces = ["wan0"]
[zone.lan]
interfaces = ["lan0"]
)";

Environment surroundings() {
    Environment environment;
    environment.self = {range_of(parse_prefix("203.0.113.1").prefix)};
    environment.local = {range_of(parse_prefix("203.0.113.0/24").prefix)};
    environment.today = Date{2026, 11, 22};
    return environment;
}

Meaning ask(const std::string& text, const std::string& packet) {
    const RuleSet rules = rules_of(text);
    return verdict_of(rules, surroundings(), packet_of(rules, packet));
}

// One rule with these keys: "yes" or "no", and why.
std::string why(const std::string& keys, const std::string& packet,
                const std::string& sections = "") {
    const Meaning meaning = ask(
        zones + sections + "[[rule]]\nname = \"asked\"\naction = \"drop\"\n" + keys + "\n", packet);
    REQUIRE(meaning.steps.size() == 1);
    return (meaning.steps[0].matched ? "yes: " : "no: ") + meaning.steps[0].why;
}

// The verdict and what gave it: "drop a", "accept (policy-accept)".
std::string verdict(const std::string& text, const std::string& packet) {
    const Meaning meaning = ask(zones + text, packet);
    return std::string(to_string(meaning.verdict)) + " " +
           (meaning.rule ? *meaning.rule : "(" + meaning.reason + ")");
}

std::string rule(const std::string& name, const std::string& keys) {
    return "[[rule]]\nname = \"" + name + "\"\n" + keys + "\n";
}

} // namespace

TEST_CASE("ports match at both ends of a range and not beyond") {
    const std::string keys = "proto = [\"tcp\", \"udp\"]\ndport = [\"80-90\", 443]";
    CHECK(why(keys, "in wan tcp 10.0.0.1 10.0.0.2:80") == "yes: proto tcp, dport 80 in 80-90");
    CHECK(why(keys, "in wan udp 10.0.0.1 10.0.0.2:90") == "yes: proto udp, dport 90 in 80-90");
    CHECK(why(keys, "in wan tcp ::1 [::2]:443") == "yes: proto tcp, dport 443");
    CHECK(why(keys, "in wan tcp 10.0.0.1 10.0.0.2:79") == "no: dport 79 not in 80-90, 443");
    CHECK(why(keys, "in wan tcp 10.0.0.1 10.0.0.2:91") == "no: dport 91 not in 80-90, 443");
    CHECK(why(keys, "in wan sctp 10.0.0.1 10.0.0.2:80") == "no: proto sctp not in tcp, udp");
    CHECK(why("proto = \"tcp\"\nsport = 179", "in wan tcp 10.0.0.1:22 10.0.0.2:179") ==
          "no: sport 22 is not 179");
}

TEST_CASE("a rule that names ports never matches a packet without them") {
    const std::string later = "in wan udp 10.0.0.1 10.0.0.2 frag non-first";
    CHECK(why("proto = \"udp\"\ndport = 53", later) == "no: no ports: later fragment");
    CHECK(why("proto = \"udp\"\ndport = \"!53\"", later) == "no: no ports: later fragment");
    CHECK(why("proto = \"udp\"\ndport = \"!53\"", "in wan udp 10.0.0.1 10.0.0.2:53 frag first") ==
          "no: dport 53 is ruled out by !53");
    CHECK(why("proto = \"udp\"\ndport = \"!53\"", "in wan udp 10.0.0.1 10.0.0.2:54 frag first") ==
          "yes: proto udp, dport 54 is not 53");

    // Not even where nobody asked for a protocol.
    RuleSet rules = rules_of(zones + rule("asked", "action = \"drop\""));
    rules.rules[0].match.dport.push_back({true, {}, {53, 53}, {}});
    const Packet ping = packet_of(rules, "in wan icmp 10.0.0.1 10.0.0.2");
    CHECK(verdict_of(rules, {}, ping).steps[0].why == "no ports: icmp packet");
}

TEST_CASE("a list holds what a positive item holds and no negated one does") {
    const std::string keys = "src = [\"10.0.0.0/8\", \"!10.1.0.0/16\", \"192.0.2.7\"]";
    CHECK(why(keys, "in wan tcp 10.0.0.0 1.1.1.1") == "yes: src in 10.0.0.0/8");
    CHECK(why(keys, "in wan tcp 10.255.255.255 1.1.1.1") == "yes: src in 10.0.0.0/8");
    CHECK(why(keys, "in wan tcp 10.1.0.0 1.1.1.1") ==
          "no: src in 10.1.0.0/16 is ruled out by !10.1.0.0/16");
    CHECK(why(keys, "in wan tcp 10.0.255.255 1.1.1.1") == "yes: src in 10.0.0.0/8");
    CHECK(why(keys, "in wan tcp 192.0.2.7 1.1.1.1") == "yes: src is 192.0.2.7");
    CHECK(why(keys, "in wan tcp 11.0.0.0 1.1.1.1") == "no: src not in 10.0.0.0/8, 192.0.2.7");
    CHECK(why(keys, "in wan tcp 9.255.255.255 1.1.1.1") == "no: src not in 10.0.0.0/8, 192.0.2.7");
}

TEST_CASE("negated addresses alone leave all others, of both families") {
    const std::string keys = "dst = \"!10.0.0.0/8\"";
    CHECK(why(keys, "in wan tcp 1.1.1.1 10.0.0.1") ==
          "no: dst in 10.0.0.0/8 is ruled out by !10.0.0.0/8");
    CHECK(why(keys, "in wan tcp 1.1.1.1 11.0.0.1") == "yes: dst not in 10.0.0.0/8");
    CHECK(why(keys, "in wan tcp ::1 ::2") == "yes: dst not in 10.0.0.0/8");
}

TEST_CASE("an IPv4 prefix never holds an IPv6 address, nor the other way round") {
    CHECK(why("src = \"0.0.0.0/0\"", "in wan tcp ::1 ::2") == "no: src not in 0.0.0.0/0");
    CHECK(why("src = \"::/0\"", "in wan tcp 1.1.1.1 2.2.2.2") == "no: src not in ::/0");
    CHECK(why("src = \"::ffff:0:0/96\"", "in wan tcp 1.1.1.1 2.2.2.2") ==
          "no: src not in ::ffff:0.0.0.0/96");
    CHECK(why("src = \"::/0\"", "in wan tcp ::1 ::2") == "yes: src in ::/0");
}

TEST_CASE("[defaults] family leaves a rule one family") {
    const std::string only4 = "[defaults]\nfamily = \"ipv4\"\n";
    CHECK(why("", "in wan tcp 1.1.1.1 2.2.2.2", only4) == "yes: family ipv4");
    CHECK(why("", "in wan tcp ::1 ::2", only4) == "no: family ipv6");
    CHECK(why("", "in wan tcp ::1 ::2") == "yes: no conditions");
}

TEST_CASE("built-in sets") {
    const std::string local = "src = \"@local\"";
    CHECK(why(local, "in wan tcp 203.0.113.255 1.1.1.1") == "yes: src in 203.0.113.0/24 (@local)");
    CHECK(why(local, "in wan tcp 203.0.114.0 1.1.1.1") == "no: src not in @local");
    const std::string named = "[host]\nlocal = [\"198.51.100.0/24\"]\n";
    CHECK(why(local, "in wan tcp 203.0.113.255 1.1.1.1", named) == "no: src not in @local");
    CHECK(why(local, "in wan tcp 198.51.100.1 1.1.1.1", named) ==
          "yes: src in 198.51.100.0/24 (@local)");
    const std::string dmz = "[zone.dmz]\ninterfaces = [\"dmz0\"]\nprefixes = [\"192.0.2.0/24\"]\n";
    CHECK(why(local, "in wan tcp 192.0.2.1 1.1.1.1", dmz) == "yes: src in 192.0.2.0/24 (@local)");
    CHECK(why(local, "in wan tcp 192.0.2.1 1.1.1.1", named + dmz) ==
          "yes: src in 192.0.2.0/24 (@local)");

    CHECK(why("dst = \"@self\"", "in wan tcp 1.1.1.1 203.0.113.1") ==
          "yes: dst is 203.0.113.1 (@self)");
    CHECK(why("dst = \"@self\"", "in wan tcp 1.1.1.1 203.0.113.2") == "no: dst not in @self");
    CHECK(why("dst = \"@any\"", "in wan tcp ::1 ::2") == "yes: dst in @any");
    CHECK(why("dst = \"!@any\"", "in wan tcp ::1 ::2") == "no: dst in @any is ruled out by !@any");
    const std::string management = "[host]\nmanagement = [\"192.168.1.0/24\"]\n";
    CHECK(why("src = \"@management\"", "in wan tcp 192.168.1.1 1.1.1.1", management) ==
          "yes: src in 192.168.1.0/24 (@management)");
    CHECK(why("src = \"@bogons\"", "in wan tcp 127.0.0.1 1.1.1.1").starts_with("yes: src in 127."));
    CHECK(why("src = \"@bogons\"", "in wan tcp 8.8.8.8 1.1.1.1") == "no: src not in @bogons");
}

TEST_CASE("named sets with files, exclusion and sets inside sets") {
    const std::string sets = R"(
[set.office]
items = ["192.0.2.0/24"]
exclude = ["192.0.2.64/26"]
[set.all]
items = ["@office", "198.51.100.0/24"]
)";
    CHECK(why("src = \"@all\"", "in wan tcp 192.0.2.63 1.1.1.1", sets) ==
          "yes: src in 192.0.2.0/24 (set all, set office)");
    CHECK(why("src = \"@all\"", "in wan tcp 192.0.2.64 1.1.1.1", sets) == "no: src not in @all");
    CHECK(why("src = \"!@all\"", "in wan tcp 192.0.2.64 1.1.1.1", sets) == "yes: src not in @all");
    CHECK(why("src = \"!@office\"", "in wan tcp 192.0.2.128 1.1.1.1", sets) ==
          "no: src in 192.0.2.0/24 (set office) is ruled out by !@office");

    const RuleSet rules = rules_of(zones + "[set.drop]\nfile = \"drop.txt\"\n" +
                                       rule("asked", "src = \"@drop\"\naction = \"drop\""),
                                   {{"drop.txt", "45.148.10.0/24\n2001:db8:666::/48\n"}});
    const Packet bad = packet_of(rules, "in wan tcp 45.148.10.14 203.0.113.7:22");
    CHECK(verdict_of(rules, {}, bad).steps[0].why == "src in 45.148.10.0/24 (set drop)");

    const std::string ports = "[set.web]\ntype = \"port\"\nitems = [80, \"8080-8089\"]\n"
                              "exclude = [8083]\n[set.l4]\ntype = \"proto\"\nitems = [\"udp\"]\n";
    CHECK(why("proto = \"tcp\"\ndport = \"@web\"", "in wan tcp ::1 [::2]:8084", ports) ==
          "yes: proto tcp, dport 8084 in @web");
    CHECK(why("proto = \"tcp\"\ndport = \"@web\"", "in wan tcp ::1 [::2]:8083", ports) ==
          "no: dport 8083 not in @web");
    CHECK(why("proto = \"@l4\"", "in wan udp ::1 ::2", ports) == "yes: proto udp in @l4");
}

TEST_CASE("ICMP types and codes, of ICMP in IPv4 and of ICMPv6 in IPv6") {
    const std::string keys =
        "proto = [\"icmp\", \"icmp6\"]\nicmp_type = [3, 128]\nicmp_code = \"!4\"";
    CHECK(why(keys, "in wan icmp 1.1.1.1 2.2.2.2 type 3") ==
          "yes: proto icmp, icmp_type 3, icmp_code 0 is not 4");
    CHECK(why(keys, "in wan icmp 1.1.1.1 2.2.2.2 type 3 code 4") ==
          "no: icmp_code 4 is ruled out by !4");
    CHECK(why(keys, "in wan icmp6 ::1 ::2 type echo-request") ==
          "yes: proto icmp6, icmp_type 128, icmp_code 0 is not 4");
    CHECK(why(keys, "in wan icmp 1.1.1.1 2.2.2.2 type 4") == "no: icmp_type 4 not in 3, 128");
    CHECK(why(keys, "in wan icmp 1.1.1.1 2.2.2.2 frag non-first") ==
          "no: no icmp type: later fragment");
    CHECK(why(keys, "in wan udp 1.1.1.1 2.2.2.2") == "no: proto udp not in icmp, icmp6");
}

TEST_CASE("TCP flags are conjunctions, several are alternatives") {
    const std::string keys = "proto = \"tcp\"\ntcp_flags = [\"syn,!ack\", \"rst\"]";
    const std::string packet = "in wan tcp 1.1.1.1 2.2.2.2 ";
    CHECK(why(keys, packet) == "yes: proto tcp, tcp_flags syn");
    CHECK(why(keys, packet + "flags syn,ece,cwr") == "yes: proto tcp, tcp_flags syn,ece,cwr");
    CHECK(why(keys, packet + "flags rst,ack") == "yes: proto tcp, tcp_flags rst,ack");
    CHECK(why(keys, packet + "flags syn,ack") == "no: tcp_flags syn,ack is not syn,!ack or rst");
    CHECK(why(keys, packet + "flags none") == "no: tcp_flags none is not syn,!ack or rst");
    CHECK(why(keys, packet + "frag non-first") == "no: no tcp flags: later fragment");
}

TEST_CASE("fragments are told apart") {
    const std::string whole = "in wan udp 1.1.1.1 2.2.2.2";
    CHECK(why("frag = \"any\"", whole) == "no: frag none is not any");
    CHECK(why("frag = \"any\"", whole + " frag first") == "yes: frag first");
    CHECK(why("frag = \"any\"", whole + " frag non-first") == "yes: frag non-first");
    CHECK(why("frag = \"first\"", whole + " frag non-first") == "no: frag non-first is not first");
    CHECK(why("frag = \"none\"", whole + " frag first") == "no: frag first is not none");
    CHECK(why("frag = \"none\"", whole) == "yes: frag none");
}

TEST_CASE("length, DSCP, TTL, VLAN and source MAC") {
    const std::string packet = "in wan udp 1.1.1.1 2.2.2.2 ";
    CHECK(why("len = \">=400\"", packet + "len 400") == "yes: len 400 in >=400");
    CHECK(why("len = \">=400\"", packet + "len 399") == "no: len 399 not in >=400");
    CHECK(why("len = \"64-128\"", packet + "len 129") == "no: len 129 is not 64-128");
    CHECK(why("dscp = [46, 0]", packet + "dscp 46") == "yes: dscp 46");
    CHECK(why("dscp = \"!46\"", packet + "dscp 46") == "no: dscp 46 is ruled out by !46");
    CHECK(why("ttl = \"1-2\"", packet + "ttl 3") == "no: ttl 3 is not 1-2");
    CHECK(why("ttl = \"1-2\"", packet + "ttl 2") == "yes: ttl 2 in 1-2");
    CHECK(why("vlan = 30", packet) == "no: vlan untagged is not 30");
    CHECK(why("vlan = \"untagged\"", packet) == "yes: vlan untagged");
    CHECK(why("vlan = 0", packet) == "yes: vlan untagged");
    CHECK(why("vlan = \"!30\"", packet) == "yes: vlan untagged is not 30");
    CHECK(why("vlan = \"30-31\"", packet + "vlan 31") == "yes: vlan 31 in 30-31");
    CHECK(why("src_mac = \"02:00:00:00:00:01\"", packet + "mac 02:00:00:00:00:01") ==
          "yes: src_mac 02:00:00:00:00:01");
    CHECK(why("src_mac = \"!02:00:00:00:00:01\"", packet + "mac 02:00:00:00:00:02") ==
          "yes: src_mac 02:00:00:00:00:02 is not 02:00:00:00:00:01");
    CHECK(why("src_mac = \"!02:00:00:00:00:01\"", packet) == "no: src_mac is not known");
}

TEST_CASE("a rule that names a zone never matches a packet without it") {
    CHECK(why("in = \"wan\"", "in wan udp ::1 ::2") == "yes: in wan");
    CHECK(why("in = \"!wan\"", "in wan udp ::1 ::2") == "no: in wan is ruled out by !wan");
    CHECK(why("in = \"!wan\"", "in lan udp ::1 ::2") == "yes: in lan is not wan");
    CHECK(why("out = \"wan\"", "in lan udp ::1 ::2") == "no: out is not known");
    CHECK(why("out = \"!wan\"", "in lan udp ::1 ::2") == "no: out is not known");
    CHECK(why("out = \"!wan\"", "in lan udp ::1 ::2 out lan") == "yes: out lan is not wan");
    CHECK(why("in = \"!lan\"\nout = \"wan\"", "udp ::1 ::2 out wan") ==
          "no: in is none: the router's own packet");

    RuleSet rules = rules_of(zones + rule("asked", "in = \"!wan\"\naction = \"drop\""));
    Packet packet = packet_of(rules, "in lan udp ::1 ::2");
    packet.in = "";
    CHECK(verdict_of(rules, {}, packet).steps[0].why == "in is no zone");
}

TEST_CASE("the first matching rule that ends the walk decides, by priority") {
    const std::string text =
        rule("last", "priority = 30\naction = \"accept\"") +
        rule("first", "priority = 10\nsrc = \"10.0.0.0/8\"\naction = \"drop\"") +
        rule("second", "priority = 20\nproto = \"udp\"\naction = \"reject\"");
    CHECK(verdict(text, "in wan udp 10.0.0.1 10.0.0.2") == "drop first");
    CHECK(verdict(text, "in wan udp 11.0.0.1 10.0.0.2") == "reject second");
    CHECK(verdict(text, "in wan tcp 11.0.0.1 10.0.0.2") == "accept last");

    const Meaning meaning = ask(zones + text, "in wan udp 11.0.0.1 10.0.0.2");
    REQUIRE(meaning.steps.size() == 2);
    CHECK(meaning.steps[0].rule == "first");
    CHECK_FALSE(meaning.steps[0].matched);
    CHECK(meaning.steps[1].matched);
    CHECK(meaning.hook == Hook::xdp);
}

TEST_CASE("count and mark do what they say and the walk goes on") {
    const std::string text = rule("all", "action = \"count\"") +
                             rule("low", "action = \"mark\"\nmark = \"0x12/0xff\"") +
                             rule("nibble", "action = \"mark\"\nmark = \"0x3/0xf\"") +
                             rule("high", "action = \"mark\"\nmark = \"0x100/0x300\"") +
                             rule("end", "action = \"drop\"");
    const Meaning meaning = ask(zones + text, "in wan udp ::1 ::2");
    CHECK(meaning.steps.size() == 5);
    CHECK(meaning.rule == "end");
    CHECK(meaning.mark == Mark{0x113, 0x3ff});
    CHECK_FALSE(ask(zones + rule("end", "action = \"drop\""), "in wan udp ::1 ::2").mark);
}

TEST_CASE("disabled and over-date rules are not asked") {
    const std::string text = rule("off", "disabled = true\naction = \"drop\"") +
                             rule("over", "until = 2026-11-21\naction = \"drop\"") +
                             rule("last-day", "until = 2026-11-22\naction = \"reject\"");
    const Meaning meaning = ask(zones + text, "in wan udp ::1 ::2");
    CHECK(meaning.rule == "last-day");
    CHECK(meaning.steps.size() == 1);
}

TEST_CASE("a rule that names out or inspects runs on hook tc, in one list with the others") {
    const std::string text =
        "[inspect.web]\nport = 8443\nexclude = [\"192.168.1.9\", \"198.51.100.0/24\"]\n" +
        rule("xdp", "in = \"lan\"\nproto = \"tcp\"\ndport = 25\naction = \"drop\"") +
        rule("web", "out = \"wan\"\nproto = \"tcp\"\ndport = 443\naction = \"inspect\"\n"
                    "inspect = \"web\"") +
        rule("rest", "out = \"wan\"\naction = \"reject\"");
    CHECK(verdict(text, "in lan tcp 192.168.1.2 1.1.1.1:25 out wan") == "drop xdp");
    CHECK(verdict(text, "in lan tcp 192.168.1.2 1.1.1.1:443 out wan") == "inspect web");
    CHECK(verdict(text, "in lan tcp 192.168.1.2 1.1.1.1:443") == "accept (policy-accept)");
    CHECK(verdict(text, "in lan tcp 192.168.1.9 1.1.1.1:443 out wan") == "reject rest");
    CHECK(verdict(text, "in lan tcp 192.168.1.2 198.51.100.1:443 out wan") == "reject rest");
    const Meaning meaning = ask(zones + text, "in lan tcp 192.168.1.9 1.1.1.1:443 out wan");
    CHECK(meaning.steps[1].why == "src is 192.168.1.9: excluded by inspect web");
    CHECK(meaning.hook == Hook::tc);
}

TEST_CASE("the router's own packets are asked the tc rules only, and accepted by none") {
    const std::string text = "[defaults]\naction = \"drop\"\nfragments = \"drop\"\n" +
                             rule("xdp", "action = \"drop\"") +
                             rule("tc", "out = \"wan\"\nproto = \"udp\"\naction = \"drop\"");
    CHECK(verdict(text, "udp 1.1.1.1 2.2.2.2 out wan") == "drop tc");
    CHECK(verdict(text, "tcp 1.1.1.1 2.2.2.2 out wan frag first") == "accept (policy-accept)");
    const Meaning meaning = ask(zones + text, "tcp 1.1.1.1 2.2.2.2 out wan");
    CHECK(meaning.steps.size() == 1);
    CHECK(meaning.hook == Hook::tc);
}

TEST_CASE("no rule: the zone's default, else [defaults] action") {
    const std::string drop = "[defaults]\naction = \"drop\"\n";
    const std::string open = "[zone.dmz]\ninterfaces = [\"dmz0\"]\ndefault = \"accept\"\n";
    CHECK(verdict("", "in wan udp ::1 ::2") == "accept (policy-accept)");
    CHECK(verdict(drop, "in wan udp ::1 ::2") == "drop (policy)");
    CHECK(verdict(drop + open, "in dmz udp ::1 ::2") == "accept (policy-accept)");
    CHECK(verdict(drop + open, "in wan udp ::1 ::2") == "drop (policy)");
    CHECK(ask(zones + drop, "in wan udp ::1 ::2").hook == Hook::xdp);
}

TEST_CASE("the default of fragments only ever restricts") {
    const auto with = [](const std::string& fragments, const std::string& action,
                         const std::string& frag) {
        return verdict("[defaults]\naction = \"" + action + "\"\nfragments = \"" + fragments +
                           "\"\n" + rule("dns", "proto = \"udp\"\ndport = 53\naction = \"accept\""),
                       "in wan udp 1.1.1.1 2.2.2.2 frag " + frag);
    };
    CHECK(with("accept", "accept", "non-first") == "accept (policy-accept)");
    CHECK(with("accept", "drop", "non-first") == "drop (policy)");
    CHECK(with("accept-first", "accept", "first") == "accept (policy-accept)");
    CHECK(with("accept-first", "drop", "first") == "drop (policy)");
    CHECK(with("accept-first", "accept", "non-first") == "drop (fragment)");
    CHECK(with("drop", "accept", "first") == "drop (fragment)");
    CHECK(with("drop", "accept", "none") == "accept (policy-accept)");
}

TEST_CASE("what IPv6 and path MTU discovery need passes the default, not a rule") {
    const std::string drop = "[defaults]\naction = \"drop\"\n";
    const auto six = [&](const std::string& type) {
        return verdict(drop, "in wan icmp6 fe80::1 ff02::1 type " + type);
    };
    const std::string passes = "accept (essential-icmp)";
    for (const char* type : {"1 code 7", "2", "3", "4 code 1", "4 code 2", "130", "131", "132",
                             "143", "133 ttl 255", "134 ttl 255", "135 ttl 255", "136 ttl 255"}) {
        INFO(type);
        CHECK(six(type) == passes);
    }
    for (const char* type : {"3 code 1", "4", "4 code 3", "128", "129", "133 ttl 254", "136",
                             "137 ttl 255", "142", "144", "2 frag first"}) {
        INFO(type);
        CHECK(six(type) == "drop (policy)");
    }
    CHECK(verdict(drop, "in wan icmp 1.1.1.1 2.2.2.2 type 3 code 4") == passes);
    CHECK(verdict(drop, "in wan icmp 1.1.1.1 2.2.2.2 type 3 code 3") == "drop (policy)");
    CHECK(verdict(drop, "in wan icmp 1.1.1.1 2.2.2.2 type 11") == passes);
    CHECK(verdict(drop, "in wan icmp 1.1.1.1 2.2.2.2 type 11 code 1") == "drop (policy)");
    CHECK(verdict(drop + rule("all", "proto = \"icmp6\"\naction = \"drop\""),
                  "in wan icmp6 fe80::1 ff02::1 type 135 ttl 255") == "drop all");
    // With an accepting default there is nothing to make an exception from.
    CHECK(verdict("", "in wan icmp6 fe80::1 ff02::1 type 135 ttl 255") == "accept (policy-accept)");
}

TEST_CASE("a blocked source is dropped before all rules, but not the router's own packets") {
    const RuleSet rules = rules_of(zones + rule("all", "action = \"accept\""));
    Environment environment = surroundings();
    environment.dynamic["blocks"] = {range_of(parse_prefix("192.0.2.0/24").prefix)};
    const auto reason = [&](const std::string& packet) {
        const Meaning meaning = verdict_of(rules, environment, packet_of(rules, packet));
        return meaning.rule ? *meaning.rule : meaning.reason;
    };
    CHECK(reason("in wan udp 192.0.2.255 1.1.1.1") == "block");
    CHECK(reason("in wan udp 192.0.3.0 1.1.1.1") == "all");
    CHECK(reason("in wan udp 1.1.1.1 192.0.2.1") == "all");
    CHECK(reason("udp 192.0.2.1 1.1.1.1 out wan") == "policy-accept");
}

TEST_CASE("a dynamic set holds its entries of the moment, and everybody else is outside") {
    const RuleSet rules =
        rules_of(zones + "[set.scrub]\ndynamic = true\n" +
                 rule("to", "dst = [\"@scrub\", \"203.0.113.1\"]\naction = \"drop\"") +
                 rule("not-from", "src = \"!@scrub\"\nproto = \"udp\"\naction = \"reject\""));
    Environment environment = surroundings();
    const auto outcome = [&](const std::string& packet) {
        const Meaning meaning = verdict_of(rules, environment, packet_of(rules, packet));
        return meaning.rule.value_or(meaning.reason);
    };
    CHECK(outcome("in wan tcp 1.1.1.1 192.0.2.1") == "policy-accept");
    CHECK(outcome("in wan tcp 1.1.1.1 203.0.113.1") == "to");
    CHECK(outcome("in wan udp 192.0.2.1 1.1.1.1") == "not-from");
    environment.dynamic["scrub"] = {range_of(parse_prefix("192.0.2.0/24").prefix),
                                    range_of(parse_prefix("192.0.2.7").prefix)};
    CHECK(outcome("in wan tcp 1.1.1.1 192.0.2.1") == "to");
    CHECK(outcome("in wan udp 192.0.2.1 1.1.1.1") == "policy-accept");
    CHECK(outcome("in wan udp ::1 ::2") == "not-from");
    // The blocks are another set.
    CHECK(outcome("in wan tcp 192.0.2.1 1.1.1.1") == "policy-accept");
}

TEST_CASE("states") {
    CHECK(why("state = \"new\"", "in wan tcp 1.1.1.1 2.2.2.2") == "yes: state new");
    CHECK(why("state = \"!invalid\"", "in wan udp ::1 ::2 state related") ==
          "yes: state related is not invalid");
    CHECK(why("state = [\"new\", \"invalid\"]", "in wan udp ::1 ::2 state established") ==
          "no: state established not in new, invalid");
    CHECK(why("state = \"!new\"", "in wan udp ::1 ::2") == "no: state new is ruled out by !new");
    CHECK(why("state = \"established\"\nproto = \"tcp\"",
              "in wan tcp 1.1.1.1 2.2.2.2 frag non-first state established") ==
          "yes: proto tcp, state established");
}

TEST_CASE("packets of known flows pass before the rules where their zone says so") {
    const std::string known = "[zone.guest]\ninterfaces = [\"guest0\"]\nestablished = true\n";
    const std::string text = known + rule("all", "action = \"drop\"");
    CHECK(verdict(text, "in guest tcp 1.1.1.1 2.2.2.2 state established") ==
          "accept (established)");
    CHECK(verdict(text, "in guest icmp 1.1.1.1 2.2.2.2 type 3 state related") ==
          "accept (related)");
    CHECK(verdict(text, "in guest tcp 1.1.1.1 2.2.2.2") == "drop all");
    CHECK(verdict(text, "in guest tcp 1.1.1.1 2.2.2.2 state invalid") == "drop all");
    CHECK(verdict(text, "in wan tcp 1.1.1.1 2.2.2.2 state established") == "drop all");
    CHECK(verdict(text, "tcp 1.1.1.1 2.2.2.2 out guest state established") ==
          "accept (policy-accept)");
    // But behind the blocks.
    const RuleSet rules = rules_of(text);
    Environment environment = surroundings();
    environment.dynamic["blocks"] = {range_of(parse_prefix("1.1.1.1").prefix)};
    const Packet packet = packet_of(rules, "in guest tcp 1.1.1.1 2.2.2.2 state established");
    CHECK(verdict_of(rules, environment, packet).reason == "block");
}

TEST_CASE("limits are taken as not exceeded") {
    const std::string text = "[limit.x]\nrate = \"1/h\"\n" +
                             rule("first", "action = \"accept\"\nlimit = \"x\"") +
                             rule("second", "action = \"drop\"");
    CHECK(verdict(text, "in wan tcp 1.1.1.1 2.2.2.2") == "accept first");
}

TEST_CASE("random rules have all outcomes, and each why belongs to its rule") {
    RandomShape shape;
    shape.out_rules = true;
    shape.inspect_rules = true;
    shape.blocks = true;
    shape.dynamic_sets = true;
    shape.states = true;
    shape.zoneless = true;
    shape.own_percent = 10;
    std::map<std::string, int> outcomes;
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        const RandomCase world = random_rules(seed, shape);
        Dice dice(seed);
        for (int i = 0; i < 100; ++i) {
            const Packet packet = random_packet(dice, world);
            const Meaning meaning = verdict_of(world.rules, world.environment, packet);
            ++outcomes[std::string(to_string(meaning.verdict)) +
                       (meaning.rule ? " rule" : " " + meaning.reason)];
            REQUIRE((meaning.rule.has_value() != meaning.reason.empty()) == false);
            for (const Step& step : meaning.steps) {
                REQUIRE_FALSE(step.why.empty());
            }
            REQUIRE((!meaning.rule ||
                     (meaning.steps.back().rule == *meaning.rule && meaning.steps.back().matched)));
        }
    }
    for (const char* outcome :
         {"accept rule", "drop rule", "reject rule", "inspect rule", "drop policy",
          "accept policy-accept", "accept essential-icmp", "drop fragment", "drop block",
          "accept established", "accept related"}) {
        INFO(outcome);
        CHECK(outcomes[outcome] > 5);
    }
}
