// SPDX-License-Identifier: GPL-3.0-or-later
// JA4, FoxIO's fingerprint of a TLS client: 36 characters which clients of one make share, in
// whatever order they send their extensions. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pc::inspect {

enum class Transport : uint8_t { tcp, quic };

// What of a ClientHello goes into it. Lists in the client's order, GREASE (RFC 8701) included.
struct Ja4Facts {
    Transport transport = Transport::tcp;
    uint16_t version = 0; // the highest one offered
    bool has_server_name = false;
    std::string first_alpn; // empty: no ALPN
    std::vector<uint16_t> ciphers;
    std::vector<uint16_t> extensions;
    std::vector<uint16_t> signature_algorithms;
};

// Such as "t13d1516h2_8daaf6152771_e5627efa2ab1".
[[nodiscard]] std::string ja4_of(const Ja4Facts& facts);

} // namespace pc::inspect
