// SPDX-License-Identifier: GPL-3.0-or-later
// The head of an HTTP/1.x request (RFC 9112): enough to know which host is asked for what. Pure and
// bounded: the caller gives all bytes of the stream seen so far, from its start.
//
// Strict where servers differ (two Host fields, folded lines, a space before the colon, a Host that
// is not the target's): such a head is malformed, because any single reading of it could be wrong.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <variant>

namespace pc::inspect {

constexpr size_t http_head_bytes_max = 32768;
constexpr size_t http_method_bytes_max = 32;
constexpr size_t http_url_bytes_max = 2048; // of the path that is kept; a longer one is cut

// `certain` when the bytes begin with a method that HTTP knows.
struct HttpNeedMore {
    bool certain = false;
};

struct NotHttp {};

// It is HTTP, and no server should take it. `why` is a fixed text.
struct HttpMalformed {
    const char* why = "";
};

struct HttpRequest {
    std::string method;
    std::string url;    // path and query as sent; "host:port" of CONNECT
    std::string host;   // normal_host_name() without port; empty when none was sent
    bool http11 = true; // else HTTP/1.0
};

using HttpResult = std::variant<HttpNeedMore, NotHttp, HttpMalformed, HttpRequest>;

[[nodiscard]] HttpResult parse_http_request(std::span<const std::byte> stream);

} // namespace pc::inspect
