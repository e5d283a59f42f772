// SPDX-License-Identifier: GPL-3.0-or-later
// What is wrong with a rule set as a whole. The exact words are in tests/golden.
#include "rules/check.h"

#include <chrono>
#include <random>

#include "rules/contents.h"
#include "rules/meaning.h"
#include "rules/region.h"
#include "tests/support/rules_text.h"

using namespace pc;
using namespace pc::test;

namespace {

AddressRange range(std::string_view text) {
    return range_of(parse_prefix(text).prefix);
}

Environment router() {
    Environment environment;
    environment.self = {range("192.0.2.1")};
    environment.local = {range("192.0.2.0/24")};
    environment.today = Date{2026, 10, 1};
    return environment;
}

// "W101 W110": the codes of all diagnostics.
std::string codes(const std::string& text, const Environment& environment = router()) {
    Parsed parsed = parse_text("schema = 1\n" + text);
    check(parsed.rules, environment, parsed.diagnostics);
    std::string out;
    for (const Diagnostic& diagnostic : parsed.diagnostics.list) {
        out += (out.empty() ? "" : " ") + diagnostic.code;
    }
    return out;
}

std::string rule(const std::string& name, const std::string& keys,
                 const std::string& action = "drop") {
    return "[[rule]]\nname = \"" + name + "\"\naction = \"" + action + "\"\n" + keys + "\n";
}

const std::string zones =
    "[zone.wan]\ninterfaces = [\"eth0\"]\n[zone.lan]\ninterfaces = [\"eth1\"]\n";

// Whether a second rule with `inner` is found to be covered by one with `outer`.
bool covered(const std::string& outer, const std::string& inner) {
    return codes(zones + rule("outer", outer) + rule("inner", inner, "accept")).find("W101") !=
           std::string::npos;
}

} // namespace

TEST_CASE("a rule is covered by an earlier one that holds each of its values") {
    CHECK(covered("src = \"10.0.0.0/8\"", "src = \"10.1.0.0/16\""));
    CHECK(covered("src = \"10.0.0.0/8\"", "src = [\"10.1.0.0/16\", \"10.2.0.1-10.2.0.9\"]"));
    CHECK(covered("src = [\"10.0.0.0/9\", \"10.128.0.0/9\"]", "src = \"10.0.0.0/8\""));
    CHECK(covered("proto = \"tcp\"", "proto = \"tcp\"\ndport = 22"));
    CHECK(covered("proto = \"tcp\"\ndport = \">=1\"", "proto = \"tcp\"\ndport = [22, \"80-90\"]"));
    CHECK(covered("proto = \"tcp\"\ntcp_flags = \"syn\"",
                  "proto = \"tcp\"\ntcp_flags = \"syn,!ack\""));
    CHECK(covered("in = [\"lan\", \"wan\"]\nproto = 6", "in = \"wan\"\nproto = \"tcp\""));
    CHECK(covered("in = \"!lan\"\nproto = 6", "in = \"wan\"\nproto = \"tcp\""));
    CHECK(covered("src_mac = \"!00:16:3e:00:00:01\"", "src_mac = \"00:16:3e:00:00:02\""));
    CHECK(covered("len = \">=100\"\nttl = \"<=64\"", "len = 200\nttl = 1"));
    CHECK(covered("frag = \"any\"", "frag = \"first\""));
    CHECK(covered("dst = \"@self\"", "dst = \"192.0.2.1\"\nproto = \"tcp\""));
    CHECK(covered("src = \"@any\"\nlen = 60", "len = 60"));
    CHECK(covered("state = [\"new\", \"invalid\"]", "state = \"new\""));
    CHECK(covered("proto = 6", "proto = 6\nstate = \"established\""));
    CHECK(covered("state = \"!new\"\nproto = 6", "state = \"related\"\nproto = 6"));
}

TEST_CASE("a rule is not covered by one that leaves something out") {
    CHECK_FALSE(covered("src = \"10.0.0.0/8\"", "src = [\"10.1.0.0/16\", \"11.0.0.0/8\"]"));
    CHECK_FALSE(covered("src = \"10.0.0.0/8\"", "dst = \"10.1.0.0/16\""));
    CHECK_FALSE(covered("src = \"0.0.0.0/0\"", "len = 60"));
    CHECK_FALSE(covered("proto = \"tcp\"\ndport = 22", "proto = \"tcp\""));
    CHECK_FALSE(
        covered("proto = \"tcp\"\ndport = \"0-65535\"", "proto = \"tcp\"")); // later fragments
    CHECK_FALSE(covered("in = \"lan\"\nproto = 6", "proto = \"tcp\""));
    CHECK_FALSE(covered("frag = \"none\"\nlen = 60", "len = 60"));
    CHECK_FALSE(covered("state = \"established\"", "state = \"new\""));
    CHECK_FALSE(covered("state = \"established\"\nproto = 6", "proto = 6"));
    CHECK_FALSE(covered("state = \"!invalid\"", "state = [\"new\", \"invalid\"]"));
    CHECK_FALSE(covered("src_mac = \"!00:16:3e:00:00:01\"", "src_mac = \"!00:16:3e:00:00:02\""));
    // An xdp rule does not see what the router itself sends; a tc rule does.
    CHECK_FALSE(covered("proto = \"tcp\"", "proto = \"tcp\"\nout = \"wan\""));
    CHECK(covered("proto = \"tcp\"", "proto = \"tcp\"\nout = \"wan\"\nin = \"lan\""));
    CHECK_FALSE(covered("out = \"wan\"\nproto = 6", "proto = \"tcp\""));
}

TEST_CASE("nothing is said of a dynamic set that the next entry may change") {
    const std::string sets = "[set.a]\ndynamic = true\n[set.b]\ndynamic = true\n"
                             "[set.net]\nitems = [\"192.0.2.0/24\"]\n";
    const auto both = [&](const std::string& outer, const std::string& inner) {
        Environment environment = router();
        environment.dynamic["a"] = {range("0.0.0.0/0"), range("::/0")};
        return codes(sets + rule("outer", outer) + rule("inner", inner, "accept") +
                         rule("uses", "src = [\"@a\", \"@b\", \"@net\"]", "count"),
                     environment);
    };
    CHECK(both("src = \"@a\"", "src = \"192.0.2.1\"") == "");
    CHECK(both("src = \"192.0.2.0/24\"", "src = \"@b\"") == "");
    CHECK(both("src = \"@a\"", "src = \"@b\"") == "");
    CHECK(both("src = \"@a\"", "src = \"@a\"\nproto = \"tcp\"") == "W101");
    CHECK(both("src = \"!@a\"", "src = \"@b\"") == "");
    CHECK(codes("[set.a]\ndynamic = true\n") == "W110");
}

TEST_CASE("sets that depend on the router are compared by name where they are not known") {
    const Environment nowhere;
    const auto both = [&](const std::string& outer, const std::string& inner) {
        return codes(rule("outer", outer) + rule("inner", inner, "accept"), nowhere);
    };
    CHECK(both("dst = \"@self\"", "dst = \"192.0.2.1\"") == "");
    CHECK(both("dst = \"192.0.2.0/24\"", "dst = \"@self\"") == "");
    CHECK(both("dst = \"@self\"", "dst = \"@self\"\nproto = \"tcp\"") == "W101");
    CHECK(both("dst = \"@local\"", "dst = \"@self\"") == "");
    CHECK(codes(rule("alone", "src = \"@self\""), nowhere) == "");
}

TEST_CASE("rules that are off cover nothing") {
    CHECK(codes(rule("off", "len = 1\ndisabled = true") + rule("on", "len = 1")) == "");
    CHECK(codes(rule("over", "len = 1\nuntil = 2026-09-30") + rule("on", "len = 1")) == "W120");
    CHECK(codes(rule("today", "len = 1\nuntil = 2026-10-01") + rule("on", "len = 1")) == "W101");
}

TEST_CASE("no warning rests on a rule that has errors") {
    CHECK(codes(rule("bad", "src = \"10.0.0\"") + rule("good", "src = \"10.1.0.0/16\"")) == "E031");
    CHECK(codes("[set.s]\nitems = [\"10.0.0.0/33\"]\n" + rule("x", "src = \"@s\"")) == "E032");
    CHECK(codes("[set.s]\nitems = []\n" + rule("x", "src = \"@z\"")) == "E021");
}

TEST_CASE("a rule about known flows never matches where these pass before the rules") {
    const std::string known = "[zone.lan]\ninterfaces = [\"eth1\"]\nestablished = true\n"
                              "[zone.wan]\ninterfaces = [\"eth0\"]\n";
    CHECK(codes(known + rule("x", "in = \"lan\"\nstate = \"established\"")) == "W101");
    CHECK(codes(known + rule("x", "in = \"lan\"\nstate = [\"established\", \"related\"]")) ==
          "W101");
    CHECK(codes(known + rule("x", "in = \"lan\"\nstate = [\"established\", \"new\"]", "accept")) ==
          "");
    CHECK(codes(known + rule("x", "in = \"!wan\"\nstate = \"related\"")) == "W101");
    CHECK(codes(known + rule("x", "in = [\"lan\", \"wan\"]\nstate = \"related\"")) == "");
    CHECK(codes(known + rule("x", "state = \"established\"")) == "");
    CHECK(codes(known + rule("x", "state = \"established\"\nout = \"lan\"")) == "");
}

TEST_CASE("limits that no rule has are named") {
    const std::string limit = "[limit.x]\nrate = \"1pps\"\n";
    CHECK(codes(limit) == "W110");
    CHECK(codes(limit + rule("r", "limit = \"x\"\ndisabled = true")) == "");
    CHECK(codes(limit + rule("r", "limit = \"y\"")) == "E023");
    CHECK(codes("[set.s]\nitems = [\"192.0.2.0/24\"]\n[guard]\nexcept = \"@s\"\n") == "");
}

TEST_CASE("catch-all drop rules are told from those that leave neighbour discovery alone") {
    CHECK(codes(zones + rule("all", "")) == "W130");
    CHECK(codes(zones + rule("all", "in = \"lan\"")) == "W130");
    CHECK(codes(zones + rule("all", "out = \"lan\"", "reject")) == "W130");
    CHECK(codes(zones + rule("all", "in = \"lan\"\nout = \"wan\"")) == "");
    CHECK(codes(zones + rule("all", "src = \"0.0.0.0/0\"")) == "");
    CHECK(codes(zones + rule("all", "frag = \"any\"")) == "");
    CHECK(codes("[defaults]\nfamily = \"ipv4\"\n" + rule("all", "")) == "");
    CHECK(codes(zones + rule("all", "state = [\"new\", \"invalid\"]")) == "W130");
    CHECK(codes(zones + rule("all", "state = \"invalid\"")) == "");
    CHECK(codes(zones + rule("nd", "proto = \"icmp6\"\nstate = \"new\"", "accept") +
                rule("all", "")) == "");
    CHECK(codes(zones + rule("nd", "proto = \"icmp6\"\nstate = \"established\"", "accept") +
                rule("all", "")) == "W130");
    CHECK(codes(zones + rule("nd", "proto = \"icmp6\"\nsrc = \"fe80::/10\"", "accept") +
                rule("all", "")) == "");
    CHECK(codes(zones + rule("ping", "proto = \"icmp6\"\nicmp_type = 128", "accept") +
                rule("all", "")) == "W130");
    CHECK(codes(zones + rule("nd", "proto = \"icmp6\"\nin = \"wan\"", "accept") +
                rule("all", "in = \"lan\"")) == "W130");
}

TEST_CASE("an interface is in one zone") {
    const auto meet = [](const std::string& a, const std::string& b) {
        return codes("[zone.a]\n" + a + "\n[zone.b]\n" + b + "\n") == "E071";
    };
    CHECK(meet("interfaces = [\"eth0\"]", "interfaces = [\"eth0\"]"));
    CHECK(meet("interfaces = [\"eth*\"]", "interfaces = [\"eth0\"]"));
    CHECK(meet("interfaces = [\"e*0\"]", "interfaces = [\"et*\"]"));
    CHECK(meet("interfaces = [\"eth?\"]", "interfaces = [\"*1\"]"));
    CHECK(meet("interfaces = [\"eth0\"]\nvlan = [1, 2]", "interfaces = [\"eth0\"]\nvlan = [2, 3]"));
    CHECK(meet("interfaces = [\"eth0\"]\nvlan = \"untagged\"", "interfaces = [\"eth0\"]"));
    CHECK_FALSE(
        meet("interfaces = [\"eth0\"]\nvlan = \"untagged\"", "interfaces = [\"eth0\"]\nvlan = 5"));
    CHECK_FALSE(meet("interfaces = [\"eth0\"]", "interfaces = [\"eth1\", \"ppp*\"]"));
    CHECK_FALSE(meet("interfaces = [\"eth?\"]", "interfaces = [\"eth10\", \"eth\"]"));
}

TEST_CASE("limits are reported at the first thing too many") {
    std::string many;
    for (int i = 0; i < PC_ADDR_LISTS_MAX; ++i) {
        many += rule("r" + std::to_string(i), "src = [\"10.0.0.0/32\", \"10.1." +
                                                  std::to_string(i / 256) + "." +
                                                  std::to_string(i % 256) + "\"]");
    }
    CHECK(codes(many) == "E070");
    many.resize(many.rfind("[[rule]]"));
    CHECK(codes(many) == "");
    std::string ports;
    for (int i = 0; i < PC_NUMBER_SETS_MAX; ++i) {
        ports += rule("p" + std::to_string(i),
                      "proto = \"tcp\"\ndport = [1, " + std::to_string(i + 10) + "]");
    }
    CHECK(codes(ports) == "E070");
    ports.resize(ports.rfind("[[rule]]"));
    CHECK(codes(ports) == "");
    std::string rules;
    for (int i = 0; i <= PC_RULES_MAX; ++i) {
        rules += rule("r" + std::to_string(i), "dst = \"10." + std::to_string(i / 65536) + "." +
                                                   std::to_string(i / 256 % 256) + "." +
                                                   std::to_string(i % 256) + "\"");
    }
    CHECK(codes(rules) == "E070");
    rules.resize(rules.rfind("[[rule]]"));
    CHECK(codes(rules) == "");
}

TEST_CASE("sets of sets that multiply end soon") {
    std::string text = "[set.s0]\nitems = [\"10.0.0.0/32\"]\n";
    for (int i = 1; i < 4096; ++i) {
        text += "[set.s" + std::to_string(i) + "]\nitems = [\"@s" + std::to_string(i - 1) +
                "\", \"11." + std::to_string(i / 128) + "." + std::to_string(2 * i % 256) +
                ".0/24\"]\n";
    }
    CHECK(codes(text + rule("x", "src = \"@s4095\"")) == "");
}

TEST_CASE("thousands of rules are checked quickly") {
    std::string text = zones;
    for (int i = 0; i < 4096; ++i) {
        text += rule("r" + std::to_string(i),
                     "in = \"lan\"\nsrc = \"10." + std::to_string(i / 256) + "." +
                         std::to_string(i % 256) + ".0/24\"\nproto = \"tcp\"\ndport = \"" +
                         std::to_string(i) + "-60000\"");
    }
    Parsed parsed = parse_text("schema = 1\n" + text);
    const auto begin = std::chrono::steady_clock::now();
    check(parsed.rules, router(), parsed.diagnostics);
    const auto taken = std::chrono::steady_clock::now() - begin;
    CHECK(parsed.diagnostics.list.empty());
    CHECK(taken < std::chrono::seconds(2)); // 50 ms on an idle machine
}

TEST_CASE("ranges are united and subtracted") {
    CHECK(united(Numbers{{5, 9}, {1, 2}, {3, 4}, {20, 30}, {25, 40}}) == Numbers{{1, 9}, {20, 40}});
    CHECK(without({{1, 10}, {20, 30}}, {{0, 1}, {4, 5}, {9, 22}, {30, 99}}) ==
          Numbers{{2, 3}, {6, 8}, {23, 29}});
    CHECK(without({{0, UINT32_MAX}}, {{0, UINT32_MAX}}).empty());
    CHECK(without({{0, UINT32_MAX}}, {{5, UINT32_MAX}}) == Numbers{{0, 4}});
    CHECK(covers(Numbers{{1, 9}, {20, 40}}, Numbers{{2, 3}, {9, 9}, {40, 40}}));
    CHECK_FALSE(covers(Numbers{{1, 9}, {20, 40}}, Numbers{{2, 3}, {9, 10}}));
    CHECK(covers(Numbers{}, Numbers{}));
    CHECK(united({range("0.0.0.0/1"), range("128.0.0.0/1"), range("::/0")}) == all_addresses());
    CHECK(without(all_addresses(), {range("::/0")}) == std::vector{range("0.0.0.0/0")});
    CHECK(without({range("255.255.255.0/24")}, {range("255.255.255.255")}).size() == 1);
}

TEST_CASE("a set that names itself holds the rest of its items") {
    Parsed parsed = parse_text(
        "schema = 1\n[set.a]\nitems = [\"10.0.0.0/8\", \"@b\"]\n[set.b]\nitems = [\"11.0.0.0/8\", \"@a\"]\n");
    const Environment environment;
    Contents contents(parsed.rules, environment);
    CHECK_FALSE(contents.address_set("a").ranges.empty());
}

// The oracle agrees: a rule that is said to be covered matches no packet that reaches it.
TEST_CASE("rules said never to match never match in the oracle") {
    std::mt19937 random(7);
    const auto pick = [&](std::initializer_list<const char*> words) {
        return std::string(*(words.begin() + random() % words.size()));
    };
    size_t warned = 0;
    for (int round = 0; round < 150; ++round) {
        std::string text = "schema = 1\n" + zones + pick({"", "established = true\n"});
        for (int i = 0; i < 6; ++i) {
            text +=
                rule("r" + std::to_string(i),
                     pick({"", "in = \"lan\"\n", "in = [\"lan\", \"wan\"]\n", "out = \"wan\"\n"}) +
                         pick({"", "src = \"10.0.0.0/8\"\n", "src = \"10.1.0.0/16\"\n",
                               "src = \"!10.1.0.0/16\"\n", "dst = \"@self\"\n"}) +
                         pick({"", "proto = \"tcp\"\n", "proto = \"tcp\"\ndport = \"1-1023\"\n",
                               "proto = [\"tcp\", \"udp\"]\ndport = 22\n", "proto = \"udp\"\n"}) +
                         pick({"", "", "frag = \"none\"\n", "frag = \"any\"\n"}) +
                         pick({"", "", "state = \"new\"\n", "state = \"!new\"\n",
                               "state = [\"established\", \"related\"]\n"}),
                     pick({"drop", "accept", "count"}));
        }
        Parsed parsed = parse_text(text);
        check(parsed.rules, router(), parsed.diagnostics);
        std::vector<std::string> dead;
        for (const Diagnostic& diagnostic : parsed.diagnostics.list) {
            REQUIRE(diagnostic.severity == Severity::warning);
            if (diagnostic.code == "W101") {
                dead.push_back(diagnostic.message.substr(6, 2));
            }
        }
        warned += dead.size();
        for (int i = 0; i < 100; ++i) {
            Packet packet;
            packet.in =
                random() % 4 == 0 ? std::nullopt : std::optional<std::string>(pick({"lan", "wan"}));
            packet.out =
                random() % 3 == 0 ? std::nullopt : std::optional<std::string>(pick({"lan", "wan"}));
            packet.src = *parse_address(pick({"10.1.2.3", "10.2.0.1", "192.0.2.1", "11.0.0.1"}));
            packet.dst = *parse_address(pick({"192.0.2.1", "198.51.100.1"}));
            packet.proto = random() % 2 == 0 ? 6 : 17;
            packet.state = static_cast<pc_state_bit>(1U << random() % 4);
            packet.frag = random() % 4 == 0   ? PC_FRAG_LATER
                          : random() % 4 == 0 ? PC_FRAG_FIRST
                                              : PC_FRAG_NONE;
            if (packet.frag != PC_FRAG_LATER) {
                packet.sport = 40000;
                packet.dport = random() % 2 == 0 ? 22 : 8080;
            }
            for (const Step& step : verdict_of(parsed.rules, router(), packet).steps) {
                CAPTURE(text, step.rule, step.why);
                CHECK_FALSE(
                    (step.matched && std::find(dead.begin(), dead.end(), step.rule) != dead.end()));
            }
        }
    }
    CHECK(warned > 50);
}
