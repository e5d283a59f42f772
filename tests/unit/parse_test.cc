// SPDX-License-Identifier: GPL-3.0-or-later
// What text becomes. What is said about wrong text is in tests/golden.
#include "rules/parse.h"

#include <algorithm>

#include "rules/parse_toml.h"
#include "tests/support/rules_text.h"

using namespace pc;
using namespace pc::test;

namespace {

Rule rule_of(const std::string& keys, const std::string& before = "") {
    const RuleSet rules = rules_of(before + "\n[[rule]]\nname = \"x\"\naction = \"drop\"\n" + keys);
    REQUIRE(rules.rules.size() == 1);
    return rules.rules.front();
}

std::vector<NumberRange> ranges(const std::vector<NumberItem>& items) {
    std::vector<NumberRange> out;
    out.reserve(items.size());
    for (const NumberItem& item : items) {
        out.push_back(item.range);
    }
    return out;
}

// The codes of all diagnostics, in order.
std::string codes(const std::string& text, const std::map<std::string, std::string>& files = {}) {
    std::string out;
    for (const Diagnostic& diagnostic : parse_text("schema = 1\n" + text, files).diagnostics.list) {
        out += (out.empty() ? "" : " ") + diagnostic.code;
    }
    return out;
}

} // namespace

TEST_CASE("an empty file accepts everything") {
    const RuleSet rules = rules_of("");
    CHECK(rules.schema == 1);
    CHECK(rules.rules.empty());
    CHECK(rules.defaults.action == Action::accept);
    CHECK_FALSE(rules.defaults.unparseable_accept);
    CHECK(rules.defaults.non_ip_accept);
    CHECK(rules.safety.confirm_seconds == 120);
    CHECK(rules.files.size() == 1);
}

TEST_CASE("states are a list, which may be negated") {
    CHECK(state_bits(rule_of("").match.states) == PC_STATES_ALL);
    CHECK(state_bits(rule_of("state = \"new\"").match.states) == PC_STATE_NEW);
    CHECK(state_bits(rule_of("state = [\"established\", \"related\"]").match.states) ==
          (PC_STATE_ESTABLISHED | PC_STATE_RELATED));
    CHECK(state_bits(rule_of("state = \"!invalid\"").match.states) ==
          (PC_STATES_ALL & ~PC_STATE_INVALID));
    CHECK(state_bits(rule_of("state = [\"new\", \"!new\"]").match.states) == 0);
    CHECK(rule_of("state = [\"new\", \"!invalid\"]").match.states[1].at ==
          Location{0, 6, 18, 6, 25});
    CHECK(codes("[[rule]]\nname = \"x\"\naction = \"drop\"\nstate = [\"new\", \"new\"]\n") ==
          "W102");
}

TEST_CASE("limits have their defaults, and what is limited is told apart as written") {
    const auto limit = [](const std::string& keys) {
        return rules_of("[limit.x]\nrate = \"10/m\"\n" + keys).limits.at(0);
    };
    const Limit usual = limit("");
    CHECK(usual.name == "x");
    CHECK(usual.rate == Rate{10, 60, Rate::Of::flows});
    CHECK(usual.per == Limit::Per::rule);
    CHECK_FALSE(usual.burst);
    CHECK(usual.over == Limit::Over::drop);
    CHECK(limit("burst = 7").burst == 7);
    CHECK(limit("over = \"mark\"\nmark = \"0x1/0xff\"").mark == Mark{1, 0xff});
    CHECK(limit("per = \"src\"").src == PrefixLengths{32, 64});
    CHECK(limit("per = \"dst\"").dst == PrefixLengths{32, 128});
    CHECK(limit("per = \"src/24,src6/56\"").src == PrefixLengths{24, 56});
    CHECK(limit("per = \"src6/48, src/16\"").src == PrefixLengths{16, 48});
    CHECK(limit("per = \"src+dst\"").per == Limit::Per::src_dst);
    const Limit both = limit("per = \"dst/24 + src/25,src6/1\"");
    CHECK(both.per == Limit::Per::src_dst);
    CHECK(both.src == PrefixLengths{25, 1});
    CHECK(both.dst == PrefixLengths{24, 128});
    CHECK(limit("per = \"zone\"").per == Limit::Per::zone);
}

TEST_CASE("a burst of bytes holds a frame and less than a month") {
    const auto burst = [](const std::string& rate, const std::string& amount) {
        return codes("[limit.x]\nrate = \"" + rate + "\"\nburst = " + amount + "\n");
    };
    CHECK(burst("20mbit", "\"1514B\"") == "");
    CHECK(burst("20mbit", "\"1513B\"") == "E030");
    CHECK(burst("1/h", "720") == "");
    CHECK(burst("1/h", "721") == "E030");
}

TEST_CASE("[flows] and [guard] have defaults for all they do not name") {
    const RuleSet none = rules_of("");
    CHECK_FALSE(none.flows.written);
    CHECK(none.flows.max == PC_FLOWS_DEFAULT);
    CHECK(per_source_of(none.flows) == PC_FLOWS_DEFAULT / 4);
    CHECK(none.flows.new_rate == Rate{100000, 1, Rate::Of::flows});
    CHECK(none.guard.syn_protect == PC_SYN_PROTECT_OFF);
    const RuleSet rules = rules_of("[flows]\nmax = 4096\ntcp_established = \"30d\"\nnew = 0\n"
                                   "[guard]\nprefix = \"src/24\"\nblock_for = \"1d\"\n");
    CHECK(rules.flows.written);
    CHECK(per_source_of(rules.flows) == 1024);
    CHECK(rules.flows.timeouts_s[PC_FLOW_TCP_ESTABLISHED] == 30 * 24 * 3600);
    CHECK(rules.flows.timeouts_s[PC_FLOW_OTHER_REPLIED] == 600);
    CHECK(rules.flows.new_rate.count == 0);
    CHECK(rules.guard.prefix == PrefixLengths{24, 64});
    CHECK(rules.guard.block_for_s == 24 * 3600);
    CHECK(per_source_of(rules_of("[flows]\nper_source = 0\n").flows) == 0);
    CHECK(codes("[flows]\nmax = 4194304\n") == "");
    CHECK(codes("[flows]\nmax = 4194305\n") == "E030");
}

TEST_CASE("there are ids for the limits before a commit and after it") {
    std::string limits;
    for (int i = 1; i < PC_LIMITS_MAX / 2; ++i) {
        limits += "[limit.l" + std::to_string(i) + "]\nrate = \"1pps\"\n";
    }
    CHECK(codes(limits) == "");
    CHECK(codes(limits + "[limit.more]\nrate = \"1pps\"\n") == "E070");
}

TEST_CASE("a rule knows where it stands") {
    const RuleSet rules = rules_of(
        "\n[[rule]]\nname = \"x\"\nsrc = [\"10.0.0.0/8\",\n  \"!@self\"]\naction = \"drop\"\n");
    const Rule& rule = rules.rules.front();
    CHECK(rule.at == Location{0, 3, 1, 3, 8});
    CHECK(rule.match.src[0].at == Location{0, 5, 9, 5, 18});
    CHECK(rule.match.src[1].at == Location{0, 6, 5, 6, 9});
    CHECK(rule.match.src[1].set == "self");
    CHECK(rule.match.src[1].negated);
}

TEST_CASE("columns count bytes") {
    const RuleSet rules = rules_of(
        "set = { \"a\" = { items = [\"10.0.0.0/8\"] } } # \xc3\xbc\n"
        "rule = [{ name = \"x\", note = \"\xc3\xbc\xc3\xbc\", src = \"@a\", action = \"drop\" }]\n");
    CHECK(rules.rules.front().match.src.front().at == Location{0, 3, 45, 3, 46});
}

TEST_CASE("numbers are written in many ways") {
    CHECK(
        ranges(
            rule_of(
                "proto = \"tcp\"\ndport = [80, \"81\", \"90-99\", \">=65000\", \"<=9\", \">65533\", \"<2\", \"0x50-0x51\"]")
                .match.dport) == std::vector<NumberRange>{{80, 80},
                                                          {81, 81},
                                                          {90, 99},
                                                          {65000, 65535},
                                                          {0, 9},
                                                          {65534, 65535},
                                                          {0, 1},
                                                          {80, 81}});
    CHECK(ranges(rule_of("vlan = [\"untagged\", 5]").match.vlan) ==
          std::vector<NumberRange>{{PC_VLAN_NONE, PC_VLAN_NONE}, {5, 5}});
    CHECK(ranges(rule_of("vlan = 0").match.vlan) ==
          std::vector<NumberRange>{{PC_VLAN_NONE, PC_VLAN_NONE}});
    CHECK(ranges(rule_of("dscp = [\"ef\", \"cs7\", \"af11\"]").match.dscp) ==
          std::vector<NumberRange>{{46, 46}, {56, 56}, {10, 10}});
    CHECK(rule_of("proto = \"tcp\"\ndport = \"!22\"").match.dport.front().negated);
    CHECK(rule_of("proto = \"tcp\"\ndport = \"! 22\"").match.dport.front().range ==
          NumberRange{22, 22});
}

TEST_CASE("ICMP names go by the protocol") {
    CHECK(rule_of("icmp_type = \"echo-request\"\nproto = \"icmp\"")
              .match.icmp_type.front()
              .range.low == 8);
    CHECK(rule_of("icmp_type = \"echo-request\"\nproto = \"icmp6\"")
              .match.icmp_type.front()
              .range.low == 128);
    CHECK(rule_of("icmp_code = \"port-unreachable\"\nproto = \"icmp6\"")
              .match.icmp_code.front()
              .range.low == 4);
    CHECK(
        codes(
            "[[rule]]\nname = \"x\"\naction = \"drop\"\nproto = [\"icmp\", \"icmp6\"]\nicmp_type = \"echo-request\"\n") ==
        "E035");
}

TEST_CASE("TCP flags are a mask and a value") {
    const auto flags =
        rule_of("proto = \"tcp\"\ntcp_flags = [\"syn,!ack\", \" rst \", \"!fin,psh, urg\"]")
            .match.tcp_flags;
    REQUIRE(flags.size() == 3);
    CHECK((flags[0].mask == 0x12 && flags[0].value == 0x02));
    CHECK((flags[1].mask == 0x04 && flags[1].value == 0x04));
    CHECK((flags[2].mask == 0x29 && flags[2].value == 0x28));
}

TEST_CASE("fragments are bits") {
    CHECK(rule_of("frag = \"none\"").match.frags == PC_FRAG_NONE);
    CHECK(rule_of("frag = \"first\"").match.frags == PC_FRAG_FIRST);
    CHECK(rule_of("frag = \"non-first\"").match.frags == PC_FRAG_LATER);
    CHECK(rule_of("frag = \"any\"").match.frags == (PC_FRAG_FIRST | PC_FRAG_LATER));
    CHECK(rule_of("").match.frags == 0);
}

TEST_CASE("a mark has a mask") {
    const auto mark = [](const std::string& text) {
        return rules_of("[[rule]]\nname = \"x\"\naction = \"mark\"\nmark = " + text)
            .rules.front()
            .mark;
    };
    CHECK(mark("1") == Mark{1, 0xffffffff});
    CHECK(mark("0x10") == Mark{16, 0xffffffff});
    CHECK(mark("\"0x1/0xff\"") == Mark{1, 0xff});
    CHECK(mark("\"0/1\"") == Mark{0, 1});
}

TEST_CASE("logging can be a boolean") {
    CHECK(rule_of("log = true").log == Log::sampled);
    CHECK(rule_of("log = false").log == Log::none);
    CHECK(rule_of("log = \"all\"").log == Log::all);
}

TEST_CASE("rules are sorted by priority, and those without one follow the one before") {
    const RuleSet rules = rules_of("[[rule]]\nname = \"a\"\naction = \"count\"\n"
                                   "[[rule]]\nname = \"b\"\naction = \"count\"\npriority = 500\n"
                                   "[[rule]]\nname = \"c\"\naction = \"count\"\n"
                                   "[[rule]]\nname = \"d\"\naction = \"count\"\npriority = 0\n"
                                   "[[rule]]\nname = \"e\"\naction = \"count\"\npriority = 11\n");
    std::string order;
    for (const Rule& rule : rules.rules) {
        order += rule.name + std::to_string(rule.priority) + " ";
    }
    CHECK(order == "d0 a10 e11 b500 c510 ");
}

TEST_CASE("the family of [defaults] is that of the rules") {
    CHECK(rule_of("", "[defaults]\nfamily = \"ipv6\"").family == Family::v6);
    CHECK_FALSE(rule_of("").family);
}

TEST_CASE("zones and sets keep the order of the file") {
    const RuleSet rules =
        rules_of("[zone.wan]\ninterfaces = [\"b\"]\n[zone.lan]\ninterfaces = [\"a\"]\n"
                 "[set.z]\nitems = []\n[set.a]\nitems = []\n");
    CHECK(rules.zones[0].name == "wan");
    CHECK(rules.zones[1].name == "lan");
    CHECK(rules.sets[0].name == "z");
    CHECK(rules.sets[1].name == "a");
}

TEST_CASE("included files follow the main file") {
    const RuleSet rules = rules_of(
        "include = [\"a.toml\", \"b.toml\"]\n[[rule]]\nname = \"main\"\naction = \"count\"\n",
        {{"a.toml", "[[rule]]\nname = \"a\"\naction = \"count\"\n"},
         {"b.toml",
          "schema = 1\n[set.s]\nitems = []\n[[rule]]\nname = \"b\"\naction = \"count\"\n"}});
    REQUIRE(rules.files.size() == 3);
    CHECK(rules.files[0].path == "rules.toml");
    CHECK(rules.files[2].path == "b.toml");
    CHECK(rules.rules[0].name == "main");
    CHECK(rules.rules[1].name == "a");
    CHECK(rules.rules[2].priority == 30);
    CHECK(rules.rules[2].at.file == 2);
    CHECK(rules.sets[0].at.file == 2);
}

TEST_CASE("files that include each other are refused once") {
    CHECK(codes("include = \"a.toml\"\n", {{"a.toml", "include = \"b.toml\""},
                                           {"b.toml", "include = \"a.toml\""}}) == "E004");
    CHECK(codes("include = \"rules.toml\"\n", {{"rules.toml", ""}}) == "E004");
    CHECK(codes("include = [\"a.toml\", \"./a.toml\"]\n", {{"a.toml", ""}, {"./a.toml", ""}}) ==
          "E004");
}

TEST_CASE("a set's files may be dirty") {
    const RuleSet rules = rules_of(
        "[set.s]\nfile = \"list\"\n[[rule]]\nname = \"x\"\nsrc = \"@s\"\naction = \"drop\"\n",
        {{"list",
          "\xef\xbb\xbf# comment\r\n\r\n192.0.2.7/24 ; why\r\n192.0.2.0/24\n\t198.51.100.1-198.51.100.2 \n2001:db8::1"}});
    REQUIRE(rules.sets[0].file_addresses.size() == 4);
    CHECK(to_string(rules.sets[0].file_addresses[0]) == "192.0.2.0/24");
    CHECK(rules.files.size() == 1); // lists are not kept as text
    const RuleSet ports = rules_of("[set.p]\ntype = \"port\"\nfile = [\"list\"]\nexclude = 81\n",
                                   {{"list", "80-90\n443 # https\n>=65000"}});
    CHECK(ports.sets[0].file_numbers.size() == 3);
    CHECK(ports.sets[0].exclude_numbers.size() == 1);
}

TEST_CASE("a bad line of a set's file is located there") {
    const Parsed parsed = parse_text("schema = 1\n[set.s]\nfile = \"list\"\n",
                                     {{"list", "192.0.2.1\n  192.0.2.999 # no\n"}});
    REQUIRE(parsed.diagnostics.list.size() == 1);
    const Diagnostic& diagnostic = parsed.diagnostics.list.front();
    CHECK(diagnostic.at == Location{1, 2, 3, 2, 13});
    CHECK(parsed.rules.files[1].path == "list");
}

TEST_CASE("one forgotten quote does not hide other errors") {
    CHECK(
        codes(
            "[[rule]]\nname = \"x\"\nsrc = 10.0.0.1/8\nproto = tcp\ndprt = 1\naction = \"drop\"\n") ==
        "E001 E033 E001 E012");
    CHECK(codes("[[rule]]\nname = x\naction = drop\n") == "E001 E001");
}

TEST_CASE("numbers and dates that are only wrong are not told to be quoted") {
    CHECK(codes("x = 007\n") == "E002");
    CHECK(codes("x = 2027-13-01\n") == "E002");
    CHECK(codes("x = \n") == "E002");
    CHECK(codes("[set.x\n") == "E002");
    CHECK(codes("drop\n") == "E002");
    CHECK(codes("[\nx = 1\n") == "E002");
    CHECK(codes("[[=]]\n") == "E002");
}

TEST_CASE("keys with hundreds of dots are refused before a tree is made of them") {
    std::string deep = "a";
    for (int i = 0; i < 100000; ++i) {
        deep += ".a";
    }
    CHECK(codes(deep + " = 1\n") == "E002");
    CHECK(codes("[" + deep + "]\n") == "E002");
    CHECK(codes("x = " + std::string(5000, '[') + "\n") == "E002");
    CHECK(codes("# " + deep + "\n[host]\nname = \"gw\" # " + deep + "\n") == "");
    CHECK(codes("[[rule]]\nname = \"x\"\naction = \"drop\"\nnote = \"\"\"\\\"\"\"" + deep +
                "\"\"\"\n") == "");
}

TEST_CASE("letters beyond ASCII stand in strings and comments") {
    CHECK(codes("[host] # \xc3\xbc\nname = \"gw\"\n") == "");
    CHECK(codes("[[rule]]\nname = \"x\"\naction = \"drop\"\nnote = \xc3\xbc\n") == "E001");
    CHECK(codes("\xc3\xbc = 1\n") == "E002");
    CHECK(codes("[\"a\"\xc3\xbc]\n") == "E002");
    CHECK(codes("x = 1\xc2\xa0\n") == "E002");
    CHECK(codes("x = \"\"\"a\"\"\"\"\xc3\xbc\n\"\n") == "E002");
    CHECK(codes("x = \"\"\"a\\\n \xc3\xbc\"\"\"\n") == "E002");
}

TEST_CASE("text of all kinds is survived") {
    for (const std::string& text :
         {std::string("\xff\xfe"), std::string("\0\0", 2), std::string("\xef\xbb\xbf"),
          std::string("\r"), std::string("="), std::string("\"\"\""),
          std::string("[[rule]]\n[[rule]]"), std::string("rule = [1, [2], {}]"),
          std::string("set.a = 1\nzone = []\ninspect.x.y.z = 1"),
          std::string("include = [[]]\nhost = []\ndefaults = 1\nsafety = true\nrule = {}"),
          std::string("limit = 1\nfeed = []\nexport.a.b = 1")}) {
        CAPTURE(text);
        const Parsed parsed = parse_text(text);
        CHECK_FALSE(render(parsed.diagnostics, parsed.rules.files, "").empty());
    }
}

TEST_CASE("the first schema must be there") {
    CHECK(parse_text("").diagnostics.list.front().code == "E005");
}

TEST_CASE("TOML becomes a tree in the order of the file") {
    Diagnostics diagnostics;
    const auto tree =
        read_toml({{"x", "b = 1\na = [true, 1979-05-27, 1.5]\n[t]\nk = 'v'\n"}}, 0, diagnostics);
    REQUIRE(tree);
    REQUIRE(tree->entries.size() == 3);
    CHECK(tree->entries[0].key == "b");
    CHECK(tree->entries[1].value.items[1].date == Date{1979, 5, 27});
    CHECK(tree->entries[1].value.items[2].kind == TomlKind::other);
    CHECK(tree->find("t")->value.find("k")->value.full == Location{0, 4, 5, 4, 7});
    CHECK(tree->find("t")->value.find("k")->value.at == Location{0, 4, 6, 4, 6});
}
