// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/explain.h"

#include "tests/support/rules_text.h"

using namespace pc;
using namespace pc::test;

namespace {

const std::string office = R"(
[zone.transit]
interfaces = ["eth0"]
[zone.lan]
interfaces = ["eth1"]
[set.drop]
items = ["45.148.10.0/24"]
[inspect.web]
port = 8443
[[rule]]
name = "bgp"
priority = 100
in = "transit"
proto = "tcp"
dport = 179
action = "accept"
[[rule]]
name = "all"
priority = 150
action = "count"
[[rule]]
name = "drop-list"
priority = 300
in = "transit"
src = "@drop"
action = "drop"
[[rule]]
name = "web"
priority = 500
in = "lan"
out = "transit"
proto = "tcp"
dport = 443
action = "inspect"
inspect = "web"
[[rule]]
name = "off"
priority = 510
disabled = true
action = "drop"
)";

std::string text_of(const std::string& rules_text, const std::string& line,
                    const Environment& environment = {}) {
    const RuleSet rules = rules_of(rules_text);
    const Packet packet = packet_of(rules, line);
    return "\n" + explain_text(rules, environment, packet, verdict_of(rules, environment, packet));
}

std::string json_of(const std::string& rules_text, const std::string& line) {
    const RuleSet rules = rules_of(rules_text);
    return explain_json(verdict_of(rules, {}, packet_of(rules, line)));
}

} // namespace

TEST_CASE("a drop is explained rule by rule, with its place and a way out") {
    CHECK(text_of(office, "in transit tcp 45.148.10.14:40000 203.0.113.7:22") == R"(
 1 parse     ipv4 / tcp syn, 60 bytes                                 ok
 2 zone      transit                                                  hook xdp
 3 rule 100  bgp        dport 22 is not 179                           no
 4 rule 150  all        no conditions                                 MATCH, count, goes on
 5 rule 300  drop-list  in transit, src in 45.148.10.0/24 (set drop)  MATCH
 => DROP by drop-list (rules.toml:22).  Not reached: 500, default.
    To let it pass: `set set drop exclude 45.148.10.14` or a rule with priority < 300.
)");
}

TEST_CASE("an inspected flow names its inspector and what happens without it") {
    CHECK(text_of(office, "in lan tcp 192.168.10.20:50000 93.184.216.34:443 out transit") == R"(
 1 parse     ipv4 / tcp syn, 60 bytes                              ok
 2 zone      lan -> transit                                        hook xdp
 3 rule 100  bgp        in lan is not transit                      no
 4 rule 150  all        no conditions                              MATCH, count, goes on
 5 rule 300  drop-list  in lan is not transit                      no
 6 rule 500  web        in lan, proto tcp, dport 443, out transit  MATCH (tc)
 => INSPECT by web (rules.toml:28).  Not reached: default.
    Inspector web, port 8443; it looks at what the client says first and lets the connection go; if it is down: pass.
)");
}

TEST_CASE("whether an inspector ends connections, and for which rule") {
    const auto words = [](const std::string& keys) {
        std::string text = office;
        text.replace(text.find("port = 8443\n"), 12, keys);
        text = text_of(text, "in lan tcp 192.168.10.20:50000 93.184.216.34:443 out transit");
        text = text.substr(text.find("Inspector web"));
        return text.substr(0, text.find(';', text.find(';') + 1));
    };
    const std::string ends =
        "Inspector web; it ends the connection and makes its own to the server";
    CHECK(words("mode = \"terminate\"\n") == ends);
    CHECK(words("mode = \"terminate\"\n[[inspect.web.rule]]\npath = \"/a\"\naction = \"deny\"\n") ==
          ends);
    CHECK(words("mode = \"peek\"\n") ==
          "Inspector web; it looks at what the client says first and lets the connection go");
    CHECK(words("[inspect.web.upstream]\nservers = [\"192.0.2.1:80\"]\n") ==
          ends + " ([inspect.web.upstream])");
    for (const auto& [key, rule] :
         std::map<std::string, std::string>{{"path", "path = \"/a\"\naction = \"deny\""},
                                            {"method", "method = \"PUT\"\naction = \"deny\""},
                                            {"page", "action = \"deny\"\ndeny_with = \"page\""},
                                            {"limit", "action = \"limit\"\nrate = \"1mbit\""}}) {
        CHECK(words("[[inspect.web.rule]]\nhost = \"a.example\"\naction = \"log\"\n"
                    "[[inspect.web.rule]]\n" +
                    rule + "\n") == ends + " ([[inspect.web.rule]] number 2 has '" + key + "')");
    }
}

TEST_CASE("without a rule the default is named") {
    const std::string drop = "[defaults]\naction = \"drop\"\nfragments = \"accept-first\"\n";
    const std::string zone = "[zone.lan]\ninterfaces = [\"eth1\"]\n";
    const auto last = [](const std::string& text) {
        const size_t at = text.find(" => ");
        return at == std::string::npos ? text : text.substr(at);
    };
    const std::string udp = "in lan udp 1.1.1.1 2.2.2.2";
    CHECK(last(text_of(zone, udp)) == " => ACCEPT by default: [defaults] action.\n");
    CHECK(last(text_of(drop + zone, udp)) == " => DROP by default: [defaults] action.\n");
    CHECK(last(text_of(drop + zone + "default = \"accept\"\n", udp)) ==
          " => ACCEPT by default: [zone.lan] default.\n");
    CHECK(last(text_of(drop + zone, udp + " frag non-first")) ==
          " => DROP by default: [defaults] fragments: a rule that accepts such a fragment would "
          "come first.\n");
    CHECK(last(text_of(drop + zone, "in lan icmp6 ::1 ::2 type 2")) ==
          " => ACCEPT by default: IPv6 and path MTU discovery need it (RFC 4890).\n");
    CHECK(
        last(text_of(drop + zone, "udp 1.1.1.1 2.2.2.2 out lan")) ==
        " => ACCEPT by default: no rule with `out` or inspect matches the router's own packet.\n");
}

TEST_CASE("a packet of a known flow is explained") {
    const std::string zone =
        "[zone.lan]\ninterfaces = [\"eth1\"]\nestablished = true\n[[rule]]\nname = \"all\"\n"
        "state = \"!invalid\"\naction = \"drop\"\n";
    CHECK(text_of(zone, "in lan udp 192.0.2.1 2.2.2.2 state established") == R"(
 1 parse  ipv4 / udp, established, 60 bytes  ok
 2 zone   lan                                hook xdp
 3 flows  state established in zone lan      MATCH
 => ACCEPT by flow: [zone.lan] established, before all rules.
)");
    CHECK(text_of(zone, "in lan udp 192.0.2.1 2.2.2.2") == R"(
 1 parse    ipv4 / udp, 60 bytes           ok
 2 zone     lan                            hook xdp
 3 rule 10  all  state new is not invalid  MATCH
 => DROP by all (rules.toml:5).  Not reached: default.
    To let it pass: a rule with priority < 10.
)");
}

TEST_CASE("a limit is named where a rule matches: whether it is exceeded is not known here") {
    const std::string text =
        "[zone.wan]\ninterfaces = [\"eth0\"]\n[limit.ssh]\nrate = \"10/m\"\n"
        "[[rule]]\nname = \"counted\"\naction = \"count\"\nlimit = \"ssh\"\n"
        "[[rule]]\nname = \"udp\"\naction = \"drop\"\nlimit = \"ssh\"\nproto = \"udp\"\n";
    CHECK(text_of(text, "in wan udp 192.0.2.1 2.2.2.2") == R"(
 1 parse    ipv4 / udp, 60 bytes           ok
 2 zone     wan                            hook xdp
 3 rule 10  counted  no conditions         MATCH (within limit ssh), count, goes on
 4 rule 20  udp      proto udp             MATCH (within limit ssh)
 => DROP by udp (rules.toml:10).  Not reached: default.
    To let it pass: a rule with priority < 20.
)");
}

TEST_CASE("a blocked source is explained") {
    Environment environment;
    environment.dynamic["blocks"] = {range_of(parse_prefix("192.0.2.0/24").prefix)};
    CHECK(text_of(office, "in lan udp 192.0.2.1 2.2.2.2", environment) == R"(
 1 parse   ipv4 / udp, 60 bytes  ok
 2 zone    lan                   hook xdp
 3 blocks  src in @blocks        MATCH
 => DROP by @blocks: the source is blocked; `unblock` lets it pass.
)");
}

TEST_CASE("an entry of a dynamic set is explained, and how to take it out") {
    const std::string text = "[zone.lan]\ninterfaces = [\"eth1\"]\n[set.scrub]\ndynamic = true\n"
                             "[[rule]]\nname = \"victims\"\nsrc = \"@scrub\"\n"
                             "action = \"drop\"\n";
    Environment environment;
    environment.dynamic["scrub"] = {range_of(parse_prefix("192.0.2.0/24").prefix)};
    CHECK(text_of(text, "in lan udp 192.0.2.1 2.2.2.2", environment) == R"(
 1 parse    ipv4 / udp, 60 bytes                      ok
 2 zone     lan                                       hook xdp
 3 rule 10  victims  src in 192.0.2.0/24 (set scrub)  MATCH
 => DROP by victims (rules.toml:6).  Not reached: default.
    To let it pass: `unblock 192.0.2.0/24 in scrub` or a rule with priority < 10.
)");
}

TEST_CASE("a mark is shown, and a fragment that cannot be diverted") {
    const std::string text = office + "[[rule]]\nname = \"m\"\npriority = 5\naction = \"mark\"\n"
                                      "mark = \"0x1/0xff\"\n";
    CHECK(text_of(text, "in lan udp 1.1.1.1 2.2.2.2").ends_with("    Mark: 0x1/0xff.\n"));
    CHECK(text_of(office, "in lan tcp 1.1.1.1 2.2.2.2:443 out transit frag first")
              .ends_with("    A TCP fragment cannot be diverted: it is dropped "
                         "(inspect-fragment).\n"));
    const std::string datagrams = office +
                                  "[[rule]]\nname = \"d\"\npriority = 5\nout = \"transit\"\n"
                                  "proto = \"udp\"\naction = \"inspect\"\ninspect = \"web\"\n";
    CHECK(text_of(datagrams, "in lan udp 1.1.1.1 2.2.2.2 out transit frag non-first")
              .ends_with("    A later fragment follows the first one; alone it is dropped "
                         "(inspect-fragment).\n"));
}

TEST_CASE("the JSON object of a verdict") {
    const std::string steps =
        R"json({"rule":"bgp","matched":false,"why":"dport 22 is not 179"},)json"
        R"json({"rule":"all","matched":true,"why":"no conditions"},)json"
        R"json({"rule":"drop-list","matched":true,"why":)json"
        R"json("in transit, src in 45.148.10.0/24 (set drop)"})json";
    CHECK(json_of(office, "in transit tcp 45.148.10.14 203.0.113.7:22") ==
          R"({"verdict":"drop","rule":"drop-list","hook":"xdp","steps":[)" + steps + "]}");
    CHECK(json_of("[zone.lan]\ninterfaces = [\"a\"]\n", "in lan udp ::1 ::2") ==
          R"({"verdict":"accept","rule":null,"hook":"xdp","reason":"policy-accept","steps":[]})");
}

TEST_CASE("JSON text is escaped") {
    Meaning meaning;
    meaning.rule = "a\"b\\c\n\x01";
    CHECK(explain_json(meaning) ==
          R"({"verdict":"accept","rule":"a\"b\\c\u000a\u0001","hook":"xdp","steps":[]})");
}

TEST_CASE("a verdict in a few words") {
    Meaning meaning;
    meaning.reason = "policy-accept";
    CHECK(verdict_words(meaning) == "ACCEPT by default");
    meaning.verdict = Verdict::reject;
    meaning.rule = "x";
    CHECK(verdict_words(meaning) == "REJECT by x");
}
