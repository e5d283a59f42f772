// SPDX-License-Identifier: GPL-3.0-or-later
// What a TLS client says before encryption starts: the ClientHello (RFC 8446 4.1.2, RFC 5246
// 7.4.1.2, RFC 6066 3, RFC 7301). Pure and bounded: the caller gives all bytes of the stream seen
// so far, from its start, as often as it likes.
//
// The rule where readings differ: what some server may take for a name is either that name here or
// malformed, never "no name" and never "not TLS". Otherwise a deny list could be stepped around.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace pc::inspect {

// Of the stream: records with their headers. Hybrid key shares and ECH make hellos of several KiB.
constexpr size_t tls_hello_bytes_max = 65536;
constexpr size_t tls_alpn_names_max = 32; // more are checked, not kept

// At least `bytes` bytes from the start of the stream are needed before another call can tell more.
struct TlsNeedMore {
    size_t bytes = 0;
};

struct NotTls {};

// It is TLS, and no server should take it. `why` is a fixed text.
struct TlsMalformed {
    const char* why = "";
};

struct TlsHello {
    std::string server_name;       // normal_host_name(); empty when none was sent
    std::vector<std::string> alpn; // in the client's order, raw bytes (GREASE included)
    uint16_t version = 0;          // the highest one offered, GREASE left out: 0x0304 is TLS 1.3
    bool ech = false;              // an encrypted_client_hello extension, real or GREASE
};

using TlsResult = std::variant<TlsNeedMore, NotTls, TlsMalformed, TlsHello>;

[[nodiscard]] TlsResult parse_tls_hello(std::span<const std::byte> stream);

} // namespace pc::inspect
