// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as the start of a stream, and the same bytes arriving one by one: what the parser asked
// for must be possible, an answer must not change when more bytes come, and a name must be clean.
#include "ctl/inspect/tls_hello.h"

#include <cstdlib>
#include <cstring>

#include "ctl/inspect/host_name.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* bytes, size_t size, size_t max_size);

namespace {

using pc::inspect::TlsHello;
using pc::inspect::TlsNeedMore;
using pc::inspect::TlsResult;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check(const TlsResult& result, size_t size) {
    if (const auto* more = std::get_if<TlsNeedMore>(&result)) {
        require(more->bytes > size);
        require(more->bytes <= pc::inspect::tls_hello_bytes_max);
    }
    if (const auto* hello = std::get_if<TlsHello>(&result)) {
        require(hello->alpn.size() <= pc::inspect::tls_alpn_names_max);
        require(hello->server_name.empty() ||
                pc::inspect::normal_host_name(hello->server_name) == hello->server_name);
    }
}

// A hello with server_name, ALPN, supported_versions and GREASE, to start from.
size_t seed(uint8_t* bytes, size_t max_size) {
    static const char hello[] =
        "\x16\x03\x01\x00\x68\x01\x00\x00\x64\x03\x03rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr\x00"
        "\x00\x02\x13\x01\x01\x00\x00\x39\x1a\x1a\x00\x00\x00\x00\x00\x0e\x00\x0c\x00\x00\x09"
        "a.example\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1\x00\x2b\x00\x07\x06\x7a\x7a\x03\x04"
        "\x03\x03\xfe\x0d\x00\x02xx";
    const size_t size = std::min(sizeof(hello) - 1, max_size);
    memcpy(bytes, hello, size);
    return size;
}

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* bytes, size_t size, size_t max_size,
                                          unsigned int dice) {
    if (size < 2 || dice % 64 == 0) {
        size = seed(bytes, max_size);
    }
    return LLVMFuzzerMutate(bytes, size, max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    const auto stream = std::as_bytes(std::span(bytes, size));
    const TlsResult whole = pc::inspect::parse_tls_hello(stream);
    check(whole, size);
    const size_t step = 1 + size / 64;
    bool decided = false;
    for (size_t cut = 0; cut < size; cut += step) {
        const TlsResult part = pc::inspect::parse_tls_hello(stream.first(cut));
        check(part, cut);
        const bool wants_more = std::holds_alternative<TlsNeedMore>(part);
        require(wants_more || part.index() == whole.index());
        require(!decided || !wants_more);
        decided = !wants_more;
    }
    return 0;
}
