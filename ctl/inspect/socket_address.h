// SPDX-License-Identifier: GPL-3.0-or-later
// Addresses with ports, as we hold them and as system calls want them.
#pragma once

#include <cstdint>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>

#include "rules/net.h"
#include "rules/result.h"

namespace pc::inspect {

struct Endpoint {
    Address address;
    uint16_t port = 0; // host order

    bool operator==(const Endpoint&) const = default;
};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

[[nodiscard]] SocketAddress socket_address(const Endpoint& endpoint);

// Of AF_INET or AF_INET6.
[[nodiscard]] Endpoint endpoint_of(const sockaddr_storage& storage);

[[nodiscard]] int domain_of(Family family);

// From errno.
[[nodiscard]] Error failed(std::string_view what);

[[nodiscard]] Result<void> set_option(int fd, int level, int name, int value,
                                      std::string_view what);

} // namespace pc::inspect
