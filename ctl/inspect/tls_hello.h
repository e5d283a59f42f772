// SPDX-License-Identifier: GPL-3.0-or-later
// What a TLS client says over TCP before encryption starts: the ClientHello of client_hello.h in
// records (RFC 8446 5.1). Pure and bounded: the caller gives all bytes of the stream seen so far,
// from its start, as often as it likes; one who waits for what TlsNeedMore asks for calls rarely.
#pragma once

#include <cstddef>
#include <variant>

#include "ctl/inspect/client_hello.h"
#include "ctl/inspect/cursor.h"

namespace pc::inspect {

// Of the stream: records with their headers. Hybrid key shares and ECH make hellos of several KiB.
constexpr size_t tls_hello_bytes_max = 65536;

// At least `bytes` bytes from the start of the stream are needed before another call can tell more.
struct TlsNeedMore {
    size_t bytes = 0;
};

struct NotTls {};

using TlsResult = std::variant<TlsNeedMore, NotTls, TlsMalformed, TlsHello>;

[[nodiscard]] TlsResult parse_tls_hello(Bytes stream);

} // namespace pc::inspect
