// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/first_bytes.h"

#include <algorithm>
#include <utility>

#include "ctl/inspect/h2_request.h"

namespace pc::inspect {

namespace {

FirstBytes recognise_http(std::span<const std::byte> stream) {
    HttpResult result = parse_h2_request(stream);
    if (std::holds_alternative<NotHttp>(result)) {
        result = parse_http_request(stream);
    }
    if (const auto* more = std::get_if<HttpNeedMore>(&result)) {
        return Undecided{std::max(stream.size() + 1, more->bytes), more->certain};
    }
    if (const auto* broken = std::get_if<HttpMalformed>(&result)) {
        return malformed("http", broken->why);
    }
    if (auto* request = std::get_if<HttpRequest>(&result)) {
        std::string host = request->host;
        return named("http", std::move(host), std::move(*request));
    }
    return Recognised{};
}

} // namespace

FirstBytes recognise(std::span<const std::byte> stream) {
    TlsResult result = parse_tls_hello(stream);
    if (const auto* more = std::get_if<TlsNeedMore>(&result)) {
        return Undecided{more->bytes, !stream.empty()};
    }
    if (const auto* broken = std::get_if<TlsMalformed>(&result)) {
        return malformed("tls", broken->why);
    }
    if (auto* hello = std::get_if<TlsHello>(&result)) {
        std::string name = hello->server_name;
        return named("tls", std::move(name), std::move(*hello));
    }
    return recognise_http(stream);
}

} // namespace pc::inspect
