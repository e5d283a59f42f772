// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/socket_address.h"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace pc::inspect {

SocketAddress socket_address(const Endpoint& endpoint) {
    SocketAddress result;
    if (endpoint.address.family == Family::v4) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(endpoint.port);
        memcpy(&in.sin_addr, endpoint.address.bytes.data(), sizeof(in.sin_addr));
        memcpy(&result.storage, &in, sizeof(in));
        result.size = sizeof(in);
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(endpoint.port);
        memcpy(&in.sin6_addr, endpoint.address.bytes.data(), sizeof(in.sin6_addr));
        memcpy(&result.storage, &in, sizeof(in));
        result.size = sizeof(in);
    }
    return result;
}

Endpoint endpoint_of(const sockaddr_storage& storage) {
    Endpoint result;
    if (storage.ss_family == AF_INET) {
        sockaddr_in in{};
        memcpy(&in, &storage, sizeof(in));
        memcpy(result.address.bytes.data(), &in.sin_addr, sizeof(in.sin_addr));
        result.port = ntohs(in.sin_port);
    } else {
        sockaddr_in6 in{};
        memcpy(&in, &storage, sizeof(in));
        result.address.family = Family::v6;
        memcpy(result.address.bytes.data(), &in.sin6_addr, sizeof(in.sin6_addr));
        result.port = ntohs(in.sin6_port);
    }
    return result;
}

int domain_of(Family family) {
    return family == Family::v4 ? AF_INET : AF_INET6;
}

Error failed(std::string_view what) {
    const int err = errno;
    return Error{err, fmt::format("{}: {}", what, strerror(err))};
}

Result<void> set_option(int fd, int level, int name, int value, std::string_view what) {
    if (setsockopt(fd, level, name, &value, sizeof(value)) != 0) {
        return failed(fmt::format("set {}", what));
    }
    return {};
}

} // namespace pc::inspect
