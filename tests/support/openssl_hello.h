// SPDX-License-Identifier: GPL-3.0-or-later
// Real ClientHellos from libssl's client, and what libssl's server sees in them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>

namespace pc {

struct HelloOptions {
    std::string name{};
    std::vector<std::string> alpn{};
    int version_min = TLS1_VERSION;
    int version_max = TLS1_3_VERSION;
    std::string groups{};  // as SSL_set1_groups_list() takes them; empty: libssl's own
    std::string ciphers{}; // of TLS 1.2 and earlier; empty: libssl's own
    std::string sigalgs{}; // empty: libssl's own
    bool tickets = true;
};

// The records that the client sends first.
[[nodiscard]] std::string openssl_hello(const HelloOptions& options);

// The handshake message inside: the same without record headers.
[[nodiscard]] std::string without_records(std::string_view stream);

// As SSL_CTX_set_client_hello_cb() tells it. Extensions are the raw bodies; empty when absent.
struct HelloSeen {
    bool seen = false;
    uint16_t legacy_version = 0;
    std::vector<uint16_t> ciphers, extensions;
    std::string server_name, alpn, supported_versions, signature_algorithms;
};

[[nodiscard]] HelloSeen openssl_sees(std::string_view stream);

} // namespace pc
