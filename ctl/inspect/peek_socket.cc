// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/peek_socket.h"

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "ctl/inspect/socket_address.h"
#include "rules/abi.h"

namespace pc::inspect {

namespace {

constexpr size_t frame_max = 65536 + 256; // of a sender that puts segments together
constexpr int buffer_bytes = 8 << 20;

// The namespace has the loopback and the veth, and nothing else.
Result<int> veth_index() {
    const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> all(
        if_nameindex(), if_freenameindex);
    for (const struct if_nameindex* each = all.get(); each != nullptr && each->if_index != 0;
         ++each) {
        if (std::string_view(each->if_name) != "lo") {
            return static_cast<int>(each->if_index);
        }
    }
    return Error{ENODEV, "the inspector's namespace has no interface"};
}

// PC_PEEK_MAC with the worker's number as destination. Frames that the socket itself sends are not
// for it: their destination is another.
Result<void> only_of_worker(int fd, uint32_t worker) {
    constexpr std::array<uint8_t, 6> mac = PC_PEEK_MAC;
    const uint32_t first =
        uint32_t{mac[0]} << 24 | uint32_t{mac[1]} << 16 | uint32_t{mac[2]} << 8 | mac[3];
    const uint32_t last = uint32_t{mac[4]} << 8 | (worker & 0xff);
    std::array<sock_filter, 6> program = {{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 0, 3),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, last, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    }};
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) != 0) {
        return failed("filter the packet socket");
    }
    return {};
}

} // namespace

Result<Fd> open_peek_socket(uint32_t worker) {
    // Protocol 0: nothing comes before the filter is there.
    Fd fd(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
        return failed("open a packet socket");
    }
    TRY(only_of_worker(fd.get(), worker));
    TRY(set_option(fd.get(), SOL_PACKET, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR"));
    TRY(set_option(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, buffer_bytes, "SO_RCVBUFFORCE"));
    TRY(set_option(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, buffer_bytes, "SO_SNDBUFFORCE"));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = TRY(veth_index());
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return failed("bind a packet socket");
    }
    return fd;
}

PeekReceiver::PeekReceiver() : buffer_(frame_max) {}

bool PeekReceiver::receive(int fd, SeenFrame& frame) {
    for (;;) {
        std::array<iovec, 2> parts = {
            {{&frame.offload, sizeof(frame.offload)}, {buffer_.data(), buffer_.size()}}};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        const ssize_t size = recvmsg(fd, &message, MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return false;
        }
        if (size < 0 && errno != EINTR) {
            return false; // the interface went away; the supervisor sees that
        }
        if (size >= static_cast<ssize_t>(sizeof(frame.offload)) &&
            (message.msg_flags & MSG_TRUNC) == 0) {
            frame.bytes =
                std::span(buffer_).first(static_cast<size_t>(size) - sizeof(frame.offload));
            return true;
        }
    }
}

Result<void> send_frame(int fd, const Offload& offload, std::span<const std::byte> bytes) {
    Offload header = offload;
    std::array<iovec, 2> parts = {
        {{&header, sizeof(header)}, {const_cast<std::byte*>(bytes.data()), bytes.size()}}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    if (sendmsg(fd, &message, MSG_DONTWAIT) < 0) {
        return failed("send a frame back");
    }
    return {};
}

} // namespace pc::inspect
