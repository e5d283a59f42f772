// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/edit.h"

#include <map>

#include "tests/support/rules_text.h"

using namespace pc;
using namespace pc::test;

namespace {

const std::string office = R"(# The office's router.
schema = 1

[zone.wan]
interfaces = ["eth0"]      # the uplink
[zone.lan]
interfaces = ["eth1"]

[set.vpn]
type  = "prefix"
items = [
    "198.51.100.10",       # ana
    "198.51.100.16/28",    # raj, 2 lines
    "2001:db8:99::/48",
]

# Telnet has been seen.
[[rule]]
name     = "telnet"
in       = "wan"
proto    = "tcp"
dport    = 23      # of all things
action   = "drop"

# Who works from home.
[[rule]]
name     = "vpn-in"
in       = ["wan"]
src      = ["@vpn", "192.0.2.1"]   # and the old gate
action   = "accept"
# end of rules
)";

ReadFiles nothing() {
    return [](std::string_view, std::string_view name) -> Result<std::vector<SourceFile>> {
        return Error{2, "no file " + std::string(name)};
    };
}

using Edit = Edited (*)(const std::vector<SourceFile>&, std::span<const std::string>,
                        const ReadFiles&);

Edited run(Edit edit, const std::string& text, const std::string& line) {
    return edit({{"rules.toml", text}}, words_of(line), nothing());
}

std::string edited(Edit edit, const std::string& text, const std::string& line) {
    const Edited result = run(edit, text, line);
    INFO(line << ": " << (result.refused ? result.refused->message : ""));
    REQUIRE_FALSE(result.refused.has_value());
    REQUIRE(result.files.size() == 1);
    return result.files.front().text;
}

Refusal refused(Edit edit, const std::string& text, const std::string& line) {
    const Edited result = run(edit, text, line);
    INFO(line);
    REQUIRE(result.refused.has_value());
    CHECK(result.files.front().text == text);
    return *result.refused;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

// The lines that differ: "-old\n+new\n".
std::string change(const std::string& before, const std::string& after) {
    const std::vector<std::string> old = lines_of(before);
    const std::vector<std::string> now = lines_of(after);
    size_t begin = 0;
    while (begin < old.size() && begin < now.size() && old[begin] == now[begin]) {
        ++begin;
    }
    size_t end = 0;
    while (end < old.size() - begin && end < now.size() - begin &&
           old[old.size() - 1 - end] == now[now.size() - 1 - end]) {
        ++end;
    }
    std::string out;
    for (size_t i = begin; i < old.size() - end; ++i) {
        out += "-" + old[i] + "\n";
    }
    for (size_t i = begin; i < now.size() - end; ++i) {
        out += "+" + now[i] + "\n";
    }
    return out;
}

std::string changed(Edit edit, const std::string& line) {
    return change(office, edited(edit, office, line));
}

} // namespace

TEST_CASE("set replaces the bytes of a value and nothing else") {
    const std::string old = "-dport    = 23      # of all things\n";
    CHECK(changed(edit_set, "rule telnet dport 2323") ==
          old + "+dport    = 2323      # of all things\n");
    CHECK(changed(edit_set, "rule telnet dport [ 22 23 ]") ==
          old + "+dport    = [22, 23]      # of all things\n");
    CHECK(changed(edit_set, "rule telnet dport @x,1-3") ==
          old + "+dport    = [\"@x\", \"1-3\"]      # of all things\n");
    CHECK(changed(edit_set, "zone wan interfaces eth7") ==
          "-interfaces = [\"eth0\"]      # the uplink\n"
          "+interfaces = [\"eth7\"]      # the uplink\n");
    CHECK(changed(edit_set, "rule telnet dport 23").empty());
}

TEST_CASE("a new key gets a line of its own, laid out as its neighbours") {
    CHECK(changed(edit_set, "rule telnet log sampled") == "+log      = \"sampled\"\n");
    CHECK(changed(edit_set, "zone lan mode native") == "+mode       = \"native\"\n");
    const std::string indented = "schema = 1\n[zone.a]\n\tinterfaces = 'x'";
    CHECK(edited(edit_set, indented, "zone a mode auto") ==
          indented + "\n\tmode       = \"auto\"\n");
}

TEST_CASE("a new table stands behind its like") {
    const std::string with_rule =
        edited(edit_set, office, "rule dns in lan proto udp dport 53 action accept priority 7");
    CHECK(with_rule.find("action   = \"accept\"\n# end of rules\n\n[[rule]]\nname     = \"dns\"\n"
                         "in       = \"lan\"\nproto    = \"udp\"\ndport    = 53\n"
                         "action   = \"accept\"\npriority = 7\n") != std::string::npos);
    CHECK(changed(edit_set, "set web type port items 80,443") ==
          "+[set.web]\n+type  = \"port\"\n+items = [80, 443]\n+\n");
    CHECK(changed(edit_set, "set scrub dynamic true ttl 1h max 100 persist false") ==
          "+[set.scrub]\n+dynamic = true\n+ttl     = \"1h\"\n+max     = 100\n"
          "+persist = false\n+\n");
    CHECK(refused(edit_set, office, "set scrub dynamic true ttl 1x").message ==
          "'1x' is no time between 1s and 3650d");
    CHECK(changed(edit_set, "defaults action drop") == "+[defaults]\n+action = \"drop\"\n+\n");
    CHECK(edited(edit_set, "schema = 1", "rule x action drop") ==
          "schema = 1\n\n[[rule]]\nname   = \"x\"\naction = \"drop\"\n");
    CHECK(edited(edit_set, "schema = 1\n", "host name gw") ==
          "schema = 1\n\n[host]\nname = \"gw\"\n");
}

TEST_CASE("line ends of another system are kept") {
    const std::string text = "schema = 1\r\n[[rule]]\r\nname = \"x\"\r\naction = \"drop\"\r\n";
    CHECK(edited(edit_set, text, "rule x dport 22") == text + "dport = 22\r\n");
    CHECK(edited(edit_set, text, "rule x action accept") ==
          "schema = 1\r\n[[rule]]\r\nname = \"x\"\r\naction = \"accept\"\r\n");
}

TEST_CASE("add puts values behind those that are there") {
    CHECK(changed(edit_add, "set vpn items 192.0.2.7,192.0.2.8") ==
          "+    \"192.0.2.7\",\n+    \"192.0.2.8\",\n");
    const std::string old = "-src      = [\"@vpn\", \"192.0.2.1\"]   # and the old gate\n";
    CHECK(changed(edit_add, "rule vpn-in src 192.0.2.2") ==
          old + "+src      = [\"@vpn\", \"192.0.2.1\", \"192.0.2.2\"]   # and the old gate\n");
    CHECK(changed(edit_add, "rule telnet dport 2323") ==
          "-dport    = 23      # of all things\n+dport    = [23, 2323]      # of all things\n");
    CHECK(changed(edit_add, "rule vpn-in src @vpn").empty());
    CHECK(run(edit_add, office, "rule vpn-in src @vpn").summary == "already there");
    CHECK(changed(edit_add, "rule telnet src 192.0.2.2") == "+src      = \"192.0.2.2\"\n");
    CHECK(refused(edit_add, office, "rule telnet action drop").message ==
          "'action' holds one value");
    const std::string no_comma =
        "schema = 1\n[set.a]\ntype = 'prefix'\nitems = [\n  '10.0.0.1' # x\n]\n";
    CHECK(change(no_comma, edited(edit_add, no_comma, "set a items 10.0.0.2")) ==
          "-  '10.0.0.1' # x\n+  '10.0.0.1', # x\n+  \"10.0.0.2\",\n");
}

TEST_CASE("delete removes a value with its line, a key, a rule") {
    CHECK(changed(edit_delete, "set vpn items 198.51.100.16/28") ==
          "-    \"198.51.100.16/28\",    # raj, 2 lines\n");
    CHECK(changed(edit_delete, "set vpn items 198.51.100.10/32") ==
          "-    \"198.51.100.10\",       # ana\n");
    const std::string old = "-src      = [\"@vpn\", \"192.0.2.1\"]   # and the old gate\n";
    CHECK(changed(edit_delete, "rule vpn-in src 192.0.2.1") ==
          old + "+src      = [\"@vpn\"]   # and the old gate\n");
    CHECK(changed(edit_delete, "rule vpn-in src @vpn") ==
          old + "+src      = [\"192.0.2.1\"]   # and the old gate\n");
    CHECK(changed(edit_delete, "rule telnet proto") == "-proto    = \"tcp\"\n");
    const std::string without = edited(edit_delete, office, "rule telnet");
    CHECK(without.find("telnet\"") == std::string::npos);
    // What the operator wrote above it stays.
    CHECK(without.find("# Telnet has been seen.\n") != std::string::npos);
    CHECK(without.find("# Who works from home.\n[[rule]]\nname     = \"vpn-in\"") !=
          std::string::npos);
    CHECK(without.ends_with("# end of rules\n"));
}

TEST_CASE("the last value of a condition is not removed by name: the rule would match everything") {
    CHECK(refused(edit_delete, office, "rule telnet dport 23").help ==
          "`delete rule telnet dport` removes the key: any value matches then");
    CHECK(refused(edit_delete, office, "rule vpn-in src @vpn,192.0.2.1").message ==
          "'src' would hold nothing then");
}

TEST_CASE("what was replaced by fewer values is said") {
    CHECK(run(edit_set, office, "set vpn items 10.0.0.1").summary ==
          "replaced the 3 values of items; `add` would keep them");
    CHECK(run(edit_set, office, "rule telnet dport 24").summary.empty());
}

TEST_CASE("an edit that is wrong is refused at its word, and nothing is done") {
    const Refusal key = refused(edit_set, office, "rule telnet log none dprot 53");
    CHECK(key.word == 4);
    CHECK(key.message == "unknown key 'dprot'; did you mean 'dport'?");
    const Refusal bits = refused(edit_set, office, "rule telnet src 10.0.0.0/8,10.0.0.1/8");
    CHECK(bits.word == 3);
    CHECK(bits.offset == 11);
    CHECK(bits.length == 10);
    CHECK(bits.message == "10.0.0.1/8 has host bits set");
    CHECK(refused(edit_set, office, "rule telnet action block").word == 3);
    CHECK(refused(edit_set, office, "rule telnet priority 2147483648").word == 3);
    CHECK(refused(edit_set, office, "rule Bad_Name! action drop").word == 1);
    CHECK(refused(edit_set, office, "rulez x").word == 0);
    CHECK(refused(edit_set, office, "rule").word == 1);
    CHECK(refused(edit_set, office, "defaults").word == 1);
    CHECK(refused(edit_set, office, "").word == 0);
    CHECK(refused(edit_delete, office, "rule telnt").message ==
          "unknown rule 'telnt'; did you mean 'telnet'?");
    CHECK(refused(edit_delete, office, "rule telnet src").message == "'src' is not set here");
    CHECK(refused(edit_delete, office, "rule telnet srx").word == 2);
    CHECK(refused(edit_delete, office, "rule vpn-in src @vnp").message ==
          "unknown value '@vnp'; did you mean '@vpn'?");
    CHECK(refused(edit_delete, office, "safety").message == "there is no [safety]");
}

TEST_CASE("states, limits, flows and guards are set as the rest is") {
    CHECK(changed(edit_set, "rule telnet state new,!invalid") ==
          "+state    = [\"new\", \"!invalid\"]\n");
    CHECK(changed(edit_set, "zone wan established true") == "+established = true\n");
    CHECK(changed(edit_set, "rule vpn-in keep_flows true") == "+keep_flows = true\n");
    const std::string limit =
        edited(edit_set, office, "limit ssh rate 10/m burst 5 per src/24,src6/56");
    CHECK(change(office, limit)
              .find("[limit.ssh]\n+rate  = \"10/m\"\n+burst = 5\n"
                    "+per   = \"src/24,src6/56\"\n") != std::string::npos);
    CHECK(change(limit, edited(edit_set, limit, "rule vpn-in limit ssh")) ==
          "+limit    = \"ssh\"\n");
    CHECK(change(limit, edited(edit_set, limit, "limit ssh over mark mark 0x1/0xff"))
              .find("mark  = \"0x1/0xff\"") != std::string::npos);
    CHECK(run(edit_set, office, "rule vpn-in limit ssh").summary ==
          "not complete yet: no [limit.ssh] is defined");
    CHECK(run(edit_set, office, "limit ssh burst 5").summary ==
          "not complete yet: 'rate' is missing in [limit.ssh]");
    const Refusal unit = refused(edit_set, office, "limit ssh rate 10");
    CHECK(unit.word == 3);
    CHECK(unit.message == "'rate' has no unit");
    const std::string flows = edited(edit_set, office, "flows new 50000/s tcp_established 1d");
    CHECK(flows.find("[flows]\nnew             = \"50000/s\"\ntcp_established = \"1d\"\n") !=
          std::string::npos);
    CHECK(change(flows, edited(edit_delete, flows, "flows new")) ==
          "-new             = \"50000/s\"\n");
    CHECK(edited(edit_set, flows, "flows new 0").find("new             = 0\n") !=
          std::string::npos);
    CHECK(edited(edit_set, office, "guard sources block except @vpn").find("except  = \"@vpn\"") !=
          std::string::npos);
    CHECK(edited(edit_delete, limit, "limit ssh").find("[limit") == std::string::npos);
}

TEST_CASE("a candidate may be incomplete between two edits") {
    const Edited start = run(edit_set, office, "rule x dport 80");
    CHECK(start.summary.find("not complete yet: 'action' is missing") != std::string::npos);
    const std::string first = edited(edit_set, office, "rule x dport 80");
    const std::string second = edited(edit_set, first, "rule x proto tcp");
    CHECK(edited(edit_set, second, "rule x action drop").find("action = \"drop\"") !=
          std::string::npos);
    // Names that nothing defines are check()'s.
    CHECK_FALSE(run(edit_set, office, "rule telnet src @later").refused.has_value());
}

TEST_CASE("tables without a header of their own are left to the operator") {
    const std::string text = "schema = 1\nset.web = { type = 'port', items = [80] }\n";
    CHECK(refused(edit_set, text, "set web items 81").message ==
          "this is written without a header of its own at rules.toml:2");
    CHECK(refused(edit_set, "schema = \n", "rule x action drop").word == 0);
}

TEST_CASE("every prefix of an edit's words is either done or refused") {
    const std::vector<std::string> words =
        words_of("rule telnet dport [ 22 @x ] src 10.0.0.0/8,!@vpn note a priority 3");
    for (size_t count = 0; count <= words.size(); ++count) {
        const std::span<const std::string> some(words.data(), count);
        for (const Edit edit : {edit_set, edit_add, edit_delete, edit_insert}) {
            const Edited result = edit({{"rules.toml", office}}, some, nothing());
            CHECK((!result.refused || result.files.front().text == office));
        }
    }
}

TEST_CASE("rules of an inspector stay apart from its keys, and go with it") {
    const std::string text = R"(schema = 1

[zone.lan]
interfaces = "eth1"

# Names.
[inspect.web]
deny = "bad.example"

# The first.
[[inspect.web.rule]]
host   = "a.example"
action = "deny"

[[inspect.web.rule]]
action = "log"

[inspect.other]
allow = "a.example"

[[inspect.other.rule]]
action = "allow"
)";
    const std::string with = edited(edit_set, text, "inspect web default deny on_timeout pass");
    CHECK(with.find("deny = \"bad.example\"\ndefault = \"deny\"\non_timeout = \"pass\"\n\n"
                    "# The first.\n[[inspect.web.rule]]\n") != std::string::npos);
    const std::string without = edited(edit_delete, text, "inspect web");
    CHECK(without.find("inspect.web") == std::string::npos);
    CHECK(without.find("[[inspect.other.rule]]\naction = \"allow\"\n") != std::string::npos);
    const std::string last = edited(edit_delete, text, "inspect other");
    CHECK(last.find("inspect.other") == std::string::npos);
    CHECK(last.ends_with("[[inspect.web.rule]]\naction = \"log\"\n"));
    CHECK(run(edit_set, text, "inspect web default perhaps").refused);
}
