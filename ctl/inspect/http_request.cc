// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/http_request.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <tuple>

#include "ctl/inspect/http_path.h"
#include "ctl/inspect/http_syntax.h"

namespace pc::inspect {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
    return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                      [](char a, char b) { return lower(a) == b; });
}

bool starts_with_method(std::string_view text) {
    constexpr std::array<std::string_view, 16> methods = {
        "GET ",     "HEAD ",  "POST ",  "PUT ",      "DELETE ",    "CONNECT ",
        "OPTIONS ", "TRACE ", "PATCH ", "PROPFIND ", "PROPPATCH ", "MKCOL ",
        "COPY ",    "MOVE ",  "LOCK ",  "UNLOCK "};
    const auto begins = [text](std::string_view method) {
        const size_t shorter = std::min(method.size(), text.size());
        return method.substr(0, shorter) == text.substr(0, shorter);
    };
    return !text.empty() && std::any_of(methods.begin(), methods.end(), begins);
}

std::string_view trimmed(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes a line off the front, without its LF or CRLF; none if its end is not there.
std::optional<std::string_view> take_line(std::string_view& text) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (!line.empty() && line.back() == '\r') {
        line.remove_suffix(1);
    }
    return line;
}

enum class LineKind { request, malformed, other };

struct RequestLine {
    LineKind kind = LineKind::other;
    std::string_view method, target;
    HttpVersion version = HttpVersion::http11;
};

// METHOD SP target SP HTTP/1.x. A line that only looks like it is another protocol's, unless it
// begins with a method of HTTP's own.
RequestLine read_request_line(std::string_view line) {
    RequestLine result;
    const size_t space = line.find(' ');
    const bool known = starts_with_method(line) && space != std::string_view::npos;
    result.kind = known ? LineKind::malformed : LineKind::other;
    const size_t version_at = line.rfind(" HTTP/1.");
    if (version_at == std::string_view::npos || version_at + 9 != line.size() ||
        line.back() < '0' || line.back() > '9') {
        return result;
    }
    result.version = line.back() == '0' ? HttpVersion::http10 : HttpVersion::http11;
    result.method = line.substr(0, space);
    if (!is_token(result.method) || result.method.size() > http_method_bytes_max ||
        std::any_of(line.begin(), line.end(), is_control)) {
        return result;
    }
    if (space < version_at) {
        result.target = line.substr(space + 1, version_at - space - 1);
    }
    const bool one_target = !result.target.empty() && result.target.find(' ') == result.target.npos;
    result.kind = one_target ? LineKind::request : LineKind::malformed;
    return result;
}

// The host that the target itself names; `ok` is false when the target has no form of RFC 9112 3.2.
struct TargetHost {
    bool ok = false;
    std::optional<std::string> host;
    std::string_view url;
};

TargetHost read_target(const RequestLine& line) {
    const std::string_view target = line.target;
    if (line.method == "CONNECT") {
        TargetHost result{false, host_of(target), target};
        result.ok = result.host.has_value();
        return result;
    }
    if (target.front() == '/' || target == "*") {
        return {true, std::nullopt, target};
    }
    const size_t scheme = target.find("://");
    if (scheme == std::string_view::npos || !is_token(target.substr(0, scheme))) {
        return {};
    }
    const std::string_view rest = target.substr(scheme + 3);
    const size_t path = std::min(rest.find_first_of("/?#"), rest.size());
    TargetHost result{false, host_of(rest.substr(0, path)), rest.substr(path)};
    result.ok = result.host.has_value();
    return result;
}

struct Fields {
    const char* fault = nullptr;
    int hosts = 0;
    std::string host;
};

Fields read_fields(std::string_view text) {
    Fields fields;
    const auto fault = [&fields](const char* why) {
        fields.fault = why;
        return fields;
    };
    while (const std::optional<std::string_view> line = take_line(text)) {
        if (line->empty()) {
            break;
        }
        if (line->front() == ' ' || line->front() == '\t') {
            return fault("a header field is folded");
        }
        const size_t colon = line->find(':');
        if (colon == std::string_view::npos || !is_token(line->substr(0, colon))) {
            return fault("a header field has no name");
        }
        const std::string_view value = trimmed(line->substr(colon + 1));
        if (std::any_of(value.begin(), value.end(),
                        [](char c) { return is_control(c) && c != '\t'; })) {
            return fault("a header field holds a control character");
        }
        if (!equals_ignoring_case(line->substr(0, colon), "host")) {
            continue;
        }
        if (++fields.hosts > 1) {
            return fault("two Host fields");
        }
        const std::optional<std::string> host = host_of(value);
        if (!host && !value.empty()) {
            return fault("Host is not a host name");
        }
        fields.host = host.value_or("");
    }
    return fields;
}

// Where the head ends: behind its empty line.
size_t end_of_head(std::string_view text) {
    for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
        const std::string_view rest = text.substr(at + 1, 2);
        if (rest.starts_with('\n') || rest == "\r\n") {
            return at + 1;
        }
    }
    return std::string_view::npos;
}

HttpResult unfinished(std::string_view text, bool full) {
    if (full) {
        return HttpMalformed{"the request head is too large"};
    }
    // Only empty lines so far: a request may follow them, so waiting must not end the examination.
    return HttpNeedMore{text.empty() || starts_with_method(text)};
}

// The request line's end is not there: may it still become one?
HttpResult unfinished_line(std::string_view text, bool full) {
    const size_t space = text.find(' ');
    const std::string_view method = text.substr(0, space);
    const bool whole = space != std::string_view::npos;
    if (!text.empty() && (!is_token(method) || method.size() > http_method_bytes_max)) {
        return NotHttp{};
    }
    if (whole && std::any_of(text.begin(), text.end() - 1, is_control)) {
        return starts_with_method(text) ? HttpResult(HttpMalformed{"the request line is broken"})
                                        : HttpResult(NotHttp{});
    }
    return unfinished(text, full);
}

} // namespace

HttpResult parse_http_request(std::span<const std::byte> stream) {
    const bool full = stream.size() >= http_head_bytes_max;
    std::string_view text(reinterpret_cast<const char*>(stream.data()),
                          std::min(stream.size(), http_head_bytes_max));
    if (text.empty()) {
        return HttpNeedMore{};
    }
    text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size())); // RFC 9112 2.2
    std::string_view rest = text;
    const std::optional<std::string_view> first = take_line(rest);
    if (!first) {
        return unfinished_line(text, full);
    }
    const RequestLine line = read_request_line(*first);
    if (line.kind == LineKind::other) {
        return NotHttp{};
    }
    if (line.kind == LineKind::malformed) {
        return HttpMalformed{"the request line is broken"};
    }
    const size_t end = end_of_head(text);
    if (end == std::string_view::npos) {
        return full ? HttpResult(HttpMalformed{"the request head is too large"})
                    : HttpResult(HttpNeedMore{true});
    }
    const TargetHost target = read_target(line);
    if (!target.ok) {
        return HttpMalformed{"the request target is broken"};
    }
    const Fields fields = read_fields(rest.substr(0, end - (text.size() - rest.size())));
    if (fields.fault != nullptr) {
        return HttpMalformed{fields.fault};
    }
    if (target.host && fields.hosts > 0 && fields.host != *target.host) {
        return HttpMalformed{"Host is not the target's host"};
    }
    HttpRequest request;
    request.method = line.method;
    request.url = target.url.substr(0, http_url_bytes_max);
    request.host = target.host.value_or(fields.host);
    request.version = line.version;
    if (line.method != "CONNECT") {
        std::tie(request.path, request.path_fault) = normal_path(target.url);
    }
    return request;
}

} // namespace pc::inspect
