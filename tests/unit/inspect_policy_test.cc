// SPDX-License-Identifier: GPL-3.0-or-later
// Allow and deny by name; the configuration they come from; and the line that tells of the verdict.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "ctl/inspect/config.h"
#include "ctl/inspect/eve.h"
#include "ctl/inspect/policy.h"
#include "ctl/protocol/eve_flow_id.h"

namespace {

using namespace std::string_view_literals;
using pc::inspect::Judgement;
using pc::inspect::NameState;
using pc::inspect::Policy;

pc::Result<Policy> make(const std::vector<std::string>& allow,
                        const std::vector<std::string>& deny) {
    pc::Inspect inspect;
    inspect.allow = allow;
    inspect.deny = deny;
    return pc::inspect::make_policy(inspect, {}, {});
}

Policy policy(const std::vector<std::string>& allow, const std::vector<std::string>& deny) {
    return make(allow, deny).take();
}

Judgement judge_state(const Policy& policy, NameState state, std::string_view name = "",
                      std::string_view fault = "") {
    pc::inspect::Subject subject;
    subject.state = state;
    subject.name = name;
    subject.fault = fault;
    return pc::inspect::judge(policy, subject);
}

Judgement judge_name(const Policy& policy, std::string_view name) {
    return judge_state(policy, NameState::found, name);
}

pc::Result<pc::inspect::Config> parse_config(std::string_view text) {
    return pc::inspect::parse_config(text, pc::inspect::sets_in("/nonexistent", {}));
}

bool allows(const Policy& policy, std::string_view name) {
    return judge_name(policy, name).allowed;
}

} // namespace

TEST_CASE("an exact pattern holds that name alone") {
    const Policy deny = policy({}, {"a.example"});
    CHECK_FALSE(allows(deny, "a.example"));
    CHECK(allows(deny, "b.a.example"));
    CHECK(allows(deny, "xa.example"));
    CHECK(allows(deny, "example"));
}

TEST_CASE("a suffix pattern holds names below it at any depth, not the suffix itself") {
    const Policy deny = policy({}, {"*.a.example"});
    CHECK_FALSE(allows(deny, "b.a.example"));
    CHECK_FALSE(allows(deny, "c.b.a.example"));
    CHECK(allows(deny, "a.example"));
    CHECK(allows(deny, "ba.example"));
    CHECK(allows(deny, ".a.example"));
    CHECK(allows(deny, "example"));
}

TEST_CASE("patterns do not depend on case or on a trailing dot") {
    const Policy deny = policy({}, {"A.Example.", "*.B.EXAMPLE"});
    CHECK_FALSE(allows(deny, "a.example"));
    CHECK_FALSE(allows(deny, "x.b.example"));
}

TEST_CASE("deny wins over allow, and what allow does not name is denied") {
    const Policy both = policy({"*.example", "other.test"}, {"bad.example", "*.bad.example"});
    CHECK(judge_name(both, "good.example").reason == "allow *.example");
    CHECK(judge_name(both, "other.test").reason == "allow other.test");
    CHECK(judge_name(both, "bad.example").reason == "deny bad.example");
    CHECK(judge_name(both, "x.bad.example").reason == "deny *.bad.example");
    CHECK(judge_name(both, "elsewhere.test").reason == "not in allow");
    CHECK(allows(both, "good.example"));
    CHECK_FALSE(allows(both, "bad.example"));
    CHECK_FALSE(allows(both, "elsewhere.test"));
}

TEST_CASE("without a name only an allow list denies; malformed is denied by any list") {
    const auto nameless = [](const Policy& policy) {
        return judge_state(policy, NameState::none).allowed;
    };
    const auto broken = [](const Policy& policy) {
        return judge_state(policy, NameState::malformed, "", "why");
    };
    CHECK(nameless(policy({}, {})));
    CHECK(nameless(policy({}, {"a.example"})));
    CHECK_FALSE(nameless(policy({"a.example"}, {})));
    CHECK(broken(policy({}, {})).allowed);
    CHECK_FALSE(broken(policy({}, {"a.example"})).allowed);
    CHECK_FALSE(broken(policy({"a.example"}, {})).allowed);
    CHECK(broken(policy({}, {"a.example"})).reason == "malformed: why");
}

TEST_CASE("patterns that mean nothing are refused by name") {
    for (const char* pattern :
         {"", "*", "*.", "a.*.example", "**.example", "*.*.example", ".a", "a b", "a/b", "*.."}) {
        INFO(pattern);
        const std::vector<std::string> list{pattern};
        const auto refused = make(list, {});
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().message.find(pattern) != std::string::npos);
    }
}

TEST_CASE("a configuration says what each inspect id means") {
    const auto config = parse_config(R"({"revision":7,"bypass_mark":128,
        "inspects":{"1":{"name":"web","on_down":"pass","allow":["a.example"],"deny":[],
                         "max_flows":5,"on_overload":"pass"},"2":{"name":"empty"}},
        "rules":{"12":"inspect-web"},"later":true})"sv)
                            .take();
    CHECK(config.revision == 7);
    CHECK(config.bypass_mark == 128);
    CHECK(config.inspects.at(1).name == "web");
    CHECK(config.inspects.at(1).flows_max == 5);
    CHECK(config.inspects.at(1).policy->overload_passes);
    CHECK_FALSE(config.inspects.at(2).policy->overload_passes);
    CHECK(config.find(2) == &config.inspects.at(2));
    CHECK(config.find(3) == nullptr);
    CHECK_FALSE(allows(*config.inspects.at(1).policy, "b.example"));
    CHECK(allows(*config.inspects.at(2).policy, "b.example"));
    CHECK(config.rules.at(12) == "inspect-web");
}

TEST_CASE("a broken configuration is refused as a whole") {
    for (const std::string_view text :
         {""sv,
          "[]"sv,
          "{"sv,
          R"({})"sv,
          R"({"bypass_mark":0})"sv,
          R"({"bypass_mark":-1})"sv,
          R"({"bypass_mark":4294967296})"sv,
          R"({"bypass_mark":"1"})"sv,
          R"({"bypass_mark":1,"inspects":[]})"sv,
          R"({"bypass_mark":1,"inspects":{"64":{}}})"sv,
          R"({"bypass_mark":1,"inspects":{"x":{"name":"n"}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n","deny":"x"}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n","deny":[1]}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n","allow":["*"]}}})"sv,
          R"({"bypass_mark":1,"rules":{"1":2}})"sv,
          R"({"bypass_mark":1,"zones":{"x":"lan"}})"sv,
          R"({"bypass_mark":1,"sets":{"ads":"names/there-is-none"}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n","default":"pass"}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n","ech":"deny"}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n","on_timeout":"x"}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n","rules":{}}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n","rules":[{}]}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n","rules":[{"action":"x"}]}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n",
              "rules":[{"action":"deny","host":["@ads"]}]}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n",
              "rules":[{"action":"deny","host":["a b"]}]}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n",
              "rules":[{"action":"deny","protocol":["smtp"]}]}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n",
              "rules":[{"action":"deny","time":["Mon-Fry"]}]}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n",
              "rules":[{"action":"deny","client":["10.0.0.9-10.0.0.1"]}]}}})"sv,
          R"({"bypass_mark":1,"inspects":{"1":{"name":"n",
              "rules":[{"action":"deny","ech":"true"}]}}})"sv}) {
        INFO(text);
        CHECK_FALSE(parse_config(text).ok());
    }
}

TEST_CASE("a flow is one JSON line with EVE names and the client before NAT") {
    pc::inspect::EveRecord record;
    record.start = pc::inspect::WallTime(std::chrono::microseconds(1'700'000'000'000'007));
    record.written = record.start + std::chrono::seconds(2);
    record.origin.client = {{pc::Family::v4, {10, 1, 0, 2}}, 40000};
    record.origin.nat = {{pc::Family::v4, {10, 2, 0, 1}}, 50000};
    record.origin.server = {{pc::Family::v4, {10, 2, 0, 2}}, 443};
    record.in_iface = "lan0";
    record.rule_name = "inspect-web";
    record.inspect_name = "web";
    record.inspect_rule = "ads";
    const std::vector<std::string> logged{"ech", "noted"};
    record.logged = logged;
    record.recognised = {
        NameState::found, "a.example", "",
        pc::inspect::TlsHello{"a.example", {"h2", "\xff"}, 0x0304, true, "t13d000000_0_0"}, "tls"};
    record.allowed = true;
    record.verdict_reason = "no list";
    record.reached_server = true;
    record.end_reason = "closed";
    record.bytes_to_server = 10;
    record.bytes_to_client = 20;
    const std::string line = pc::inspect::eve_line(record);
    CHECK(line.find('\n') == line.size() - 1);
    auto parsed = nlohmann::json::parse(line);
    CHECK(parsed["flow_id"] == pc::protocol::eve_flow_id(record.origin.client.address, 40000,
                                                         record.origin.server.address, 443, 6));
    parsed.erase("flow_id");
    CHECK(parsed == nlohmann::json::parse(R"({
        "timestamp":"2023-11-14T22:13:22.000007+0000","in_iface":"lan0",
        "event_type":"tls","src_ip":"10.1.0.2","src_port":40000,"dest_ip":"10.2.0.2",
        "dest_port":443,"proto":"TCP","app_proto":"tls",
        "tls":{"sni":"a.example","alpn":["h2","\\xff"],"version":"TLS 1.3","ech":true,
               "ja4":"t13d000000_0_0"},
        "portcullis":{"verdict":"allow","reason":"no list","rule":"inspect-web","inspect":"web",
                      "inspect_rule":"ads","logged":["ech","noted"],
                      "nat_src_ip":"10.2.0.1","nat_src_port":50000},
        "flow":{"bytes_toserver":10,"bytes_toclient":20,"age":2,
                "start":"2023-11-14T22:13:20.000007+0000","end":"2023-11-14T22:13:22.000007+0000",
                "state":"closed","reason":"closed"}})"));
    record.recognised = {
        NameState::found, "b.example", "",
        pc::inspect::HttpRequest{"GET", "/\xc3\"\n", "b.example", pc::inspect::HttpVersion::http10},
        "http"};
    const auto http = nlohmann::json::parse(pc::inspect::eve_line(record));
    CHECK(http["event_type"] == "http");
    CHECK(http["app_proto"] == "http");
    CHECK(http["http"]["hostname"] == "b.example");
    CHECK(http["http"]["http_method"] == "GET");
    CHECK(http["http"]["protocol"] == "HTTP/1.0");
    for (const auto& [version, word] : {std::pair{pc::inspect::HttpVersion::http11, "HTTP/1.1"},
                                        {pc::inspect::HttpVersion::http2, "HTTP/2"}}) {
        std::get<pc::inspect::HttpRequest>(record.recognised.what).version = version;
        CHECK(nlohmann::json::parse(pc::inspect::eve_line(record))["http"]["protocol"] == word);
    }
    CHECK(http["http"]["url"] == R"(/\xc3"\x0a)");
    record.recognised = {};
    const auto none = nlohmann::json::parse(pc::inspect::eve_line(record));
    CHECK(none["event_type"] == "flow");
    CHECK_FALSE(none.contains("app_proto"));
    record.recognised = pc::inspect::malformed("tls", "why");
    const auto broken = nlohmann::json::parse(pc::inspect::eve_line(record));
    CHECK(broken["event_type"] == "flow");
    CHECK(broken["app_proto"] == "tls");
}

TEST_CASE("TLS versions have the names that EVE gives them") {
    CHECK(pc::inspect::tls_version_name(0x0301) == "TLSv1");
    CHECK(pc::inspect::tls_version_name(0x0304) == "TLS 1.3");
    CHECK(pc::inspect::tls_version_name(0x7f1c) == "0x7f1c");
}
