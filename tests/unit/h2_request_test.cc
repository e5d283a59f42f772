// SPDX-License-Identifier: GPL-3.0-or-later
// First requests of HTTP/2 connections: built frame by frame, and nghttp2's own, whole and damaged,
// with its server as the judge of what may be served.
#include "ctl/inspect/h2_request.h"

#include <memory>
#include <random>
#include <vector>

#include <catch2/catch.hpp>
#include <nghttp2/nghttp2.h>

#include "ctl/inspect/http_syntax.h"
#include "tests/support/tls_bytes.h"

namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using pc::number;
using pc::inspect::Bytes;
using pc::inspect::HttpMalformed;
using pc::inspect::HttpNeedMore;
using pc::inspect::HttpRequest;
using pc::inspect::HttpResult;
using pc::inspect::NotHttp;
using pc::inspect::parse_h2_request;

const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

HttpResult parse(std::string_view stream) {
    return parse_h2_request(std::as_bytes(std::span(stream)));
}

std::string frame(int type, int flags, uint32_t stream, std::string_view payload) {
    return number(payload.size(), 3) + number(static_cast<size_t>(type), 1) +
           number(static_cast<size_t>(flags), 1) + number(stream, 4) + std::string(payload);
}

const std::string settings = frame(4, 0, 0, "");
const std::string start = preface + settings;

// Without compression and without the table: each field spelled out (RFC 7541 6.2.2).
std::string literal(std::string_view name, std::string_view value) {
    const auto text = [](std::string_view octets) {
        std::string size = number(octets.size(), 1);
        if (octets.size() >= 127) {
            size = "\x7f" + std::string(1, static_cast<char>((octets.size() - 127) % 128 | 128)) +
                   static_cast<char>((octets.size() - 127) / 128);
        }
        return size + std::string(octets);
    };
    return "\0"s + text(name) + text(value);
}

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string block(const Fields& fields) {
    std::string bytes;
    for (const auto& [name, value] : fields) {
        bytes += literal(name, value);
    }
    return bytes;
}

const Fields get = {
    {":method", "GET"}, {":scheme", "http"}, {":path", "/p?q"}, {":authority", "A.Example:80"}};

// `get` with a field of this name replaced, or removed if the value is "-", or added.
Fields with(const std::string& name, const std::string& value, Fields fields = get) {
    for (auto at = fields.begin(); at != fields.end(); ++at) {
        if (at->first == name) {
            at = fields.erase(at);
            if (value != "-") {
                fields.insert(at, {name, value});
            }
            return fields;
        }
    }
    fields.emplace_back(name, value);
    return fields;
}

std::string headers(std::string_view payload, int flags = 0x05, uint32_t stream = 1) {
    return frame(1, flags, stream, payload);
}

std::string request_stream(const Fields& fields) {
    return start + headers(block(fields));
}

HttpRequest request(std::string_view stream) {
    const HttpResult result = parse(stream);
    if (const auto* malformed = std::get_if<HttpMalformed>(&result)) {
        FAIL("malformed: " << malformed->why);
    }
    REQUIRE(std::holds_alternative<HttpRequest>(result));
    return std::get<HttpRequest>(result);
}

std::string fault_of(std::string_view stream) {
    const HttpResult result = parse(stream);
    const auto* malformed = std::get_if<HttpMalformed>(&result);
    return malformed == nullptr ? "none" : malformed->why;
}

std::string fault_with(const std::string& name, const std::string& value) {
    return fault_of(request_stream(with(name, value)));
}

} // namespace

TEST_CASE("an HTTP/2 request gives method, url, path and host") {
    const HttpRequest found = request(request_stream(get));
    CHECK(found.method == "GET");
    CHECK(found.url == "/p?q");
    CHECK(found.path == "/p");
    CHECK(found.host == "a.example");
    CHECK(found.version == pc::inspect::HttpVersion::http2);
    CHECK(request(request_stream(with(":path", "/%zz"))).path_fault != ""sv);
    CHECK(request(request_stream(with(":path", "/" + std::string(3000, 'a')))).url.size() ==
          pc::inspect::http_url_bytes_max);
}

TEST_CASE("Host stands in for the authority, and must not contradict it") {
    Fields fields = with(":authority", "-");
    CHECK(fault_of(request_stream(fields)) == "the request names no authority");
    fields.emplace_back("host", "b.example");
    CHECK(request(request_stream(fields)).host == "b.example");
    CHECK(request(request_stream(with("host", "a.example."))).host == "a.example");
    CHECK(fault_with("host", "b.example") == "Host is not the authority's host");
    CHECK(fault_with("host", "") == "the authority is not a host name");
    fields.emplace_back("host", "b.example");
    CHECK(fault_of(request_stream(fields)) == "a field that may stand once stands twice");
    for (const std::string& authority : {""s, "a b"s, "user@a.example"s, "a/b"s, "a:x"s}) {
        CHECK(fault_with(":authority", authority) == "the authority is not a host name");
    }
}

TEST_CASE("pseudo-fields that are missing, twice, late or unknown are malformed") {
    CHECK(fault_with(":method", "-") == "there is no method");
    CHECK(fault_with(":method", "G T") == "there is no method");
    CHECK(fault_with(":method", std::string(33, 'G')) == "there is no method");
    CHECK(fault_with(":scheme", "-") == "scheme or path are missing, or should be");
    CHECK(fault_with(":path", "-") == "scheme or path are missing, or should be");
    CHECK(fault_with(":scheme", "a b") == "the scheme is broken");
    CHECK(fault_with(":path", "") == "the request target is broken");
    CHECK(fault_with(":path", "x") == "the request target is broken");
    CHECK(fault_with(":path", "/a b") == "the request target is broken");
    CHECK(fault_with(":path", "*") == "the request target is broken");
    CHECK(request(request_stream(with(":method", "OPTIONS", with(":path", "*")))).path.empty());
    CHECK(fault_with(":status", "200") == "a pseudo-field is unknown or stands behind a field");
    for (const char* name : {":method", ":scheme", ":path", ":authority"}) {
        Fields twice = get;
        twice.emplace_back(name, "GET");
        CHECK(fault_of(request_stream(twice)) == "a field that may stand once stands twice");
    }
    Fields late = with(":authority", "-", with("x", "y"));
    late.emplace_back(":authority", "a.example");
    CHECK(fault_of(request_stream(late)) == "a pseudo-field is unknown or stands behind a field");
}

TEST_CASE("CONNECT names its authority, and nothing else without :protocol") {
    const Fields tunnel = {{":method", "CONNECT"}, {":authority", "a.example:443"}};
    CHECK(request(request_stream(tunnel)).host == "a.example");
    CHECK(request(request_stream(tunnel)).url == "a.example:443");
    CHECK(request(request_stream(tunnel)).path.empty());
    CHECK(fault_of(request_stream(with(":path", "/", tunnel))) ==
          "scheme or path are missing, or should be");
    CHECK(fault_of(request_stream({{":method", "CONNECT"}, {"host", "a.example"}})) ==
          "CONNECT names no authority");
    CHECK(
        request(request_stream(with(":method", "CONNECT", with(":protocol", "websocket")))).path ==
        "/p");
    CHECK(fault_with(":protocol", "websocket") == ":protocol stands without CONNECT");
}

TEST_CASE("broken field names and values are malformed") {
    CHECK(fault_with("X-Upper", "y") == "a header field has no name");
    CHECK(fault_with("a b", "y") == "a header field has no name");
    CHECK(fault_with("", "y") == "a header field has no name");
    for (const std::string_view value : {"a\0b"sv, "a\r\nb"sv, " a"sv, "a\t"sv, "\x7f"sv}) {
        CHECK(fault_with("x", std::string(value)) ==
              "a header field holds a control character or outer white space");
    }
    CHECK(request(request_stream(with("x", "a\tb\xff"))).host == "a.example");
}

TEST_CASE("a header block may be padded, weighted and in parts") {
    const std::string whole = block(get);
    const std::string weight = number(0, 4) + "\x10";
    CHECK(request(start + headers("\4"s + whole + std::string(4, '\0'), 0x0d)).host == "a.example");
    CHECK(request(start + headers(weight + whole, 0x25)).host == "a.example");
    CHECK(request(start + headers("\0"s + weight + whole, 0x2d)).host == "a.example");
    CHECK(request(start + headers(whole, 0x04, 0x80000003)).host == "a.example");
    for (size_t cut = 0; cut <= whole.size(); ++cut) {
        CHECK(request(start + headers(whole.substr(0, cut), 0x01) +
                      frame(9, 0x04, 1, whole.substr(cut)))
                  .host == "a.example");
    }
    CHECK(fault_of(start + headers("\5"s + "1234", 0x0d)) == "a frame is broken");
    CHECK(fault_of(start + headers("", 0x0d)) == "a frame is broken");
    CHECK(fault_of(start + headers("1234", 0x25)) == "a frame is broken");
    CHECK(fault_of(start + headers(whole, 0x05, 0)) == "a frame is broken");
    CHECK(fault_of(start + headers(whole, 0x05, 2)) == "a frame is broken");
    CHECK(fault_of(start + headers(whole, 0x01) + frame(9, 0x04, 3, "")) ==
          "a header block is interrupted");
    CHECK(fault_of(start + headers(whole, 0x01) + settings) == "a header block is interrupted");
    std::string parts = start + headers(whole, 0x01);
    for (size_t i = 0; i < pc::inspect::h2_continuations_max; ++i) {
        parts += frame(9, 0, 1, "");
    }
    CHECK(fault_of(parts) == "none");
    CHECK(fault_of(parts + frame(9, 0x04, 1, "")) == "a header block has too many parts");
}

TEST_CASE("frames before the request are checked and passed over") {
    const std::string tail = headers(block(get));
    for (const std::string& good :
         {settings, frame(4, 0, 0, "\0\3\0\0\0\1"sv), frame(4, 1, 0, ""), frame(2, 0, 3, "12345"),
          frame(6, 0, 0, "12345678"), frame(7, 0, 0, "12345678"), frame(8, 0, 0, "1234"),
          frame(0x20, 0xff, 9, "unknown"), frame(16, 0, 0, "")}) {
        CHECK(request(start + good + tail).host == "a.example");
    }
    for (const std::string& broken :
         {frame(4, 0, 1, ""), frame(4, 0, 0, "12345"), frame(4, 1, 0, "123456"),
          frame(2, 0, 0, "12345"), frame(2, 0, 3, "1234"), frame(6, 0, 1, "12345678"),
          frame(6, 0, 0, "1"), frame(7, 0, 0, "1"), frame(7, 0, 1, "12345678"),
          frame(8, 0, 1, "1234"), frame(8, 0, 0, "1")}) {
        CHECK(fault_of(start + broken + tail) == "a frame is broken");
    }
    for (const int type : {0, 3, 5, 9}) {
        CHECK(fault_of(start + frame(type, 0, 1, "1234") + tail) ==
              "a frame has no place before the first request");
    }
    CHECK(fault_of(preface + tail) == "the first frame is not SETTINGS");
    CHECK(fault_of(preface + frame(4, 1, 0, "") + tail) == "the first frame is not SETTINGS");
}

TEST_CASE("what is too large is malformed as soon as that is known") {
    CHECK(fault_of(start + number(16385, 3)) == "none"); // its header is not there
    CHECK(fault_of(start + frame(1, 5, 1, std::string(16385, '\0')).substr(0, 9)) ==
          "a frame is too large");
    const std::string large = frame(0x20, 0, 0, std::string(16384, '\0'));
    CHECK(fault_of(start + large + large.substr(0, 9)) == "the request head is too large");
    // A few bytes of block that become far more: fields of the dynamic table, named again and
    // again.
    std::string bomb = block(get) + "\x40" + literal("x", std::string(2000, 'y')).substr(1);
    CHECK(request(start + headers(bomb + std::string(10, '\xbe'))).host == "a.example");
    CHECK(fault_of(start + headers(bomb + std::string(100, '\xbe'))) ==
          "the request head is too large");
}

TEST_CASE("a broken header block is malformed") {
    CHECK(fault_of(start + headers("\xff\xff\xff\xff\xff\xff")) == "the header block is broken");
    CHECK(fault_of(start + headers("\xfe")) == "the header block is broken"); // no such entry
    CHECK(fault_of(start + headers("")) == "there is no method");
    const std::string whole = block(get);
    for (size_t size = 1; size < whole.size(); ++size) {
        CHECK(fault_of(start + headers(whole.substr(0, size))) != "none");
    }
}

TEST_CASE("a prefix asks for more, and never for more than there is") {
    const std::string stream = start + frame(8, 0, 0, "1234") +
                               headers(block(get).substr(0, 20), 1) +
                               frame(9, 4, 1, block(get).substr(20));
    for (size_t size = 0; size < stream.size(); ++size) {
        const HttpResult result = parse(std::string_view(stream).substr(0, size));
        REQUIRE(std::holds_alternative<HttpNeedMore>(result));
        const auto more = std::get<HttpNeedMore>(result);
        CHECK(more.certain == (size > 0));
        CHECK(more.bytes > size);
        CHECK(more.bytes <= stream.size());
    }
    CHECK(request(stream).host == "a.example");
}

TEST_CASE("what does not begin with the preface is not HTTP/2") {
    for (size_t at = 0; at < preface.size(); ++at) {
        std::string other = start;
        other[at] = '?';
        CHECK(std::holds_alternative<NotHttp>(parse(other)));
    }
    CHECK(std::holds_alternative<NotHttp>(parse("POST / HTTP/1.1\r\n")));
}

// --- nghttp2 as the client and as the judge.

namespace {

struct Free {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }

    void operator()(nghttp2_session_callbacks* callbacks) const {
        nghttp2_session_callbacks_del(callbacks);
    }
};

using Session = std::unique_ptr<nghttp2_session, Free>;
using Callbacks = std::unique_ptr<nghttp2_session_callbacks, Free>;

Callbacks new_callbacks() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    return Callbacks(callbacks);
}

std::string client_stream(const Fields& fields) {
    const Callbacks callbacks = new_callbacks();
    nghttp2_session* made = nullptr;
    nghttp2_session_client_new(&made, callbacks.get(), nullptr);
    const Session session(made);
    const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100};
    nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, &entry, 1);
    nghttp2_submit_window_update(made, NGHTTP2_FLAG_NONE, 0, 100000);
    std::vector<nghttp2_nv> list;
    for (const auto& [name, value] : fields) {
        list.push_back({reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                        reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(),
                        value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    const nghttp2_priority_spec priority{0, 200, 0};
    nghttp2_submit_request(made, &priority, list.data(), list.size(), nullptr, nullptr);
    std::string stream;
    const uint8_t* bytes = nullptr;
    for (ssize_t size = 1; size > 0;) {
        size = nghttp2_session_mem_send(made, &bytes);
        stream.append(reinterpret_cast<const char*>(bytes),
                      static_cast<size_t>(std::max<ssize_t>(size, 0)));
    }
    return stream;
}

// What nghttp2's server hands to its application of the first request, if it does.
struct Served {
    bool complete = false;
    std::string method, path, authority, host;
};

int on_header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size,
              const uint8_t* value, size_t value_size, uint8_t, void* argument) noexcept {
    auto* served = static_cast<Served*>(argument);
    const std::string_view field(reinterpret_cast<const char*>(name), name_size);
    const std::string_view text(reinterpret_cast<const char*>(value), value_size);
    if (!served->complete) {
        (field == ":method"      ? served->method
         : field == ":path"      ? served->path
         : field == ":authority" ? served->authority
         : field == "host"       ? served->host
                                 : *std::make_unique<std::string>()) = text;
    }
    return 0;
}

int on_frame(nghttp2_session*, const nghttp2_frame* received, void* argument) noexcept {
    auto* served = static_cast<Served*>(argument);
    served->complete = served->complete || received->hd.type == NGHTTP2_HEADERS;
    return 0;
}

Served served_from(std::string_view stream) {
    Served served;
    const Callbacks callbacks = new_callbacks();
    nghttp2_session_callbacks_set_on_header_callback(callbacks.get(), on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks.get(), on_frame);
    nghttp2_session* made = nullptr;
    nghttp2_session_server_new(&made, callbacks.get(), &served);
    const Session session(made);
    nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, nullptr, 0);
    (void)nghttp2_session_mem_recv(made, reinterpret_cast<const uint8_t*>(stream.data()),
                                   stream.size()); // ignoring: what was served is what counts
    return served;
}

std::vector<std::string> client_streams() {
    std::vector<std::string> streams;
    Fields many = get;
    for (int i = 0; i < 40; ++i) {
        many.emplace_back("x-field-" + std::to_string(i),
                          std::string(500, static_cast<char>('a' + i % 26)));
    }
    for (const Fields& fields :
         {get, with(":authority", "-", with("host", "b.example")), with("host", "a.example:80"),
          with(":path", "/a/%2e%2e/b"),
          Fields{{":method", "CONNECT"}, {":authority", "c.example:443"}}, many}) {
        streams.push_back(client_stream(fields));
    }
    return streams;
}

} // namespace

TEST_CASE("nghttp2's requests read as nghttp2's server reads them") {
    for (const std::string& stream : client_streams()) {
        const Served served = served_from(stream);
        REQUIRE(served.complete);
        const HttpRequest found = request(stream);
        CHECK(found.method == served.method);
        CHECK(found.url == (served.path.empty() ? served.authority : served.path));
        CHECK(found.host ==
              pc::inspect::host_of(served.authority.empty() ? served.host : served.authority));
        for (size_t size = 0; size < stream.size(); size += 1 + stream.size() / 300) {
            const HttpResult part = parse(std::string_view(stream).substr(0, size));
            CHECK(std::holds_alternative<HttpNeedMore>(part));
        }
    }
}

TEST_CASE("a host that nghttp2 would serve is never missed in a damaged stream") {
    const uint32_t seed = 20240608;
    std::mt19937 dice(seed);
    const auto below = [&dice](size_t end) { return static_cast<size_t>(dice() % end); };
    const std::vector<std::string> streams = client_streams();
    size_t served_count = 0;
    for (int round = 0; round < 20000; ++round) {
        std::string stream = streams[below(streams.size())];
        for (size_t changes = 1 + below(2); changes > 0; --changes) {
            stream[24 + below(std::min<size_t>(stream.size() - 24, 150))] =
                static_cast<char>(below(3) == 0 ? below(8) : below(256));
        }
        const Served served = served_from(stream);
        if (!served.complete) {
            continue;
        }
        ++served_count;
        INFO("seed " << seed << ", round " << round << ", served " << served.authority << " "
                     << served.host);
        const HttpResult result = parse(stream);
        if (const auto* found = std::get_if<HttpRequest>(&result)) {
            const std::string& named = served.authority.empty() ? served.host : served.authority;
            CHECK(found->host == pc::inspect::host_of(named).value_or("not a host name"));
            CHECK(found->method == served.method);
        } else {
            CHECK(std::holds_alternative<HttpMalformed>(result));
        }
    }
    CHECK(served_count > 2000); // else the test shows nothing
}
