// SPDX-License-Identifier: GPL-3.0-or-later
// The ClientHello (RFC 8446 4.1.2, RFC 5246 7.4.1.2, RFC 6066 3, RFC 7301) as a handshake message
// by itself, as QUIC's CRYPTO frames carry it; tls_hello.h takes it out of TLS records. Pure,
// bounded.
//
// The rule where readings differ: what some server may take for a name is either that name here or
// malformed, never "no name" and never "not TLS". Otherwise a deny list could be stepped around.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ctl/inspect/cursor.h"
#include "ctl/inspect/ja4.h"

namespace pc::inspect {

constexpr size_t handshake_header_bytes = 4;
constexpr size_t tls_alpn_names_max = 32; // more are checked, not kept

// It is TLS, and no server should take it. `why` is a fixed text.
struct TlsMalformed {
    const char* why = "";
};

struct TlsHello {
    std::string server_name;       // normal_host_name(); empty when none was sent
    std::vector<std::string> alpn; // in the client's order, raw bytes (GREASE included)
    uint16_t version = 0;          // the highest one offered, GREASE left out: 0x0304 is TLS 1.3
    bool ech = false;              // an encrypted_client_hello extension, real or GREASE
    std::string ja4;               // the client's fingerprint
};

// Of a handshake message that begins with these bytes: its size with its header. None while the
// header is not there. Up to 16 MiB; the caller knows what is too much.
[[nodiscard]] std::optional<size_t> handshake_bytes(Bytes start);

// Whether the first byte, if it is there, is a ClientHello's.
[[nodiscard]] bool may_be_client_hello(Bytes start);

// A whole ClientHello with its header and with nothing behind it.
[[nodiscard]] std::variant<TlsMalformed, TlsHello> parse_client_hello(Bytes message,
                                                                      Transport transport);

} // namespace pc::inspect
