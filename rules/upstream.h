// SPDX-License-Identifier: GPL-3.0-or-later
// [inspect.NAME.upstream]: several servers in the place of the one that a client of a terminated
// TCP flow asked for, how one of them is chosen, and how it is known which of them work.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/match.h"

namespace pc {

struct UpstreamServer {
    Address address;
    uint16_t port = 0; // host order
    uint32_t weight = 1;
    bool drains = false; // takes no new flows, keeps those it has
    Location at;
};

// Part of a client's address that chooses its server: all clients of one prefix have the same one.
struct StickyPrefix {
    uint8_t ipv4 = 32;
    uint8_t ipv6 = 64; // a host changes what is behind it

    bool operator==(const StickyPrefix&) const = default;
};

struct HealthChecks {
    bool active = true; // ask the servers; else only what flows meet counts
    uint32_t interval_ms = 2000;
    uint32_t timeout_ms = 1000;
    uint32_t rise = 2;         // good checks in a row that bring a server back
    uint32_t fall = 3;         // bad ones that take it out
    std::string http_path;     // empty: a connection that stands is a good check
    std::string http_host;     // empty: the server's own address
    uint32_t passive_fall = 5; // connections of flows that failed in a row; 0: they take none out
    uint32_t retry_ms = 10000; // after which a server is tried again that no check brings back

    bool operator==(const HealthChecks&) const = default;
};

struct Upstream {
    enum class Balance : uint8_t { maglev, least_connections };

    std::vector<UpstreamServer> servers; // in file order
    Balance balance = Balance::maglev;
    StickyPrefix sticky;
    bool proxy_protocol = false; // a PROXY header of version 2 before the client's bytes
    bool none_passes = false;    // on_none = "pass": to the original destination
    uint32_t connect_timeout_ms = 3000;
    HealthChecks health;
    Location at;
};

inline constexpr size_t upstream_servers_max = 64;
inline constexpr uint32_t upstream_weight_max = 256;

// "192.0.2.10:8080", "[2001:db8::1]:8080"; only an address that a connection can be made to.
struct ServerAddress {
    Address address;
    uint16_t port = 0;
};

[[nodiscard]] std::optional<ServerAddress> parse_server_address(std::string_view text);
[[nodiscard]] std::string server_text(const Address& address, uint16_t port);

// "500ms", "2s", "1m", "1h": milliseconds, from 1 to `longest`.
[[nodiscard]] std::optional<uint32_t> parse_milliseconds(std::string_view text, uint32_t longest);
[[nodiscard]] std::string milliseconds_text(uint32_t ms);

// Begins with "/"; visible ASCII, as a request line needs.
inline constexpr size_t check_path_max = 1024;
[[nodiscard]] bool is_check_path(std::string_view path);

// What a Host header may say: a name or an address, with or without a port.
[[nodiscard]] bool is_check_host(std::string_view host);

[[nodiscard]] std::string_view to_string(Upstream::Balance balance);

} // namespace pc
