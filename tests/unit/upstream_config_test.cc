// SPDX-License-Identifier: GPL-3.0-or-later
// [inspect.NAME.upstream] on its way to the inspector, what stays over a commit, and the way back.
#include "ctl/daemon/upstreams.h"
#include "ctl/inspect/health_checker.h"
#include "tests/support/inspect_config.h"
#include "tests/support/memory_map.h"

using namespace pc;
using namespace pc::inspect;

TEST_CASE("an upstream comes from the rule file to the inspector whole") {
    const RuleSet rules = test::parsed(R"(
[inspect.web.upstream]
servers = ["192.0.2.10:8080", { address = "[2001:db8::1]:8080", weight = 2, drain = true }]
sticky = { ipv4 = 24, ipv6 = 56 }
proxy_protocol = true
on_none = "pass"
connect_timeout = "500ms"
[inspect.web.upstream.health]
interval = "3s"
timeout = "200ms"
rise = 4
fall = 5
http_path = "/health"
http_host = "web.example:8080"
passive_fall = 0
retry = "6s"
[inspect.least.upstream]
servers = "192.0.2.10:8080"
balance = "least-connections"
health = { active = false }
[inspect.none]
)");
    const Config config = test::carried(rules);
    for (const auto& [id, inspect] : config.inspects) {
        const Inspect& written = rules.inspects.at(id - 1);
        REQUIRE(inspect.upstream.has_value() == written.upstream.has_value());
        if (!written.upstream) {
            continue;
        }
        REQUIRE(inspect.upstream->servers.size() == written.upstream->servers.size());
        for (size_t i = 0; i < written.upstream->servers.size(); ++i) {
            const UpstreamServer& was = written.upstream->servers[i];
            const UpstreamServer& is = inspect.upstream->servers[i];
            CHECK((is.address == was.address && is.port == was.port));
            CHECK((is.weight == was.weight && is.drains == was.drains));
        }
        CHECK(inspect.upstream->balance == written.upstream->balance);
        CHECK(inspect.upstream->sticky == written.upstream->sticky);
        CHECK(inspect.upstream->proxy_protocol == written.upstream->proxy_protocol);
        CHECK(inspect.upstream->none_passes == written.upstream->none_passes);
        CHECK(inspect.upstream->connect_timeout_ms == written.upstream->connect_timeout_ms);
        CHECK(inspect.upstream->health == written.upstream->health);
    }
    CHECK(to_string(Upstream::Balance::maglev) == "maglev");
    CHECK(to_string(Upstream::Balance::least_connections) == "least-connections");
}

TEST_CASE("an upstream that cannot be is refused with the configuration") {
    const auto parse = [](const std::string& upstream) {
        const std::string text =
            R"({"bypass_mark":1,"inspects":{"1":{"name":"a","upstream":)" + upstream + "}}}";
        return parse_config(std::string_view{text}, sets_in("/nonexistent", {}));
    };
    REQUIRE(parse(R"({"servers":[{"address":"192.0.2.1:80"}]})").ok());
    for (const std::string text :
         {"7", "{}", R"({"servers":[]})", R"({"servers":["192.0.2.1:80"]})",
          R"({"servers":[{"address":"192.0.2.1"}]})",
          R"({"servers":[{"address":"192.0.2.1:80","weight":0}]})",
          R"({"servers":[{"address":"192.0.2.1:80","weight":257}]})",
          R"({"servers":[{"address":"192.0.2.1:80","drain":1}]})",
          R"({"servers":[{"address":"192.0.2.1:80"}],"balance":"x"})",
          R"({"servers":[{"address":"192.0.2.1:80"}],"on_none":"x"})",
          R"({"servers":[{"address":"192.0.2.1:80"}],"sticky":{"ipv4":33}})",
          R"({"servers":[{"address":"192.0.2.1:80"}],"health":{"rise":0}})",
          R"({"servers":[{"address":"192.0.2.1:80"}],"health":{"http_path":"x"}})",
          R"({"servers":[{"address":"192.0.2.1:80"}],"health":{"http_host":"a b"}})"}) {
        CAPTURE(text);
        CHECK_FALSE(parse(text).ok());
    }
}

TEST_CASE("what is known of servers survives a commit, and is there for show") {
    const auto config_of = [](const std::string& servers) {
        return test::carried(test::parsed("[inspect.web.upstream]\nservers = " + servers +
                                          "\nhealth = { active = false, retry = \"1s\" }\n"));
    };
    Poller poller = Poller::create().take();
    test::Faults faults;
    test::MemoryMap map(faults, sizeof(pc_upstream_server), PC_UPSTREAM_SERVERS_MAX);
    HealthChecker checker(poller, map);
    const auto shown = [&](const Config& config, daemon::InspectorWord word) {
        const auto servers = daemon::read_upstream_servers(map).take();
        return daemon::upstream_state(*config.find(1)->upstream, 1, servers, word, 5'000'000'000);
    };
    Config config = config_of(R"(["192.0.2.1:80", "[2001:db8::1]:80"])");
    checker.adopt(config);
    const auto server = config.find(1)->pool->members[1].server;
    server->up = false; // a worker did that
    server->failed_in_row = 5;
    checker.tick(3000);
    REQUIRE(checker.store().ok());
    const auto news = checker.take_news();
    REQUIRE(news.size() == 1);
    CHECK(news[0] == "inspect web: server [2001:db8::1]:80 is down: 5 connections in a row failed");
    CHECK(checker.take_news().empty());
    auto json = shown(config, daemon::InspectorWord::live);
    CHECK(json["servers"][0]["state"] == "up");
    CHECK(json["servers"][1]["state"] == "down");
    CHECK(json["servers"][1]["since_ms"] == 2000);
    CHECK(shown(config, daemon::InspectorWord::stale)["servers"][0]["state"] == "unknown");

    Config next = config_of(R"([{ address = "[2001:db8::1]:80", drain = true }])");
    checker.adopt(next);
    CHECK(next.find(1)->pool->members[0].server == server);
    checker.tick(3500);
    REQUIRE(checker.store().ok());
    CHECK(daemon::read_upstream_servers(map).value().size() == 1);
    json = shown(next, daemon::InspectorWord::live);
    CHECK(json["servers"][0]["state"] == "down");
    CHECK(json["servers"][0]["drain"] == true);
    checker.tick(4000);
    CHECK(server->up);
    CHECK(server->failed_in_row == next.find(1)->upstream->health.passive_fall - 1);
    CHECK(checker.take_news() ==
          std::vector<std::string>{"inspect web: server [2001:db8::1]:80 is tried again"});
    REQUIRE(checker.store().ok());
    CHECK(shown(next, daemon::InspectorWord::live)["servers"][0]["state"] == "up");
}
