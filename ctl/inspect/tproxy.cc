// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/tproxy.h"

#include <array>
#include <utility>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>

#include "ctl/inspect/handover.h"
#include "ctl/inspect/peek_socket.h"

namespace pc::inspect {

namespace {

constexpr int backlog = 4096; // cut to net.core.somaxconn of the namespace
constexpr int listener_buffer_bytes = 4 << 20;
constexpr int keepalive_idle_s = 60;
constexpr int keepalive_interval_s = 15;
constexpr int keepalive_probes = 6;

// The relay must notice a peer that vanished, and must not add Nagle's delay to either leg.
// Accepted sockets inherit these from the listener.
Result<void> set_stream_options(int fd) {
    TRY(set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"));
    TRY(set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE"));
    TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_s, "TCP_KEEPIDLE"));
    TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_s, "TCP_KEEPINTVL"));
    return set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes, "TCP_KEEPCNT");
}

Result<void> set_transparent(int fd, Family family) {
    if (family == Family::v4) {
        return set_option(fd, SOL_IP, IP_TRANSPARENT, 1, "IP_TRANSPARENT");
    }
    TRY(set_option(fd, SOL_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY"));
    return set_option(fd, SOL_IPV6, IPV6_TRANSPARENT, 1, "IPV6_TRANSPARENT");
}

Result<Fd> open_transparent(Family family, int type) {
    Fd fd(socket(domain_of(family), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
        return failed("create a transparent socket");
    }
    TRY(set_transparent(fd.get(), family));
    return fd;
}

Result<void> bind_to(int fd, const Endpoint& endpoint) {
    SocketAddress address = socket_address(endpoint);
    if (bind(fd, address.get(), address.size) != 0) {
        return failed("bind a transparent socket");
    }
    return {};
}

// A free loopback port: sk_lookup brings listeners what goes to every other address, and nothing
// else shall reach them.
Endpoint loopback(Family family) {
    Endpoint endpoint;
    endpoint.address.family = family;
    if (family == Family::v4) {
        endpoint.address.bytes = {127, 0, 0, 1};
    } else {
        endpoint.address.bytes[15] = 1;
    }
    return endpoint;
}

Result<Fd> listen_streams(Family family, uint32_t mark) {
    Fd fd = TRY(open_transparent(family, SOCK_STREAM));
    TRY(set_mark(fd.get(), mark));
    TRY(set_stream_options(fd.get()));
    TRY(bind_to(fd.get(), loopback(family)));
    if (listen(fd.get(), backlog) != 0) {
        return failed("listen");
    }
    return fd;
}

Result<Fd> listen_datagrams(Family family) {
    Fd fd = TRY(open_transparent(family, SOCK_DGRAM));
    if (family == Family::v4) {
        TRY(set_option(fd.get(), SOL_IP, IP_RECVORIGDSTADDR, 1, "IP_RECVORIGDSTADDR"));
    } else {
        TRY(set_option(fd.get(), SOL_IPV6, IPV6_RECVORIGDSTADDR, 1, "IPV6_RECVORIGDSTADDR"));
    }
    TRY(set_option(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, listener_buffer_bytes, "SO_RCVBUFFORCE"));
    TRY(bind_to(fd.get(), loopback(family)));
    return fd;
}

Result<void> take_over(Listeners& listeners, Listeners kept, uint32_t mark) {
    TRY(set_mark(kept.tcp4.get(), mark));
    TRY(set_mark(kept.tcp6.get(), mark));
    kept.peek = std::move(listeners.peek);
    listeners = std::move(kept);
    return {};
}

Result<std::vector<Listeners>> listen_here(uint32_t mark, size_t workers,
                                           std::vector<Listeners>& kept) {
    std::vector<Listeners> all(workers);
    kept.resize(workers); // of workers that are no more: closed
    for (size_t number = 0; number < workers; ++number) {
        Listeners& listeners = all[number];
        listeners.peek = TRY(open_peek_socket(static_cast<uint32_t>(number)));
        if (is_same_netns(listeners.peek.get(), kept[number].tcp4.get())) {
            TRY(take_over(listeners, std::move(kept[number]), mark));
            continue;
        }
        listeners.tcp4 = TRY(listen_streams(Family::v4, mark));
        listeners.tcp6 = TRY(listen_streams(Family::v6, mark));
        listeners.udp4 = TRY(listen_datagrams(Family::v4));
        listeners.udp6 = TRY(listen_datagrams(Family::v6));
    }
    return all;
}

} // namespace

Result<Fd> open_netns(const std::string& netns_file) {
    Fd fd(open(netns_file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) {
        return failed("open " + netns_file);
    }
    return fd;
}

Result<std::vector<Listeners>> listen_in_netns(const std::string& netns_file, uint32_t mark,
                                               size_t workers, std::vector<Listeners>& kept) {
    const Fd home(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!home.valid()) {
        return failed("open /proc/self/ns/net");
    }
    const Fd away = TRY(open_netns(netns_file));
    if (setns(away.get(), CLONE_NEWNET) != 0) {
        return failed("enter " + netns_file);
    }
    Result<std::vector<Listeners>> listeners = listen_here(mark, workers, kept);
    if (setns(home.get(), CLONE_NEWNET) != 0) {
        return failed("return from " + netns_file);
    }
    return listeners;
}

Result<void> publish(const Listeners& listeners, size_t worker, MapStore& listeners_map) {
    const std::array<std::pair<pc_listener, const Fd*>, PC_LISTENERS> all = {{
        {PC_LISTENER_TCP4, &listeners.tcp4},
        {PC_LISTENER_TCP6, &listeners.tcp6},
        {PC_LISTENER_UDP4, &listeners.udp4},
        {PC_LISTENER_UDP6, &listeners.udp6},
    }};
    for (const auto& [slot, fd] : all) {
        const auto key = static_cast<uint32_t>(worker * PC_LISTENERS + slot);
        const auto value = static_cast<uint64_t>(fd->get());
        TRY(listeners_map.put(bytes_of(key), bytes_of(value)));
    }
    return {};
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

Result<Fd> connect_datagrams(const Endpoint& server, uint32_t mark) {
    Fd fd(socket(domain_of(server.address.family), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
        return failed("create a socket");
    }
    TRY(set_mark(fd.get(), mark));
    SocketAddress address = socket_address(server);
    if (connect(fd.get(), address.get(), address.size) != 0) {
        return failed("connect");
    }
    return fd;
}

Result<Fd> open_reply_socket(Family family, uint16_t port) {
    Fd fd = TRY(open_transparent(family, SOCK_DGRAM));
    // Each worker has one, and one of an earlier inspector may not be gone yet.
    TRY(set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"));
    // Nothing is ever read from it. sk_lookup keeps datagrams away; without it they would pile up.
    TRY(set_option(fd.get(), SOL_SOCKET, SO_RCVBUF, 0, "SO_RCVBUF"));
    Endpoint any;
    any.address.family = family;
    any.port = port;
    TRY(bind_to(fd.get(), any));
    return fd;
}

Result<Endpoint> local_end(int fd) {
    SocketAddress address;
    if (getsockname(fd, address.get(), &address.size) != 0) {
        return failed("getsockname");
    }
    return endpoint_of(address.storage);
}

Result<Endpoint> peer_end(int fd) {
    SocketAddress address;
    if (getpeername(fd, address.get(), &address.size) != 0) {
        return failed("getpeername");
    }
    return endpoint_of(address.storage);
}

void reset_on_close(int fd) {
    const linger now{1, 0};
    // Ignoring: it can fail only on a socket that is gone already.
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

} // namespace pc::inspect
