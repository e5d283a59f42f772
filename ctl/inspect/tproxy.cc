// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/tproxy.h"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sched.h>

namespace pc::inspect {

namespace {

constexpr int backlog = 4096; // cut to net.core.somaxconn of the namespace
constexpr int keepalive_idle_s = 60;
constexpr int keepalive_interval_s = 15;
constexpr int keepalive_probes = 6;

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

// The relay must notice a peer that vanished, and must not add Nagle's delay to either leg.
// Accepted sockets inherit these from the listener.
Result<void> set_stream_options(int fd) {
    TRY(set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"));
    TRY(set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE"));
    TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_s, "TCP_KEEPIDLE"));
    TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_s, "TCP_KEEPINTVL"));
    return set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes, "TCP_KEEPCNT");
}

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

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

Endpoint endpoint_of(const SocketAddress& address) {
    Endpoint result;
    if (address.storage.ss_family == AF_INET) {
        sockaddr_in in{};
        memcpy(&in, &address.storage, sizeof(in));
        memcpy(result.address.bytes.data(), &in.sin_addr, sizeof(in.sin_addr));
        result.port = ntohs(in.sin_port);
    } else {
        sockaddr_in6 in{};
        memcpy(&in, &address.storage, sizeof(in));
        result.address.family = Family::v6;
        memcpy(result.address.bytes.data(), &in.sin6_addr, sizeof(in.sin6_addr));
        result.port = ntohs(in.sin6_port);
    }
    return result;
}

int domain_of(Family family) {
    return family == Family::v4 ? AF_INET : AF_INET6;
}

// Bound to a free loopback port: sk_lookup brings it the connections for every other address, and
// nothing else shall reach it.
Result<Fd> listen_transparent(Family family, uint32_t mark) {
    Fd fd(socket(domain_of(family), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
        return failed("create a listening socket");
    }
    Endpoint loopback;
    loopback.address.family = family;
    if (family == Family::v4) {
        TRY(set_option(fd.get(), SOL_IP, IP_TRANSPARENT, 1, "IP_TRANSPARENT"));
        loopback.address.bytes = {127, 0, 0, 1};
    } else {
        TRY(set_option(fd.get(), SOL_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY"));
        TRY(set_option(fd.get(), SOL_IPV6, IPV6_TRANSPARENT, 1, "IPV6_TRANSPARENT"));
        loopback.address.bytes[15] = 1;
    }
    TRY(set_mark(fd.get(), mark));
    TRY(set_stream_options(fd.get()));
    SocketAddress address = socket_address(loopback);
    if (bind(fd.get(), address.get(), address.size) != 0) {
        return failed("bind a listening socket");
    }
    if (listen(fd.get(), backlog) != 0) {
        return failed("listen");
    }
    return fd;
}

Result<Listeners> listen_here(uint32_t mark) {
    Listeners listeners;
    listeners.tcp4 = TRY(listen_transparent(Family::v4, mark));
    listeners.tcp6 = TRY(listen_transparent(Family::v6, mark));
    return listeners;
}

Result<void> publish_one(MapStore& map, pc_listener slot, const Fd& fd) {
    const uint32_t key = slot;
    const auto value = static_cast<uint64_t>(fd.get());
    return map.put(bytes_of(key), bytes_of(value));
}

} // namespace

Result<Listeners> listen_in_netns(const std::string& netns_file, uint32_t mark) {
    const Fd home(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!home.valid()) {
        return failed("open /proc/self/ns/net");
    }
    const Fd away(open(netns_file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!away.valid()) {
        return failed("open " + netns_file);
    }
    if (setns(away.get(), CLONE_NEWNET) != 0) {
        return failed("enter " + netns_file);
    }
    Result<Listeners> listeners = listen_here(mark);
    if (setns(home.get(), CLONE_NEWNET) != 0) {
        return failed("return from " + netns_file);
    }
    return listeners;
}

Result<void> publish(const Listeners& listeners, MapStore& listeners_map) {
    TRY(publish_one(listeners_map, PC_LISTENER_TCP4, listeners.tcp4));
    return publish_one(listeners_map, PC_LISTENER_TCP6, listeners.tcp6);
}

Result<void> set_mark(int fd, uint32_t mark) {
    if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) != 0) {
        return failed("set SO_MARK");
    }
    return {};
}

Result<Fd> connect_onward(const Endpoint& server, uint32_t mark) {
    Fd fd(socket(domain_of(server.address.family), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
        return failed("create a socket");
    }
    TRY(set_mark(fd.get(), mark));
    TRY(set_stream_options(fd.get()));
    SocketAddress address = socket_address(server);
    if (connect(fd.get(), address.get(), address.size) != 0 && errno != EINPROGRESS) {
        return failed("connect");
    }
    return fd;
}

Result<Endpoint> local_end(int fd) {
    SocketAddress address;
    if (getsockname(fd, address.get(), &address.size) != 0) {
        return failed("getsockname");
    }
    return endpoint_of(address);
}

Result<Endpoint> peer_end(int fd) {
    SocketAddress address;
    if (getpeername(fd, address.get(), &address.size) != 0) {
        return failed("getpeername");
    }
    return endpoint_of(address);
}

void reset_on_close(int fd) {
    const linger now{1, 0};
    // Ignoring: it can fail only on a socket that is gone already.
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

} // namespace pc::inspect
