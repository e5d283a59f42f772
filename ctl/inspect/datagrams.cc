// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/datagrams.h"

#include <cerrno>
#include <cstring>

#include <netinet/in.h>

namespace pc::inspect {

namespace {

template <typename T>
void put_control(msghdr& message, int level, int type, const T& value) {
    message.msg_controllen = CMSG_SPACE(sizeof(T)); // CMSG_FIRSTHDR asks for it
    cmsghdr* control = CMSG_FIRSTHDR(&message);
    control->cmsg_level = level;
    control->cmsg_type = type;
    control->cmsg_len = CMSG_LEN(sizeof(T));
    memcpy(CMSG_DATA(control), &value, sizeof(value));
}

bool is_destination(const cmsghdr& control) {
    return (control.cmsg_level == SOL_IP && control.cmsg_type == IP_ORIGDSTADDR) ||
           (control.cmsg_level == SOL_IPV6 && control.cmsg_type == IPV6_ORIGDSTADDR);
}

Sent outcome(ssize_t sent) {
    if (sent >= 0) {
        return Sent::done;
    }
    switch (errno) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return Sent::refused;
    default:
        return Sent::lost;
    }
}

} // namespace

DatagramBatch::DatagramBatch() : buffers_(new std::array<Buffer, datagrams_max>) {}

size_t DatagramBatch::receive(int fd) {
    for (size_t i = 0; i < datagrams_max; ++i) {
        parts_[i] = {(*buffers_)[i].data(), datagram_bytes_max};
        msghdr& message = messages_[i].msg_hdr;
        message = {};
        message.msg_name = &senders_[i];
        message.msg_namelen = sizeof(senders_[i]);
        message.msg_iov = &parts_[i];
        message.msg_iovlen = 1;
        message.msg_control = controls_[i].data();
        message.msg_controllen = sizeof(Control);
    }
    int got = -1;
    do {
        got = recvmmsg(fd, messages_.data(), datagrams_max, MSG_DONTWAIT, nullptr);
    } while (got < 0 && errno == EINTR);
    error_ = got < 0 && errno != EAGAIN ? errno : 0;
    return got < 0 ? 0 : static_cast<size_t>(got);
}

std::span<const std::byte> DatagramBatch::bytes(size_t index) const {
    return std::span((*buffers_)[index]).first(messages_[index].msg_len);
}

Endpoint DatagramBatch::from(size_t index) const {
    return endpoint_of(senders_[index]);
}

Endpoint DatagramBatch::to(size_t index) const {
    msghdr message = messages_[index].msg_hdr;
    for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
         control = CMSG_NXTHDR(&message, control)) {
        if (is_destination(*control)) {
            sockaddr_storage address{};
            const size_t size =
                senders_[index].ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
            memcpy(&address, CMSG_DATA(control), size);
            return endpoint_of(address);
        }
    }
    Endpoint none = from(index);
    none.port = 0;
    return none;
}

Sent send_onward(int fd, std::span<const std::byte> bytes) {
    return outcome(send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

Sent send_reply(int fd, const Endpoint& server, const Endpoint& client,
                std::span<const std::byte> bytes) {
    SocketAddress to = socket_address(client);
    // sendmsg() only reads it.
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) std::array<std::byte, 128> control{};
    msghdr message{};
    message.msg_name = to.get();
    message.msg_namelen = to.size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    if (server.address.family == Family::v4) {
        in_pktinfo source{};
        memcpy(&source.ipi_spec_dst, server.address.bytes.data(), sizeof(source.ipi_spec_dst));
        put_control(message, SOL_IP, IP_PKTINFO, source);
    } else {
        in6_pktinfo source{};
        memcpy(&source.ipi6_addr, server.address.bytes.data(), sizeof(source.ipi6_addr));
        put_control(message, SOL_IPV6, IPV6_PKTINFO, source);
    }
    return outcome(sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

} // namespace pc::inspect
