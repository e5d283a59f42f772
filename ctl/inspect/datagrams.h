// SPDX-License-Identifier: GPL-3.0-or-later
// Many datagrams with one system call, in memory that is used again and again.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include <sys/socket.h>

#include "ctl/inspect/socket_address.h"

namespace pc::inspect {

constexpr size_t datagram_bytes_max = 65536; // more than any UDP datagram has

class DatagramBatch {
public:
    static constexpr size_t datagrams_max = 32;

    DatagramBatch();

    // How many came; 0 when the socket is empty, or has an error: then `error()` is its errno.
    [[nodiscard]] size_t receive(int fd);

    [[nodiscard]] int error() const { return error_; }

    // Of the last receive(), valid until the next one.
    [[nodiscard]] std::span<const std::byte> bytes(size_t index) const;
    [[nodiscard]] Endpoint from(size_t index) const;

    // Where it was sent to, of a socket that asks for that (IP_RECVORIGDSTADDR); family of `from`
    // and port 0 where the kernel did not say.
    [[nodiscard]] Endpoint to(size_t index) const;

private:
    using Buffer = std::array<std::byte, datagram_bytes_max>;
    using Control = std::array<std::byte, 128>;

    std::unique_ptr<std::array<Buffer, datagrams_max>> buffers_;
    std::array<mmsghdr, datagrams_max> messages_{};
    std::array<iovec, datagrams_max> parts_{};
    std::array<sockaddr_storage, datagrams_max> senders_{};
    alignas(cmsghdr) std::array<Control, datagrams_max> controls_{};
    int error_ = 0;
};

enum class Sent {
    done,
    lost,    // the socket has no room, or the path takes no datagram of that size
    refused, // by an ICMP error for an earlier datagram; this one has not been sent
};

// On a connected socket.
[[nodiscard]] Sent send_onward(int fd, std::span<const std::byte> bytes);

// From a reply socket: to `client`, in the name of `server`, whose port the socket is bound to.
[[nodiscard]] Sent send_reply(int fd, const Endpoint& server, const Endpoint& client,
                              std::span<const std::byte> bytes);

} // namespace pc::inspect
