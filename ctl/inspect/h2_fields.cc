// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/h2_fields.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>

#include <nghttp2/nghttp2.h>

#include "ctl/inspect/h2_request.h"
#include "ctl/inspect/http_path.h"
#include "ctl/inspect/http_syntax.h"

namespace pc::inspect {

namespace {

constexpr size_t field_overhead_bytes = 32; // RFC 9113 6.5.2

struct FreeInflater {
    void operator()(nghttp2_hd_inflater* inflater) const { nghttp2_hd_inflate_del(inflater); }
};

using Inflater = std::unique_ptr<nghttp2_hd_inflater, FreeInflater>;

struct Fields {
    std::optional<std::string> method, scheme, path, authority, protocol, host;
    bool regular = false; // a field that is not a pseudo-field has been seen
    size_t bytes = 0;
};

bool is_value(std::string_view value) {
    const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
    return std::none_of(value.begin(), value.end(),
                        [](char c) { return is_control(c) && c != '\t'; }) &&
           (value.empty() || (!is_blank(value.front()) && !is_blank(value.back())));
}

std::optional<std::string>* pseudo_field(Fields& fields, std::string_view name) {
    struct Known {
        std::string_view name;
        std::optional<std::string> Fields::*field;
    };

    constexpr std::array<Known, 5> known = {{{":method", &Fields::method},
                                             {":scheme", &Fields::scheme},
                                             {":path", &Fields::path},
                                             {":authority", &Fields::authority},
                                             {":protocol", &Fields::protocol}}};
    for (const Known& each : known) {
        if (each.name == name) {
            return &(fields.*each.field);
        }
    }
    return nullptr;
}

// Null, or what is wrong.
const char* add_field(std::string_view name, std::string_view value, Fields& fields) {
    fields.bytes += name.size() + value.size() + field_overhead_bytes;
    if (fields.bytes > h2_fields_bytes_max) {
        return "the request head is too large";
    }
    if (!is_value(value)) {
        return "a header field holds a control character or outer white space";
    }
    std::optional<std::string>* field = nullptr;
    if (name.starts_with(':')) {
        field = pseudo_field(fields, name);
        if (fields.regular || field == nullptr) {
            return "a pseudo-field is unknown or stands behind a field";
        }
    } else {
        fields.regular = true;
        const bool is_upper =
            std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
        if (!is_token(name) || is_upper) {
            return "a header field has no name";
        }
        if (name != "host") {
            return nullptr;
        }
        field = &fields.host;
    }
    if (field->has_value()) {
        return "a field that may stand once stands twice";
    }
    *field = value;
    return nullptr;
}

const char* inflate(Bytes block, Fields& fields) {
    nghttp2_hd_inflater* made = nullptr;
    // The client may have waited for SETTINGS that let it use a larger table than it starts with.
    if (nghttp2_hd_inflate_new(&made) != 0 ||
        nghttp2_hd_inflate_change_table_size(made, h2_fields_bytes_max) != 0) {
        nghttp2_hd_inflate_del(made);
        return "the header block cannot be read";
    }
    const Inflater inflater(made);
    const auto* at = reinterpret_cast<const uint8_t*>(block.data());
    size_t left = block.size();
    int flags = 0;
    while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
        nghttp2_nv field{};
        flags = 0;
        const ssize_t used = nghttp2_hd_inflate_hd2(made, &field, &flags, at, left, 1);
        if (used < 0) {
            return "the header block is broken";
        }
        at += used;
        left -= static_cast<size_t>(used);
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
            const std::string_view name(reinterpret_cast<const char*>(field.name), field.namelen);
            const std::string_view value(reinterpret_cast<const char*>(field.value),
                                         field.valuelen);
            if (const char* why = add_field(name, value, fields)) {
                return why;
            }
        } else if (left == 0 && (flags & NGHTTP2_HD_INFLATE_FINAL) == 0 && used == 0) {
            return "the header block is broken"; // it neither ends nor goes on
        }
    }
    return nullptr;
}

// What RFC 9113 8.3.1 and 8.5, and RFC 8441 4 for CONNECT with :protocol, ask for.
const char* fault_of(const Fields& fields) {
    if (!fields.method || !is_token(*fields.method) ||
        fields.method->size() > http_method_bytes_max) {
        return "there is no method";
    }
    const bool is_connect = *fields.method == "CONNECT";
    const bool is_tunnel = is_connect && !fields.protocol;
    if (fields.protocol && !is_connect) {
        return ":protocol stands without CONNECT";
    }
    if (is_tunnel ? fields.scheme || fields.path : !fields.scheme || !fields.path) {
        return "scheme or path are missing, or should be";
    }
    if (!is_tunnel && !is_token(*fields.scheme)) {
        return "the scheme is broken";
    }
    if (!is_tunnel && !fields.path->starts_with('/') &&
        !(*fields.path == "*" && *fields.method == "OPTIONS")) {
        return "the request target is broken";
    }
    if (fields.path && fields.path->find(' ') != std::string::npos) {
        return "the request target is broken";
    }
    if (is_connect && !fields.authority) {
        return "CONNECT names no authority";
    }
    return nullptr;
}

} // namespace

std::variant<HttpMalformed, HttpRequest> read_h2_fields(Bytes block) {
    Fields fields;
    if (const char* why = inflate(block, fields)) {
        return HttpMalformed{why};
    }
    if (const char* why = fault_of(fields)) {
        return HttpMalformed{why};
    }
    HttpRequest request;
    for (const std::optional<std::string>* named : {&fields.authority, &fields.host}) {
        if (!*named) {
            continue;
        }
        const std::optional<std::string> host =
            (*named)->find('@') == std::string::npos ? host_of(**named) : std::nullopt;
        if (!host) {
            return HttpMalformed{"the authority is not a host name"};
        }
        if (!request.host.empty() && request.host != *host) {
            return HttpMalformed{"Host is not the authority's host"};
        }
        request.host = *host;
    }
    if (request.host.empty()) {
        return HttpMalformed{"the request names no authority"};
    }
    request.method = *fields.method;
    request.version = HttpVersion::http2;
    const std::string& url = fields.path ? *fields.path : *fields.authority;
    request.url = url.substr(0, http_url_bytes_max);
    if (fields.path) {
        std::tie(request.path, request.path_fault) = normal_path(url);
    }
    return request;
}

} // namespace pc::inspect
