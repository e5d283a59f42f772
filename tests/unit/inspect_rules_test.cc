// SPDX-License-Identifier: GPL-3.0-or-later
// [[inspect.NAME.rule]]: each key with its negation and its near miss, from the text of a rule file
// over the daemon's JSON to the inspector's verdict.
#include <deque>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "ctl/inspect/http_path.h"
#include "ctl/inspect/refusal.h"
#include "ctl/inspect/subject.h"
#include "tests/support/inspect_config.h"

namespace {

using pc::FlowProtocol;
using pc::InspectRule;
using pc::inspect::Judgement;
using pc::inspect::NameSet;
using pc::inspect::NameState;
using pc::inspect::Policy;
using pc::inspect::Subject;
using pc::test::carried;
using pc::test::parsed;

std::shared_ptr<const Policy> policy(const std::string& text) {
    return carried(parsed(text)).inspects.at(1).policy;
}

// A policy with one rule that denies, and whether it denies.
struct Rule {
    explicit Rule(const std::string& keys, const std::string& more = "")
        : policy(::policy("[zone.lan]\ninterfaces = \"lan0\"\n" + more +
                          "[inspect.web]\n[[inspect.web.rule]]\naction = \"deny\"\n" + keys)) {}

    [[nodiscard]] bool matches(const Subject& subject) const {
        return !pc::inspect::judge(*policy, subject).allowed;
    }

    std::shared_ptr<const Policy> policy;
};

Subject named(std::string_view name, FlowProtocol protocol = FlowProtocol::tls) {
    Subject subject;
    subject.protocol = protocol;
    subject.state = NameState::found;
    subject.name = name;
    return subject;
}

Subject http(std::string_view method, std::string_view target) {
    Subject subject = named("a.example", FlowProtocol::http);
    subject.method = method;
    static std::deque<std::string> paths; // subjects refer to them
    subject.path = paths.emplace_back(pc::inspect::normal_path(target).first);
    return subject;
}

Subject at(uint16_t minute) {
    Subject subject;
    subject.minute_of_week = minute;
    return subject;
}

Subject from(std::string_view address) {
    Subject subject;
    subject.client = *pc::parse_address(address);
    return subject;
}

} // namespace

TEST_CASE("host: names, patterns, sets and what is not them") {
    const Rule rule(R"(host = ["a.example", "*.b.example", "@ads", "!ok.b.example"])",
                    "[set.ads]\ntype = \"name\"\nitems = [\"ad.example\", \"*.ad.example\"]\n");
    CHECK(rule.matches(named("a.example")));
    CHECK_FALSE(rule.matches(named("x.a.example")));
    CHECK_FALSE(rule.matches(named("b.example")));
    CHECK(rule.matches(named("x.y.b.example")));
    CHECK_FALSE(rule.matches(named("ok.b.example")));
    CHECK(rule.matches(named("ad.example")));
    CHECK(rule.matches(named("x.ad.example")));
    CHECK_FALSE(rule.matches(named("bad.example")));
    CHECK_FALSE(rule.matches(Subject{}));
    CHECK(rule.matches(named("a.example", FlowProtocol::http)));
    const Rule others("host = \"!a.example\"");
    CHECK(others.matches(named("b.example")));
    CHECK_FALSE(others.matches(named("a.example")));
    CHECK_FALSE(others.matches(Subject{})); // there is no name that could be another
}

TEST_CASE("alpn: one of those offered; what is not offered, of a flow that offers") {
    const std::vector<std::string> h2{"h2", "http/1.1"};
    const std::vector<std::string> old{"http/1.1"};
    const auto offering = [](const std::vector<std::string>& alpn) {
        Subject subject = named("a.example");
        subject.alpn = alpn;
        return subject;
    };
    const Rule rule("alpn = \"h2\"");
    CHECK(rule.matches(offering(h2)));
    CHECK_FALSE(rule.matches(offering(old)));
    CHECK_FALSE(rule.matches(http("GET", "/")));
    const Rule others("alpn = \"!h2\"");
    CHECK_FALSE(others.matches(offering(h2)));
    CHECK(others.matches(offering(old)));
    CHECK(others.matches(offering({}))); // the hello is known, and h2 is not in it
    CHECK_FALSE(others.matches(http("GET", "/")));
}

TEST_CASE("method and path: of HTTP, the path in one spelling") {
    CHECK(Rule("method = \"GET\"").matches(http("GET", "/")));
    CHECK_FALSE(Rule("method = \"GET\"").matches(http("POST", "/")));
    CHECK_FALSE(Rule("method = \"!GET\"").matches(http("GET", "/")));
    CHECK(Rule("method = \"!GET\"").matches(http("POST", "/")));
    CHECK_FALSE(Rule("method = \"!GET\"").matches(named("a.example")));
    const Rule exact("path = \"/admin\"");
    CHECK(exact.matches(http("GET", "/admin")));
    CHECK(exact.matches(http("GET", "/admin?x=/y")));
    CHECK(exact.matches(http("GET", "/a/..//%61dmi%6E?f")));
    CHECK_FALSE(exact.matches(http("GET", "/admin/")));
    CHECK_FALSE(exact.matches(http("GET", "/Admin")));
    CHECK_FALSE(exact.matches(http("GET", "/administrator")));
    const Rule below(R"(path = ["/admin/*", "!/admin/public*"])");
    CHECK(below.matches(http("GET", "/admin/")));
    CHECK(below.matches(http("GET", "/admin/x/y")));
    CHECK_FALSE(below.matches(http("GET", "/admin")));
    CHECK_FALSE(below.matches(http("GET", "/admin/publicity")));
    CHECK_FALSE(Rule("path = \"!/admin\"").matches(named("a.example")));
    CHECK_FALSE(Rule("path = \"!/admin\"").matches(http("CONNECT", "host:443")));
}

TEST_CASE("ja4, ech and protocol") {
    Subject hello = named("a.example");
    hello.ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1";
    const std::string other = "\"t13d1516h2_8daaf6152771_e5627efa2ab2\"";
    CHECK(Rule("ja4 = \"t13d1516h2_8daaf6152771_e5627efa2ab1\"").matches(hello));
    CHECK_FALSE(Rule("ja4 = " + other).matches(hello));
    CHECK(Rule("ja4 = \"!" + other.substr(1)).matches(hello));
    CHECK_FALSE(Rule("ja4 = \"!" + other.substr(1)).matches(named("a.example")));
    CHECK(Rule("ech = false").matches(hello));
    CHECK_FALSE(Rule("ech = true").matches(hello));
    hello.ech = true;
    CHECK(Rule("ech = true").matches(hello));
    CHECK_FALSE(Rule("ech = false").matches(hello));
    CHECK_FALSE(Rule("ech = false").matches(http("GET", "/")));
    for (const FlowProtocol protocol : {FlowProtocol::tls, FlowProtocol::http, FlowProtocol::quic,
                                        FlowProtocol::dns, FlowProtocol::none}) {
        const std::string word(pc::to_string(protocol));
        for (const FlowProtocol seen : {FlowProtocol::tls, FlowProtocol::http, FlowProtocol::quic,
                                        FlowProtocol::dns, FlowProtocol::none}) {
            INFO(word << " and " << pc::to_string(seen));
            Subject subject;
            subject.protocol = seen;
            CHECK(Rule("protocol = \"" + word + "\"").matches(subject) == (seen == protocol));
            CHECK(Rule("protocol = \"!" + word + "\"").matches(subject) == (seen != protocol));
        }
    }
}

TEST_CASE("client and zone") {
    const Rule rule(R"(client = ["10.0.0.0/24", "@net", "!10.0.0.7"])",
                    "[set.net]\nitems = [\"2001:db8::/32\"]\n");
    CHECK(rule.matches(from("10.0.0.1")));
    CHECK(rule.matches(from("2001:db8:1::1")));
    CHECK_FALSE(rule.matches(from("10.0.0.7")));
    CHECK_FALSE(rule.matches(from("10.0.1.0")));
    CHECK_FALSE(rule.matches(from("2001:db9::")));
    CHECK(Rule("client = \"!10.0.0.0/8\"").matches(from("2001:db8::1")));
    CHECK_FALSE(Rule("client = \"!10.0.0.0/8\"").matches(from("10.9.9.9")));
    CHECK_FALSE(Rule(R"(client = ["10.0.0.1", "!10.0.0.1"])").matches(from("10.0.0.1")));
    Subject inside;
    inside.zone = "lan";
    CHECK(Rule("zone = \"lan\"").matches(inside));
    CHECK_FALSE(Rule("zone = \"lan\"").matches(Subject{}));
    CHECK_FALSE(Rule("zone = \"!lan\"").matches(inside));
    inside.zone = "dmz";
    CHECK(Rule("zone = \"!lan\"").matches(inside));
    CHECK_FALSE(Rule("zone = \"lan\"").matches(inside));
}

TEST_CASE("time: days, hours, over midnight and over the end of the week") {
    constexpr uint16_t day = 1440;
    const Rule office("time = \"Mon-Fri 08:00-18:00\"");
    CHECK_FALSE(office.matches(at(8 * 60 - 1)));
    CHECK(office.matches(at(8 * 60)));
    CHECK(office.matches(at(4 * day + 18 * 60 - 1)));
    CHECK_FALSE(office.matches(at(4 * day + 18 * 60)));
    CHECK_FALSE(office.matches(at(5 * day + 9 * 60)));
    const Rule night("time = \"Sun 22:00-06:00\"");
    CHECK(night.matches(at(7 * day - 1)));
    CHECK(night.matches(at(0)));
    CHECK(night.matches(at(6 * 60 - 1)));
    CHECK_FALSE(night.matches(at(6 * 60)));
    CHECK_FALSE(night.matches(at(6 * day)));
    const Rule rest(R"(time = ["Sat-Mon", "!Sun"])");
    CHECK(rest.matches(at(0)));
    CHECK_FALSE(rest.matches(at(day)));
    CHECK(rest.matches(at(6 * day - 1)));
    CHECK_FALSE(rest.matches(at(6 * day)));
}

TEST_CASE("a time of the week is printed as it is read") {
    for (const auto& [text, printed] : std::vector<std::pair<std::string, std::string>>{
             {"mon", "Mon"},
             {"Mon,Tue", "Mon,Tue"},
             {"Fri-Mon 10:00-11:00", "Mon,Fri-Sun 10:00-11:00"},
             {"Mon-Sun", "Mon-Sun"},
             {"00:00-24:00", "Mon-Sun"},
             {"22:00-06:00", "22:00-06:00"},
             {"Sat,Sun  00:00-12:30", "Sat,Sun 00:00-12:30"}}) {
        INFO(text);
        const auto time = pc::parse_week_time(text);
        REQUIRE(time);
        CHECK(pc::to_string(*time) == printed);
        CHECK(pc::parse_week_time(printed) == time);
    }
    for (const char* bad :
         {"", "Mon-", "-Mon", "Mon,", "Mon 8:00-9:00", "Mon 08:00", "25:00-26:00", "08:00-24:01",
          "08:60-09:00", "Mon  ", "08:00-09:00 Mon", "24:00-01:00", "0a:00-09:00", "Funday"}) {
        INFO(bad);
        CHECK_FALSE(pc::parse_week_time(bad));
    }
}

TEST_CASE("the first rule that decides ends the walk; log goes on; limit allows at a rate") {
    const auto rules = policy(R"(
[inspect.web]
deny    = ["never.example"]
allow   = ["late.example", "stopped.example"]
[[inspect.web.rule]]
name   = "noted"
host   = "*.example"
action = "log"
[[inspect.web.rule]]
host   = ["slow.example", "never.example"]
action = "limit"
rate   = "10mbit"
[[inspect.web.rule]]
name      = "stop"
host      = ["stopped.example", "slow.example"]
action    = "deny"
deny_with = "page"
[[inspect.web.rule]]
host   = "good.test"
action = "allow"
)");
    const auto judge = [&](std::string_view name) {
        return pc::inspect::judge(*rules, named(name));
    };
    const Judgement slow = judge("slow.example");
    CHECK(slow.allowed);
    CHECK(slow.rule == "#2");
    CHECK(slow.reason == "rule #2");
    CHECK(slow.bits_per_second == 10'000'000);
    CHECK(slow.logged == std::vector<std::string>{"noted"});
    const Judgement stopped = judge("stopped.example");
    CHECK_FALSE(stopped.allowed);
    CHECK(stopped.rule == "stop");
    CHECK(stopped.deny_with == InspectRule::DenyWith::page);
    CHECK(judge("never.example").reason == "deny never.example");
    CHECK(judge("never.example").deny_with == InspectRule::DenyWith::reset);
    CHECK(judge("late.example").reason == "allow late.example");
    CHECK(judge("good.test").reason == "rule #4");
    CHECK(judge("good.test").logged.empty());
    CHECK(judge("other.test").reason == "not in allow");
    CHECK_FALSE(judge("other.test").allowed);
    CHECK_FALSE(pc::inspect::judge(*rules, Subject{}).allowed);
}

TEST_CASE("default, ech and what is broken or late") {
    const auto decide = [](const std::string& keys, NameState state, bool ech = false) {
        Subject subject = named("a.example");
        subject.state = state;
        subject.fault = "why";
        subject.ech = ech;
        return pc::inspect::judge(*policy("[inspect.web]\n" + keys), subject);
    };
    CHECK(decide("", NameState::found).reason == "no list");
    CHECK(decide("default = \"allow\"", NameState::found).reason == "default allow");
    CHECK(decide("default = \"deny\"", NameState::none).reason == "default deny");
    CHECK_FALSE(decide("default = \"deny\"", NameState::found).allowed);
    CHECK(decide("default = \"deny\"\nallow = \"a.example\"", NameState::found).allowed);
    CHECK_FALSE(decide("ech = \"drop\"", NameState::found, true).allowed);
    CHECK(decide("ech = \"drop\"", NameState::found, true).reason == "ech");
    CHECK(decide("ech = \"drop\"", NameState::found, false).allowed);
    CHECK(decide("ech = \"log\"", NameState::found, true).logged ==
          std::vector<std::string>{"ech"});
    CHECK(decide("ech = \"log\"", NameState::found, false).logged.empty());
    CHECK(decide("ech = \"allow\"", NameState::found, true).allowed);
    // As ever: nothing to judge by, nothing to step around.
    CHECK(decide("", NameState::malformed).allowed);
    CHECK(decide("", NameState::late).allowed);
    for (const char* keys : {"default = \"deny\"", "default = \"allow\"", "deny = \"x.example\"",
                             "ech = \"drop\"", "[[inspect.web.rule]]\naction = \"allow\""}) {
        INFO(keys);
        CHECK_FALSE(decide(keys, NameState::malformed).allowed);
        CHECK_FALSE(decide(keys, NameState::late).allowed);
        CHECK(decide(keys, NameState::late).reason == "malformed: why");
    }
    const std::string passes = "default = \"deny\"\non_parse_error = \"pass\"";
    CHECK(decide(passes, NameState::malformed).allowed);
    CHECK(decide(passes, NameState::late).allowed);
    CHECK_FALSE(decide(passes + "\non_timeout = \"drop\"", NameState::late).allowed);
    CHECK_FALSE(decide("on_parse_error = \"drop\"", NameState::malformed).allowed);
    CHECK(decide("on_timeout = \"pass\"\ndefault = \"deny\"", NameState::late).allowed);
    CHECK_FALSE(policy("[inspect.web]")->overload_passes);
    CHECK(policy("[inspect.web]\non_overload = \"pass\"")->overload_passes);
}

TEST_CASE("a set of names is exact, whatever its seed") {
    std::string lines;
    std::vector<std::string> names;
    for (int i = 0; i < 20000; ++i) {
        names.push_back("n" + std::to_string(i) + ".example");
        lines += (i % 2 == 0 ? "" : "*.") + names.back() + "\n";
        lines += i % 10 == 0 ? names.back() + "\n" : "";
    }
    for (const uint64_t seed : {uint64_t{0}, uint64_t{12345}, ~uint64_t{0}}) {
        const NameSet set = NameSet::from_lines(lines, seed).take();
        CHECK(set.size() == 20000);
        for (size_t i = 0; i < names.size(); ++i) {
            const bool exact = i % 2 == 0;
            const std::string below = "x.y." + names[i];
            REQUIRE(set.find(names[i]) == (exact ? names[i] : ""));
            REQUIRE(set.find(below) == (exact ? "" : "*." + names[i]));
            REQUIRE(set.find("x" + names[i]).empty());
        }
        CHECK(set.find("example").empty());
        CHECK(set.find("").empty());
        CHECK(set.find(std::string(300, 'a')).empty());
        CHECK(set.bytes() < 60 * names.size());
    }
    CHECK(NameSet::from_lines("", 1).take().find("a").empty());
    const NameSet both = NameSet::from_lines("*.a.b\n*.b\nx.a.b\n", 1).take();
    CHECK(both.find("x.a.b") == "x.a.b");
    CHECK(both.find("y.a.b") == "*.a.b");
    CHECK(both.find("a.b") == "*.b");
    for (const char* bad : {"a", "\n", "*.\n", "A\n", "a b\n", "a..b\n", ".a\n", "a.\n", "*\n",
                            "a.*.b\n", "\xc3\xa4\n"}) {
        INFO(bad);
        CHECK_FALSE(NameSet::from_lines(bad, 1).ok());
    }
    CHECK_FALSE(NameSet::from_lines(std::string(256, 'a') + "\n", 1).ok());
    CHECK(NameSet::from_lines(std::string(255, 'a') + "\n", 1).ok());
}

TEST_CASE("lines of hosts files, comments and patterns make a set of names") {
    const auto read = [](std::string_view, std::string_view) {
        return pc::Result<std::vector<pc::SourceFile>>(std::vector<pc::SourceFile>{
            {"list", "\xef\xbb\xbf# list\r\nAd.Example.\r\n*.T.Example # all\n\n"
                     "0.0.0.0 one.example\ttwo.example\n::1 six.example\n  three.example  \n"}});
    };
    const pc::Parsed parsed =
        pc::parse({"r.toml", "schema = 1\n[set.s]\ntype = \"name\"\nfile = \"list\"\n"}, read);
    REQUIRE_FALSE(parsed.diagnostics.has_errors());
    CHECK(parsed.rules.sets.at(0).file_names ==
          "ad.example\n*.t.example\none.example\ntwo.example\nsix.example\nthree.example\n");
    CHECK(parsed.rules.sets.at(0).file_names_count == 6);
}

TEST_CASE("a configuration reads a set once, and says which zone an interface is in") {
    const std::string folder = std::filesystem::temp_directory_path().string();
    const std::string file = "portcullis-set-" + std::to_string(getpid());
    const nlohmann::json json{
        {"bypass_mark", 1U}, {"sets", {{"ads", file}}}, {"zones", {{"7", "lan"}}}};
    std::ofstream(folder + "/" + file) << "a.example\n";
    const auto first = pc::inspect::parse_config(json, pc::inspect::sets_in(folder, {})).take();
    std::filesystem::remove(folder + "/" + file);
    CHECK(first.zones.at(7) == "lan");
    CHECK(first.sets.at(file)->find("a.example") == "a.example");
    const auto again =
        pc::inspect::parse_config(json, pc::inspect::sets_in(folder, first.sets)).take();
    CHECK(again.sets.at(file) == first.sets.at(file));
    CHECK_FALSE(pc::inspect::parse_config(json, pc::inspect::sets_in(folder, {})).ok());
}

TEST_CASE("the page of a denied request is HTTP that names host and rule") {
    const std::string page = pc::inspect::refusal_page("GET", "a.example", "ads");
    const size_t body = page.find("\r\n\r\n") + 4;
    CHECK(page.starts_with("HTTP/1.1 403 Forbidden\r\n"));
    CHECK(page.find("Content-Length: " + std::to_string(page.size() - body) + "\r\n") < body);
    CHECK(page.find("Host: a.example\nRule: ads\n") > body);
    const std::string head = pc::inspect::refusal_page("HEAD", "a.example", "ads");
    CHECK(head == page.substr(0, body));
}

TEST_CASE("rules of an inspector, and ranges of a client list, have their limits") {
    const auto codes = [](const std::string& text, const std::string& list) {
        const auto read = [&](std::string_view, std::string_view) {
            return pc::Result<std::vector<pc::SourceFile>>(
                std::vector<pc::SourceFile>{{"list", list}});
        };
        pc::Parsed parsed = pc::parse({"r.toml", "schema = 1\n" + text}, read);
        pc::check(parsed.rules, {}, parsed.diagnostics);
        std::string found;
        for (const pc::Diagnostic& each : parsed.diagnostics.list) {
            found += each.severity == pc::Severity::error ? each.code + " " : "";
        }
        return found;
    };
    std::string rules = "[inspect.web]\n";
    for (size_t i = 0; i < pc::inspect_rules_max; ++i) {
        rules += "[[inspect.web.rule]]\naction = \"log\"\n";
    }
    CHECK(codes(rules, "").empty());
    CHECK(codes(rules + "[[inspect.web.rule]]\naction = \"log\"\n", "") == "E070 ");
    const std::string named = "[set.s]\nfile = \"list\"\n[inspect.web]\n[[inspect.web.rule]]\n"
                              "action = \"deny\"\nclient = \"@s\"\n";
    std::string list;
    for (size_t i = 0; i < pc::client_ranges_max; ++i) {
        const size_t even = 2 * i;
        list += "10." + std::to_string(even >> 16) + "." + std::to_string(even >> 8 & 255) + "." +
                std::to_string(even & 255) + "\n";
    }
    CHECK(codes(named, list).empty());
    CHECK(codes(named, list + "192.0.2.1\n") == "E070 ");
}

TEST_CASE("the minute of the week is the router's own") {
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    CHECK(pc::inspect::minute_of_week(1'704'063'600) == 0); // Mon 2024-01-01 00:00 CET
    CHECK(pc::inspect::minute_of_week(1'704'063'600 - 60) == 7 * 1440 - 1);
    setenv("TZ", "UTC", 1);
    tzset();
    CHECK(pc::inspect::minute_of_week(1'704'063'600) == 6 * 1440 + 23 * 60);
}
