// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as the start of a stream, and the same bytes arriving bit by bit: an answer must not
// change when more bytes come, and what is handed out must be bounded and clean.
#include "ctl/inspect/http_request.h"

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

void check(const HttpResult& result) {
    if (const auto* request = std::get_if<HttpRequest>(&result)) {
        require(!request->method.empty());
        require(request->method.size() <= pc::inspect::http_method_bytes_max);
        require(request->url.size() <= pc::inspect::http_url_bytes_max);
        require(request->host.empty() ||
                pc::inspect::normal_host_name(request->host) == request->host);
    }
}

// Heads to start from: origin form, absolute form, CONNECT.
size_t seed(uint8_t* bytes, size_t max_size, unsigned int dice) {
    static const char* const heads[] = {
        "GET /a?b HTTP/1.1\r\nHost: a.example:80\r\nX: y\r\n\r\n",
        "\r\nPOST http://u@A.example./p HTTP/1.0\nhost: a.example\n\n",
        "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost:[2001:db8::1]:443\r\n\r\n",
    };
    const char* head = heads[dice % 3];
    const size_t size = std::min(strlen(head), max_size);
    memcpy(bytes, head, size);
    return size;
}

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* bytes, size_t size, size_t max_size,
                                          unsigned int dice) {
    if (size < 2 || dice % 64 == 0) {
        size = seed(bytes, max_size, dice / 64);
    }
    return LLVMFuzzerMutate(bytes, size, max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    const auto stream = std::as_bytes(std::span(bytes, size));
    const HttpResult whole = pc::inspect::parse_http_request(stream);
    check(whole);
    const size_t step = 1 + size / 64;
    for (size_t cut = 0; cut < size; cut += step) {
        const HttpResult part = pc::inspect::parse_http_request(stream.first(cut));
        check(part);
        require(std::holds_alternative<HttpNeedMore>(part) || part.index() == whole.index());
    }
    return 0;
}
