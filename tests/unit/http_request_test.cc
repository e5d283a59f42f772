// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/http_request.h"

#include <string_view>

#include <catch2/catch.hpp>
#include <fmt/format.h>

namespace {

using namespace std::string_view_literals;
using pc::inspect::HttpMalformed;
using pc::inspect::HttpNeedMore;
using pc::inspect::HttpRequest;
using pc::inspect::HttpResult;
using pc::inspect::NotHttp;

HttpResult parse(std::string_view stream) {
    return pc::inspect::parse_http_request(std::as_bytes(std::span(stream)));
}

HttpRequest request(std::string_view stream) {
    const HttpResult result = parse(stream);
    if (const auto* malformed = std::get_if<HttpMalformed>(&result)) {
        FAIL("malformed: " << malformed->why);
    }
    REQUIRE(std::holds_alternative<HttpRequest>(result));
    return std::get<HttpRequest>(result);
}

std::string host_of(std::string_view host_field) {
    return request(fmt::format("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", host_field)).host;
}

bool is_malformed(std::string_view stream) {
    return std::holds_alternative<HttpMalformed>(parse(stream));
}

bool is_not_http(std::string_view stream) {
    return std::holds_alternative<NotHttp>(parse(stream));
}

} // namespace

TEST_CASE("a request gives method, url and host") {
    const HttpRequest get =
        request("GET /path?query HTTP/1.1\r\nUser-Agent: x\r\nHost: WWW.Example\r\n\r\nbody");
    CHECK(get.method == "GET");
    CHECK(get.url == "/path?query");
    CHECK(get.host == "www.example");
    CHECK(get.version == pc::inspect::HttpVersion::http11);
    CHECK(get.path == "/path");
    const HttpRequest old = request("HEAD / HTTP/1.0\r\n\r\n");
    CHECK(old.host.empty());
    CHECK(old.version == pc::inspect::HttpVersion::http10);
    CHECK(request("PURGE /x HTTP/1.1\r\nhost:a\r\n\r\n").method == "PURGE");
    CHECK(request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").url == "*");
}

TEST_CASE("the host loses port, white space, case and one trailing dot") {
    CHECK(host_of("a.example:8080") == "a.example");
    CHECK(host_of("  a.example \t") == "a.example");
    CHECK(host_of("a.example.") == "a.example");
    CHECK(host_of("A.example.:80") == "a.example");
    CHECK(host_of("192.0.2.1:80") == "192.0.2.1");
    CHECK(host_of("[2001:DB8::1]:80") == "[2001:db8::1]");
    CHECK(host_of("[2001:db8::1]") == "[2001:db8::1]");
    CHECK(host_of("").empty());
}

TEST_CASE("a Host that is no host is malformed") {
    for (const std::string_view host :
         {"a b"sv, "a/b"sv, "a:b"sv, "a:123456"sv, "[::1"sv, "[::1]x"sv, "."sv, ":80"sv, "a\x01"sv,
          "\xc3\xa9.example"sv, "a\0b"sv, "a,b c"sv}) {
        INFO(host);
        CHECK(is_malformed(fmt::format("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", host)));
    }
}

TEST_CASE("an absolute target names the host, and must agree with the Host field") {
    const HttpRequest absolute =
        request("GET http://A.example:81/p?q HTTP/1.1\r\nHost: a.example:81\r\n\r\n");
    CHECK(absolute.host == "a.example");
    CHECK(absolute.url == "/p?q");
    CHECK(request("GET https://a.example HTTP/1.1\r\n\r\n").host == "a.example");
    CHECK(request("GET http://u:p@a.example/ HTTP/1.1\r\n\r\n").host == "a.example");
    CHECK(is_malformed("GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n"));
    CHECK(is_malformed("GET http://a.example/ HTTP/1.1\r\nHost:\r\n\r\n"));
    CHECK(is_malformed("GET http:/// HTTP/1.1\r\n\r\n"));
    CHECK(is_malformed("GET a.example HTTP/1.1\r\n\r\n"));
    CHECK(request("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n").host ==
          "a.example");
    CHECK(is_malformed("CONNECT a.example:443 HTTP/1.1\r\nHost: b.example\r\n\r\n"));
}

TEST_CASE("heads that servers read in different ways are malformed") {
    const auto with = [](std::string_view fields) {
        return fmt::format("GET / HTTP/1.1\r\n{}\r\n\r\n", fields);
    };
    CHECK(is_malformed(with("Host: a\r\nHost: b")));
    CHECK(is_malformed(with("Host: a\r\nhost: a")));
    CHECK(is_malformed(with("Host : a")));
    CHECK(is_malformed(with("Host: a\r\n b")));
    CHECK(is_malformed(with(" Host: a")));
    CHECK(is_malformed(with("Host")));
    CHECK(is_malformed(with(": a")));
    CHECK(is_malformed(with("X: a\rHost: b")));
    CHECK(is_malformed(with("X: a\0b"sv)));
    CHECK(is_malformed("GET  / HTTP/1.1\r\n\r\n"));
    CHECK(is_malformed("GET / HTTP/1.1 \r\n\r\n"));
    CHECK(is_malformed("GET /\tHTTP/1.1\r\n\r\n"));
    CHECK(is_malformed("GET /a b HTTP/1.1\r\n\r\n"));
    CHECK(is_malformed("GET / HTTP/2.0\r\n\r\n"));
    CHECK(is_malformed("GET / HTTP/1.x\r\n\r\n"));
    CHECK(is_malformed("GET /\r\n"));
    CHECK(is_malformed("GET / HTTP/1.1\r\r\n\r\n"));
    CHECK(is_malformed("POST \r\n"));
}

TEST_CASE("bare line feeds end lines and empty lines in front are skipped, as servers do") {
    CHECK(request("GET / HTTP/1.1\nHost: a.example\n\n").host == "a.example");
    CHECK(request("\r\n\n\r\nGET / HTTP/1.1\r\nHost: a.example\n\r\n").host == "a.example");
    CHECK(request("GET / HTTP/1.1\r\nX: 1\r\n\nHost: body\r\n\r\n").host.empty());
}

TEST_CASE("other protocols are told from HTTP as soon as they can be") {
    for (const std::string_view stream :
         {"SSH-2.0-OpenSSH_9.2\r\n"sv, "EHLO mail.example\r\n"sv, "USER x\n"sv, "\x03\0\0"sv,
          "{\"method\":"sv, "<?xml "sv, "PRI * HTTP/2.0\r\n"sv, "* OK"sv.substr(1), "\x80\x01"sv,
          "NICK a\x01 b"sv, "HELP\r\n"sv}) {
        INFO(stream);
        CHECK(is_not_http(stream));
    }
    CHECK(is_not_http(std::string(33, 'A')));
}

TEST_CASE("a prefix asks for more, and is certain once it begins with a method") {
    const std::string_view stream =
        "POST /login HTTP/1.1\r\nUser-Agent: curl\r\nHost: a.example\r\n\r\n";
    for (size_t size = 0; size < stream.size(); ++size) {
        INFO(stream.substr(0, size));
        const HttpResult result = parse(stream.substr(0, size));
        REQUIRE(std::holds_alternative<HttpNeedMore>(result));
        CHECK(std::get<HttpNeedMore>(result).certain == (size > 0));
    }
    CHECK(std::get<HttpNeedMore>(parse("GE")).certain);
    CHECK_FALSE(std::get<HttpNeedMore>(parse("HELLO")).certain);
    CHECK_FALSE(std::get<HttpNeedMore>(parse("GETS /")).certain);
    // An empty line in front of a request must not make it look like another protocol's.
    CHECK(std::get<HttpNeedMore>(parse("\r\n")).certain);
    CHECK(std::get<HttpNeedMore>(parse("PURGE / HTTP/1.1\r\nX: y\r\n")).certain);
}

TEST_CASE("the head has at most 32 KiB and the method 32 bytes") {
    constexpr size_t max = pc::inspect::http_head_bytes_max;
    const std::string start = "GET / HTTP/1.1\r\nHost: a.example\r\nX: ";
    const std::string at_limit = start + std::string(max - start.size() - 4, 'x') + "\r\n\r\n";
    REQUIRE(at_limit.size() == max);
    CHECK(request(at_limit).host == "a.example");
    CHECK(is_malformed(start + std::string(max - start.size() - 3, 'x') + "\r\n\r\n"));
    CHECK(is_malformed("GET /" + std::string(max, 'x')));
    CHECK(is_malformed(std::string(max, '\n')));
    CHECK(request(std::string(32, 'A') + " / HTTP/1.1\r\n\r\n").method.size() == 32);
    CHECK(is_not_http(std::string(33, 'A') + " / HTTP/1.1\r\n\r\n"));
}

TEST_CASE("a long url is cut, and its bytes are kept as they are") {
    const std::string long_path = "/" + std::string(5000, 'p');
    const HttpRequest cut = request("GET " + long_path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(cut.url == long_path.substr(0, pc::inspect::http_url_bytes_max));
    CHECK(request("GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n").url == "/\xc3\xa9");
    CHECK(is_malformed("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"));
}
