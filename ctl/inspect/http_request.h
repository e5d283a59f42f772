// SPDX-License-Identifier: GPL-3.0-or-later
// The head of an HTTP/1.x request (RFC 9112): enough to know which host is asked for what. Pure and
// bounded: the caller gives all bytes of the stream seen so far, from its start.
//
// Strict where servers differ (two Host fields, folded lines, a space before the colon, a Host that
// is not the target's): such a head is malformed, because any single reading of it could be wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>

namespace pc::inspect {

constexpr size_t http_head_bytes_max = 32768;
constexpr size_t http_method_bytes_max = 32;
constexpr size_t http_url_bytes_max = 2048; // of the path that is kept; a longer one is cut

// `certain` when the bytes begin with a method that HTTP knows, or as HTTP/2. `bytes`: from the
// start of the stream, without which another call tells no more; 0 when that is not known.
struct HttpNeedMore {
    bool certain = false;
    size_t bytes = 0;
};

struct NotHttp {};

// It is HTTP, and no server should take it. `why` is a fixed text.
struct HttpMalformed {
    const char* why = "";
};

enum class HttpVersion : uint8_t { http10, http11, http2 };

struct HttpRequest {
    std::string method;
    std::string url;  // path and query as sent; "host:port" of CONNECT
    std::string host; // normal_host_name() without port; empty when none was sent
    HttpVersion version = HttpVersion::http11;
    std::string path{};          // normal_path(); empty when there is none, or it has a fault
    const char* path_fault = ""; // why no rule about paths should take this for any path
};

using HttpResult = std::variant<HttpNeedMore, NotHttp, HttpMalformed, HttpRequest>;

[[nodiscard]] HttpResult parse_http_request(std::span<const std::byte> stream);

} // namespace pc::inspect
