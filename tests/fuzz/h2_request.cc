// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as the start of an HTTP/2 connection, and the same bytes arriving bit by bit: an answer
// must not change when more bytes come, and what is handed out must be bounded and clean.
#include "ctl/inspect/h2_request.h"

#include <cstdlib>
#include <cstring>

#include "ctl/inspect/host_name.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* bytes, size_t size, size_t max_size);

namespace {

using pc::inspect::HttpNeedMore;
using pc::inspect::HttpRequest;
using pc::inspect::HttpResult;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check(const HttpResult& result, size_t size) {
    if (const auto* more = std::get_if<HttpNeedMore>(&result)) {
        require(more->bytes > size && more->bytes <= pc::inspect::http_head_bytes_max);
    }
    if (const auto* request = std::get_if<HttpRequest>(&result)) {
        require(!request->method.empty());
        require(request->method.size() <= pc::inspect::http_method_bytes_max);
        require(request->url.size() <= pc::inspect::http_url_bytes_max);
        require(pc::inspect::normal_host_name(request->host) == request->host);
        require(request->path.empty() || request->path.front() == '/');
    }
}

// SETTINGS, WINDOW_UPDATE and a request in HEADERS and CONTINUATION, to start from.
size_t seed(uint8_t* bytes, size_t max_size) {
    static const char stream[] =
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0\0\0\4\x08\0\0\0\0\0\0\0\xff\xff"
        "\0\0\7\1\1\0\0\0\1\x82\x86\x84\x41\x09"
        "a."
        "\0\0\x0e\x09\4\0\0\0\1example\x40\1x\3y.z";
    const size_t size = std::min(sizeof(stream) - 1, max_size);
    memcpy(bytes, stream, size);
    return size;
}

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* bytes, size_t size, size_t max_size,
                                          unsigned int dice) {
    if (size < 25 || dice % 64 == 0) {
        size = seed(bytes, max_size);
    }
    if (size <= 24) {
        return LLVMFuzzerMutate(bytes, size, max_size);
    }
    return 24 + LLVMFuzzerMutate(bytes + 24, size - 24, max_size - 24); // the preface stays
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    const auto stream = std::as_bytes(std::span(bytes, size));
    const HttpResult whole = pc::inspect::parse_h2_request(stream);
    check(whole, size);
    const size_t step = 1 + size / 32;
    for (size_t cut = 0; cut < size; cut += step) {
        const HttpResult part = pc::inspect::parse_h2_request(stream.first(cut));
        check(part, cut);
        require(std::holds_alternative<HttpNeedMore>(part) || part.index() == whole.index());
    }
    return 0;
}
