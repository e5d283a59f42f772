// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/print.h"

#include "rules/check.h"
#include "rules/meaning.h"
#include "tests/support/random_rules.h"
#include "tests/support/rules_text.h"

using namespace pc;
using namespace pc::test;

namespace {

std::vector<std::string> lines_between(const std::string& before, const std::string& after) {
    return compare(rules_of(before), rules_of(after));
}

using Lines = std::vector<std::string>;

// What the files of a random rule set hold, as text.
std::map<std::string, std::string> files_of(const RuleSet& rules) {
    std::map<std::string, std::string> files;
    for (const Set& set : rules.sets) {
        for (const std::string& name : set.files) {
            std::string& text = files[name];
            for (const AddressRange& range : set.file_addresses) {
                text += to_string(range) + "\n";
            }
            for (const NumberRange& range : set.file_numbers) {
                text += std::to_string(range.low) + "-" + std::to_string(range.high) + "\n";
            }
        }
    }
    return files;
}

} // namespace

TEST_CASE("the canonical text says what differs from the defaults, in one order") {
    const RuleSet rules = rules_of(R"(
[[rule]]
log = "sampled"
action = "drop"
dst = "@self"
dport = ["22", "80-90", "!@web"]
proto = ["tcp"]
name = "x"
len = ">=400"
frag = "none"
vlan = ["untagged", 30]
tcp_flags = "syn,!ack"
until = 2027-06-30
note = "a \"quoted\" note"
[set.web]
items = [443]
type = "port"
[zone.wan]
interfaces = ["eth0", "ppp*"]
default = "drop"
[defaults]
action = "accept"
fragments = "accept-first"
)");
    CHECK(print_toml(rules) == R"(schema = 1

[defaults]
fragments = "accept-first"

[zone.wan]
interfaces = ["eth0", "ppp*"]
default = "drop"

[set.web]
type = "port"
items = 443

[[rule]]
name = "x"
priority = 10
until = 2027-06-30
proto = "tcp"
dport = [22, "80-90", "!@web"]
tcp_flags = "syn,!ack"
dst = "@self"
frag = "none"
len = ">=400"
vlan = ["untagged", 30]
action = "drop"
log = "sampled"
note = "a \"quoted\" note"
)");
}

TEST_CASE("every section can be read again") {
    const std::string text = R"(schema = 1

[host]
name = "gw1"
management = "192.168.10.0/24"
local = ["203.0.113.0/24", "2001:db8::/32"]

[defaults]
action = "drop"
log = "sampled"
sample = "500/s"
family = "ipv4"
fragments = "drop"
unparseable = "accept"
non_ip = "drop"

[safety]
confirm = "5m"
on_boot_error = "closed"
refuse_lockout = false
protect = "@management -> self:tcp/22"

[zone."dmz.1"]
interfaces = "eth2"
vlan = ["untagged", 30]
prefixes = "192.168.30.0/24"
mode = "native"
frags = true
default = "accept"

[set.nets]
type = "prefix"
items = ["10.0.0.0/8", "192.0.2.1-192.0.2.9"]
exclude = "10.1.0.0/16"

[inspect.web]
port = 8443
mark = 0x1
on_down = "drop"
exclude = "@nets"
allow = "a.example"
deny = ["*.example", "b.test"]
max_flows = 100

[[rule]]
name = "mark"
priority = 10
disabled = true
in = "!dmz.1"
action = "mark"
mark = "0x10/0xff"
tags = ["a", "b"]

[[rule]]
name = "web"
priority = 20
out = "dmz.1"
proto = "tcp"
dport = 443
src_mac = "!02:00:00:00:00:01"
action = "inspect"
inspect = "web"
)";
    const Parsed parsed = parse_text(text);
    INFO(render(parsed.diagnostics, parsed.rules.files, ""));
    CHECK_FALSE(parsed.diagnostics.has_errors());
    CHECK(print_toml(parsed.rules) == text);
}

TEST_CASE("long lists are broken into lines") {
    std::string items = "\"10.0.0.0/24\"";
    for (int i = 1; i < 12; ++i) {
        items += ", \"10.0." + std::to_string(i) + ".0/24\"";
    }
    const std::string text = print_toml(rules_of("[set.a]\nitems = [" + items + "]\n"));
    CHECK(text.find("items = [\n    \"10.0.0.0/24\", ") != std::string::npos);
    CHECK(text.ends_with("\"10.0.11.0/24\",\n]\n"));
    const Parsed again = parse_text(text);
    CHECK(print_toml(again.rules) == text);
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        CHECK(line.size() <= 100);
    }
}

TEST_CASE("odd text survives quoting") {
    RuleSet rules = rules_of("[[rule]]\nname = \"a\"\naction = \"drop\"\n");
    rules.rules[0].note = std::string("tab\t newline\n quote\" back\\ bell\a del\x7f ") + "\u00fc";
    const Parsed again = parse_text(print_toml(rules));
    CHECK_FALSE(again.diagnostics.has_errors());
    REQUIRE(again.rules.rules.size() == 1);
    CHECK(again.rules.rules[0].note == rules.rules[0].note);
}

TEST_CASE("random rules printed and read again mean the same") {
    RandomShape shape;
    shape.own_percent = 10;
    for (uint64_t seed = 1; seed <= 100; ++seed) {
        shape.out_rules = seed % 2 == 0;
        shape.inspect_rules = seed % 2 == 0;
        shape.dynamic_sets = seed % 3 == 0;
        shape.states = seed % 3 != 0;
        const RandomCase world = random_rules(seed, shape);
        const std::string text = print_toml(world.rules);
        const Parsed again = parse_text(text, files_of(world.rules));
        INFO("seed " << seed << "\n" << render(again.diagnostics, again.rules.files, "") << text);
        REQUIRE_FALSE(again.diagnostics.has_errors());
        Diagnostics found;
        check(again.rules, world.environment, found);
        INFO(render(found, again.rules.files, ""));
        REQUIRE_FALSE(found.has_errors());
        REQUIRE(print_toml(again.rules) == text);
        REQUIRE(compare(world.rules, again.rules) == Lines{});
        Dice dice(seed);
        for (int i = 0; i < 100; ++i) {
            const Packet packet = random_packet(dice, world);
            const Meaning one = verdict_of(world.rules, world.environment, packet);
            const Meaning two = verdict_of(again.rules, world.environment, packet);
            REQUIRE(one.verdict == two.verdict);
            REQUIRE(one.rule == two.rule);
        }
    }
}

TEST_CASE("a match in one line") {
    const auto match = [](const std::string& keys) {
        const RuleSet rules = rules_of("[set.office]\nitems = [\"192.0.2.0/24\"]\n"
                                       "[zone.wan]\ninterfaces = [\"a\"]\n"
                                       "[[rule]]\nname = \"a\"\naction = \"drop\"\n" +
                                       keys);
        return print_match(rules.rules[0].match);
    };
    CHECK(match("in = \"wan\"\nsrc = \"@office\"\nproto = \"tcp\"\ndport = 22\n") ==
          "tcp dport 22 src @office");
    CHECK(match("proto = [\"tcp\", \"udp\"]\ndport = [\"135-139\", 445]\n") ==
          "tcp,udp dport 135-139,445");
    CHECK(match("proto = \"tcp\"\ntcp_flags = [\"syn,!ack\", \"rst\"]\n") ==
          "tcp tcp_flags syn,!ack|rst");
    CHECK(match("frag = \"any\"\nlen = \">=400\"\nvlan = 0\n") ==
          "frag any len >=400 vlan untagged");
    CHECK(match("").empty());
}

TEST_CASE("zones in one word") {
    CHECK(print_zones({}) == "*");
    CHECK(print_zones({{false, "lan", {}}, {true, "guest", {}}}) == "lan,!guest");
}

TEST_CASE("equal rule sets have no difference, whatever the order of keys and the comments") {
    CHECK(lines_between("[[rule]]\nname = \"a\"\naction = \"drop\"\nsrc = \"10.0.0.0/8\"\n",
                        "# text\n[[rule]]\nsrc = [\"10.0.0.0/8\"]\naction = \"drop\"\n"
                        "priority = 10\nname = \"a\"\n") == Lines{});
}

TEST_CASE("compare shows new, gone and changed parts") {
    const std::string a = "[zone.guest]\ninterfaces = [\"g\"]\n"
                          "[[rule]]\nname = \"vpn-in\"\naction = \"accept\"\n"
                          "[[rule]]\nname = \"amp\"\nproto = \"udp\"\nsport = [53, 123]\n"
                          "action = \"drop\"\nlog = \"all\"\n";
    const std::string b =
        "[defaults]\naction = \"drop\"\n"
        "[zone.guest]\ninterfaces = [\"g\", \"h\"]\n"
        "[set.nets]\nitems = [\"10.0.0.0/8\"]\n"
        "[[rule]]\nname = \"guest-dns\"\npriority = 15\nin = \"guest\"\n"
        "proto = \"udp\"\ndport = 53\ndst = \"192.168.30.1\"\naction = \"accept\"\n"
        "[[rule]]\nname = \"amp\"\npriority = 20\nproto = \"udp\"\n"
        "src = \"@nets\"\naction = \"reject\"\n";
    const std::string dns = "priority 15; in guest; proto udp; dport 53; dst 192.168.30.1";
    CHECK(lines_between(a, b) ==
          Lines{"> defaults: action drop (was accept)", "> zone guest: interfaces g, h (was g)",
                "+ set nets { type prefix; items 10.0.0.0/8 }",
                "+ rule guest-dns { " + dns + "; action accept }", "> rule amp: src @nets (new)",
                "> rule amp: action reject (was drop)", "> rule amp: log none (was all)",
                "> rule amp: no sport (was 53, 123)", "- rule vpn-in"});
}

TEST_CASE("of long lists compare shows what came and went") {
    const auto set = [](int first, int last) {
        std::string items;
        for (int i = first; i <= last; ++i) {
            items += "\"10.0.0." + std::to_string(i) + "\", ";
        }
        return "[set.a]\nitems = [" + items + "]\n";
    };
    CHECK(lines_between(set(1, 20), set(3, 21)) ==
          Lines{"> set a: items +10.0.0.21 -10.0.0.1 -10.0.0.2"});
}

TEST_CASE("compare sees that a set's file holds something else") {
    const std::string text = "[set.a]\nfile = \"a.txt\"\n";
    const RuleSet one = rules_of(text, {{"a.txt", "10.0.0.0/8\n"}});
    const RuleSet two = rules_of(text, {{"a.txt", "10.0.0.0/8\n11.0.0.0/8\n"}});
    const RuleSet other = rules_of(text, {{"a.txt", "11.0.0.0/8\n"}});
    CHECK(compare(one, two) == Lines{"> set a: files hold 2 entries (was 1 entries)"});
    CHECK(compare(one, other) == Lines{"> set a: files hold other entries"});
    CHECK(compare(one, one) == Lines{});
}
