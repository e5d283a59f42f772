// SPDX-License-Identifier: GPL-3.0-or-later
// Several servers behind an inspect: their words, the choice among them, the state of each, and
// what stands before the client's bytes.
#include "rules/upstream.h"

#include <cmath>
#include <cstring>
#include <map>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "ctl/inspect/check_answer.h"
#include "ctl/inspect/health_state.h"
#include "ctl/inspect/maglev.h"
#include "ctl/inspect/proxy_header.h"
#include "ctl/inspect/upstream_pool.h"

using namespace pc;
using namespace pc::inspect;

namespace {

Endpoint at(std::string_view address, uint16_t port) {
    return {parse_address(address).value(), port};
}

Upstream upstream_of(size_t servers, Upstream::Balance balance = Upstream::Balance::maglev) {
    Upstream upstream;
    upstream.balance = balance;
    for (size_t i = 0; i < servers; ++i) {
        UpstreamServer& server = upstream.servers.emplace_back();
        server.address.bytes = {192, 0, 2, static_cast<uint8_t>(i + 1)};
        server.port = 80;
    }
    return upstream;
}

Address client_number(uint32_t number) {
    Address address;
    address.bytes = {10, static_cast<uint8_t>(number >> 16), static_cast<uint8_t>(number >> 8),
                     static_cast<uint8_t>(number)};
    return address;
}

// How many of `clients` each server has.
std::map<size_t, size_t> spread(const UpstreamPool& pool, uint32_t clients) {
    std::map<size_t, size_t> shares;
    for (uint32_t i = 0; i < clients; ++i) {
        ++shares[choose_server(pool, client_number(i), {}, i).value()];
    }
    return shares;
}

std::string hex(const std::vector<std::byte>& bytes) {
    std::string text;
    for (const std::byte byte : bytes) {
        text += fmt::format("{:02x}", static_cast<unsigned>(byte));
    }
    return text;
}

std::optional<uint16_t> status_of(std::string_view text) {
    return answer_status(std::as_bytes(std::span(text.data(), text.size())));
}

} // namespace

TEST_CASE("a server is an address that can be connected to, with a port") {
    for (const std::string text : {"192.0.2.10:1", "127.0.0.1:65535", "[2001:db8::1]:8080",
                                   "[::ffff:192.0.2.1]:80", "[::1]:80"}) {
        CAPTURE(text);
        const auto parsed = parse_server_address(text);
        REQUIRE(parsed);
        CHECK(server_text(parsed->address, parsed->port) == text);
    }
    for (const std::string text : {"",
                                   ":",
                                   ":80",
                                   "192.0.2.10",
                                   "192.0.2.10:",
                                   "192.0.2.10:0",
                                   "192.0.2.10:65536",
                                   "192.0.2.10:+1",
                                   "192.0.2.10:80 ",
                                   "2001:db8::1:80",
                                   "[2001:db8::1]",
                                   "[]:80",
                                   "[192.0.2.1]:80",
                                   "0.0.0.0:80",
                                   "224.0.0.1:80",
                                   "255.255.255.255:80",
                                   "[::]:80",
                                   "[ff02::1]:80",
                                   "[fe80::1]:80",
                                   "web.example:80"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_server_address(text));
    }
}

TEST_CASE("times are said in the unit that they are whole in") {
    CHECK(parse_milliseconds("500ms", 1000) == 500U);
    CHECK(parse_milliseconds("1s", 1000) == 1000U);
    CHECK_FALSE(parse_milliseconds("1001ms", 1000));
    CHECK_FALSE(parse_milliseconds("2s", 1000));
    CHECK(parse_milliseconds("1h", 3'600'000) == 3'600'000U);
    for (const std::string text : {"", "s", "ms", "0s", "1", "1d", "-1s", "1.5s", "4294967297ms"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_milliseconds(text, UINT32_MAX));
    }
    for (const std::string text : {"1ms", "1500ms", "59s", "1m", "90s", "2h"}) {
        CHECK(milliseconds_text(parse_milliseconds(text, UINT32_MAX).value()) == text);
    }
    CHECK(is_check_path("/a?b"));
    CHECK_FALSE(is_check_path("a"));
    CHECK_FALSE(is_check_path("/a b"));
    CHECK_FALSE(is_check_path("/a\r\nX: y"));
    CHECK_FALSE(is_check_path("/" + std::string(check_path_max, 'a')));
    for (const std::string host : {"web.example", "Web_1.example:8080", "[2001:db8::1]:80"}) {
        CHECK(is_check_host(host));
    }
    for (const std::string host : {"", "a b", "a\r\nX: y", "a/b", "a@b"}) {
        CHECK_FALSE(is_check_host(host));
    }
    CHECK_FALSE(is_check_host(std::string(260, 'a')));
}

TEST_CASE("the table gives each server its share by weight") {
    std::vector<MaglevServer> servers;
    for (uint32_t i = 0; i < 5; ++i) {
        servers.push_back({server_id(client_number(i), 80), i + 1});
    }
    const std::vector<uint8_t> table = maglev_table(servers);
    REQUIRE(table.size() == maglev_places);
    std::vector<size_t> places(servers.size());
    for (const uint8_t place : table) {
        ++places.at(place);
    }
    for (size_t i = 0; i < servers.size(); ++i) {
        const double wanted = static_cast<double>(maglev_places) * servers[i].weight / 15;
        CHECK(std::abs(static_cast<double>(places[i]) - wanted) <= 16);
    }
    CHECK(maglev_table({}).empty());
    CHECK(maglev_table(std::vector<MaglevServer>{{1, 256}}) ==
          std::vector<uint8_t>(maglev_places, 0));
}

TEST_CASE("a server of the least weight among many heavy ones has places too") {
    std::vector<MaglevServer> servers;
    for (uint32_t i = 0; i < upstream_servers_max; ++i) {
        servers.push_back({server_id(client_number(i), 80), i == 7 ? 1 : upstream_weight_max});
    }
    const std::vector<uint8_t> table = maglev_table(servers);
    const auto places = std::count(table.begin(), table.end(), uint8_t{7});
    CHECK(places >= 3);
    CHECK(places <= 5);
}

TEST_CASE("when a server leaves the table, few of the others' places change") {
    std::vector<MaglevServer> servers;
    for (uint32_t i = 0; i < 10; ++i) {
        servers.push_back({server_id(client_number(i), 80), 1});
    }
    const std::vector<uint8_t> before = maglev_table(servers);
    servers.pop_back(); // index 9: the other indices stay
    const std::vector<uint8_t> after = maglev_table(servers);
    size_t moved = 0;
    for (size_t i = 0; i < before.size(); ++i) {
        moved += before[i] != 9 && before[i] != after[i] ? 1 : 0;
    }
    // A table by modulus would move nine of ten.
    CHECK(moved < maglev_places / 20);
    CHECK(std::count(after.begin(), after.end(), uint8_t{9}) == 0);
}

TEST_CASE("the table does not depend on the order of the file") {
    std::vector<MaglevServer> servers{{11, 1}, {22, 3}, {33, 2}};
    const std::vector<uint8_t> one = maglev_table(servers);
    std::reverse(servers.begin(), servers.end());
    const std::vector<uint8_t> other = maglev_table(servers);
    for (size_t i = 0; i < one.size(); ++i) {
        REQUIRE(one[i] == 2 - other[i]);
    }
}

TEST_CASE("clients of one prefix are one key") {
    const auto key = [](std::string_view address, StickyPrefix sticky) {
        return client_key(parse_address(address).value(), sticky);
    };
    CHECK(key("10.1.2.3", {24, 64}) == key("10.1.2.254", {24, 64}));
    CHECK(key("10.1.2.3", {24, 64}) != key("10.1.3.3", {24, 64}));
    CHECK(key("10.1.2.3", {32, 64}) != key("10.1.2.2", {32, 64}));
    CHECK(key("10.1.2.3", {1, 1}) == key("127.1.2.3", {1, 1}));
    CHECK(key("2001:db8::1", {32, 64}) == key("2001:db8::ffff:1", {32, 64}));
    CHECK(key("2001:db8::1", {32, 128}) != key("2001:db8::2", {32, 128}));
    CHECK(key("2001:db8:0:1::", {32, 64}) != key("2001:db8:0:2::", {32, 64}));
    CHECK(key("1.2.3.4", {32, 128}) != key("102:304::", {32, 128})); // the same bytes
}

TEST_CASE("maglev keeps a client at its server, and moves only those of one that is gone") {
    Upstream upstream = upstream_of(4);
    upstream.servers[3].weight = 3;
    const PoolPtr pool = make_pool(upstream, nullptr);
    constexpr uint32_t clients = 6000;
    const auto shares = spread(*pool, clients);
    for (const auto& [index, share] : shares) {
        const double wanted = index == 3 ? clients / 2.0 : clients / 6.0;
        CHECK(std::abs(static_cast<double>(share) - wanted) < wanted / 8);
    }
    std::vector<size_t> before;
    for (uint32_t i = 0; i < clients; ++i) {
        before.push_back(choose_server(*pool, client_number(i), {}, i).value());
    }
    pool->members[0].server->up = false;
    std::map<size_t, size_t> heirs;
    for (uint32_t i = 0; i < clients; ++i) {
        const size_t now = choose_server(*pool, client_number(i), {}, ~i).value();
        if (before[i] != 0) {
            REQUIRE(now == before[i]);
        } else {
            ++heirs[now];
        }
    }
    CHECK(heirs.count(0) == 0);
    const double orphans = static_cast<double>(shares.at(0));
    CHECK(std::abs(static_cast<double>(heirs[3]) - orphans * 3 / 5) < orphans / 8);
    pool->members[0].server->up = true;
    for (uint32_t i = 0; i < clients; ++i) {
        REQUIRE(choose_server(*pool, client_number(i), {}, i) == before[i]);
    }
}

TEST_CASE("a server that drains, is down or was tried is not chosen; without any there is none") {
    for (const auto balance : {Upstream::Balance::maglev, Upstream::Balance::least_connections}) {
        Upstream upstream = upstream_of(3, balance);
        upstream.servers[1].drains = true;
        const PoolPtr pool = make_pool(upstream, nullptr);
        pool->members[2].server->up = false;
        CHECK(spread(*pool, 100) == std::map<size_t, size_t>{{0, 100}});
        CHECK_FALSE(choose_server(*pool, client_number(1), TriedServers(1), 5));
        pool->members[2].server->up = true;
        CHECK(choose_server(*pool, client_number(1), TriedServers(1), 5) == 2U);
    }
}

TEST_CASE("least-connections fills by weight, and spreads what is equally loaded") {
    Upstream upstream = upstream_of(3, Upstream::Balance::least_connections);
    upstream.servers[2].weight = 2;
    const PoolPtr pool = make_pool(upstream, nullptr);
    // Idle servers: flows that are over before the next one comes go by weight, too.
    const auto idle = spread(*pool, 4000);
    CHECK(std::abs(static_cast<double>(idle.at(0)) - 1000) < 150);
    CHECK(std::abs(static_cast<double>(idle.at(2)) - 2000) < 150);
    for (uint64_t i = 0; i < 400; ++i) {
        ++pool->members[choose_server(*pool, client_number(1), {}, i).value()].server->active;
    }
    CHECK(pool->members[0].server->active == 100);
    CHECK(pool->members[1].server->active == 100);
    CHECK(pool->members[2].server->active == 200);
    pool->members[1].server->active = 99;
    CHECK(choose_server(*pool, client_number(1), {}, 7) == 1U);
}

TEST_CASE("a flow tries each server once, counts while it lives, and tells what it met") {
    Upstream upstream = upstream_of(2);
    upstream.health.passive_fall = 2;
    const PoolPtr pool = make_pool(upstream, nullptr);
    const Endpoint original = at("198.51.100.1", 443);
    std::vector<std::shared_ptr<Server>> servers{pool->members[0].server, pool->members[1].server};
    {
        UpstreamUse use;
        use.begin(pool);
        const auto first = use.next(client_number(1), original, 0);
        REQUIRE(first);
        CHECK(use.server()->active == 1);
        CHECK(use.timeout_ms() == upstream.connect_timeout_ms);
        use.failed();
        const auto second = use.next(client_number(1), original, 0);
        REQUIRE(second);
        CHECK_FALSE(*first == *second);
        CHECK(servers[0]->active + servers[1]->active == 1);
        use.connected();
        CHECK_FALSE(use.next(client_number(1), original, 0));
        CHECK(use.server() == nullptr);
    }
    CHECK(servers[0]->active + servers[1]->active == 0);
    CHECK(servers[0]->failed + servers[1]->failed == 1);
    CHECK(servers[0]->chosen + servers[1]->chosen == 2);
    // One more failure in a row takes a server out, a success between them does not.
    for (const bool succeeds : {true, false}) {
        for (const auto& server : servers) {
            server->up = true;
            server->failed_in_row = 1;
        }
        UpstreamUse use;
        use.begin(pool);
        REQUIRE(use.next(client_number(1), original, 0));
        if (succeeds) {
            use.connected();
        }
        use.failed();
        CHECK(use.server()->up == succeeds);
    }
}

TEST_CASE("without a server left a flow goes to its original destination, if it may") {
    Upstream upstream = upstream_of(1);
    upstream.proxy_protocol = true;
    const Endpoint original = at("198.51.100.1", 443);
    for (const bool passes : {false, true}) {
        upstream.none_passes = passes;
        UpstreamUse use;
        use.begin(make_pool(upstream, nullptr));
        REQUIRE(use.next(client_number(1), original, 0));
        CHECK(use.wants_proxy_header());
        const auto last = use.next(client_number(1), original, 0);
        CHECK(last == (passes ? std::optional(original) : std::nullopt));
        CHECK_FALSE(use.wants_proxy_header()); // it expects none
        CHECK_FALSE(use.timeout_ms());
        CHECK_FALSE(use.next(client_number(1), original, 0));
    }
    UpstreamUse plain;
    plain.begin(nullptr);
    CHECK(plain.next(client_number(1), original, 0) == original);
    CHECK_FALSE(plain.next(client_number(1), original, 0));
}

TEST_CASE("a new pool keeps the servers that stay, and the table that does not change") {
    Upstream upstream = upstream_of(3);
    const PoolPtr before = make_pool(upstream, nullptr);
    upstream.servers[1].drains = true;
    const PoolPtr drained = make_pool(upstream, before.get());
    CHECK(drained->table == before->table);
    upstream.servers.erase(upstream.servers.begin());
    const PoolPtr after = make_pool(upstream, drained.get());
    CHECK(after->table != before->table);
    REQUIRE(after->members.size() == 2);
    CHECK(after->members[0].server == before->members[1].server);
    CHECK(after->members[1].server == before->members[2].server);
}

TEST_CASE("checks take a server out after `fall`, and bring it back after `rise`") {
    HealthChecks settings;
    settings.fall = 3;
    settings.rise = 2;
    HealthState state;
    const auto check = [&](Check each) { return note_check(state, settings, each, 7000); };
    CHECK(check(Check::good) == HealthChange::none);
    CHECK(check(Check::bad) == HealthChange::none);
    CHECK(check(Check::bad) == HealthChange::none);
    CHECK(check(Check::good) == HealthChange::none); // in a row, it says
    CHECK(check(Check::bad) == HealthChange::none);
    CHECK(check(Check::bad) == HealthChange::none);
    CHECK(check(Check::bad) == HealthChange::went_down);
    CHECK_FALSE(state.up);
    CHECK(state.since_ms == 7000);
    CHECK(check(Check::bad) == HealthChange::none);
    CHECK(check(Check::good) == HealthChange::none);
    CHECK(check(Check::bad) == HealthChange::none);
    CHECK(check(Check::good) == HealthChange::none);
    CHECK(check(Check::good) == HealthChange::came_up);
    CHECK(state.up);
}

TEST_CASE("the first check of a server decides at once") {
    HealthState state;
    CHECK(note_check(state, {}, Check::bad, 1) == HealthChange::went_down);
    HealthState other;
    CHECK(note_check(other, {}, Check::good, 1) == HealthChange::none);
    CHECK(note_check(other, {}, Check::bad, 1) == HealthChange::none);
}

TEST_CASE("what flows took out comes back by checks, or by time where there are none") {
    HealthChecks settings;
    HealthState state;
    CHECK(note_check(state, settings, Check::good, 0) == HealthChange::none);
    CHECK(take_out(state, 100) == HealthChange::went_down);
    CHECK(take_out(state, 200) == HealthChange::none);
    CHECK(note_time(state, settings, 1'000'000) == HealthChange::none);
    CHECK(note_check(state, settings, Check::good, 300) == HealthChange::none);
    CHECK(note_check(state, settings, Check::good, 300) == HealthChange::came_up);
    settings.active = false;
    CHECK(note_time(state, settings, 1'000'000) == HealthChange::none);
    CHECK(take_out(state, 1000) == HealthChange::went_down);
    CHECK(note_time(state, settings, 1000 + settings.retry_ms - 1) == HealthChange::none);
    CHECK(note_time(state, settings, 1000 + settings.retry_ms) == HealthChange::came_up);
}

TEST_CASE("an answer to a check is its status, or nothing that HTTP begins with") {
    constexpr std::string_view good = "HTTP/1.1 204 No Content";
    for (size_t bytes = 0; bytes < good.size(); ++bytes) {
        CAPTURE(bytes);
        CHECK(status_of(good.substr(0, bytes)) ==
              (bytes < status_line_bytes ? std::nullopt : std::optional<uint16_t>(204)));
    }
    CHECK(status_of("HTTP/1.0 503 x") == 503);
    for (const std::string_view text : {"SSH-2.0-x", "HTTP/2.0 200", "HTTP/1.1 2x0", "http/1.1"}) {
        CHECK(status_of(text) == 0);
    }
    CHECK_FALSE(is_good_status(199));
    CHECK(is_good_status(200));
    CHECK(is_good_status(399));
    CHECK_FALSE(is_good_status(400));
    CHECK_FALSE(is_good_status(0));
    CHECK(check_request("/health", "[2001:db8::1]:80")
              .starts_with("GET /health HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n"));
}

TEST_CASE("PROXY headers have the bytes of the specification") {
    const std::string signature = "0d0a0d0a000d0a515549540a";
    CHECK(hex(proxy_header(at("10.77.1.2", 40000), at("198.51.100.2", 443))) ==
          signature + "2111000c" + "0a4d0102" + "c6336402" + "9c40" + "01bb");
    CHECK(hex(proxy_header(at("2001:db8::1", 1), at("fd77:1::2", 65535))) ==
          signature + "21210024" + "20010db8000000000000000000000001" +
              "fd770001000000000000000000000002" + "0001" + "ffff");
    CHECK(hex(proxy_header_of_own()) == signature + "20000000");
}
