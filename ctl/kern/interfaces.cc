// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/kern/interfaces.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fnmatch.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>

#include "ctl/kern/libbpf_log.h"

namespace pc {
namespace {

constexpr size_t buffer_size = 65536;

struct CloseSocket {
    // ignoring: nothing was written that a failed close could lose
    void operator()(mnl_socket* socket) const { (void)mnl_socket_close(socket); }
};

// What mnl_attr_for_each* do, which C++ cannot compile.
template <typename Visit>
void for_each_attribute(const void* first, const void* end, const Visit& visit) {
    const auto* attribute = static_cast<const nlattr*>(first);
    while (mnl_attr_ok(attribute, static_cast<int>(static_cast<const char*>(end) -
                                                   reinterpret_cast<const char*>(attribute)))) {
        visit(attribute);
        attribute = mnl_attr_next(attribute);
    }
}

template <typename Visit>
void for_each_nested(const nlattr* nest, const Visit& visit) {
    const auto* first = static_cast<const char*>(mnl_attr_get_payload(nest));
    for_each_attribute(first, first + mnl_attr_get_payload_len(nest), visit);
}

void read_vlan(const nlattr* linkinfo, Link& link) {
    bool is_vlan = false;
    const nlattr* details = nullptr;
    for_each_nested(linkinfo, [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
        case IFLA_INFO_KIND:
            is_vlan = std::string_view(mnl_attr_get_str(attribute)) == "vlan";
            break;
        case IFLA_INFO_DATA:
            details = attribute;
            break;
        default:
            break;
        }
    });
    if (!is_vlan || details == nullptr) {
        return;
    }
    for_each_nested(details, [&](const nlattr* attribute) {
        if (mnl_attr_get_type(attribute) == IFLA_VLAN_ID) {
            link.vlan = mnl_attr_get_u16(attribute);
        }
    });
}

int read_link(const nlmsghdr* message, void* to) noexcept {
    auto& links = *static_cast<std::vector<Link>*>(to);
    const auto* header = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
    Link link;
    link.ifindex = static_cast<uint32_t>(header->ifi_index);
    link.up = (header->ifi_flags & IFF_UP) != 0;
    link.has_ethernet = header->ifi_type == ARPHRD_ETHER || header->ifi_type == ARPHRD_LOOPBACK;
    bool parent_elsewhere = false;
    const void* end = mnl_nlmsg_get_payload_tail(message);
    const auto read = [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
        case IFLA_IFNAME:
            link.name = mnl_attr_get_str(attribute);
            break;
        case IFLA_ADDRESS:
            if (mnl_attr_get_payload_len(attribute) == link.mac.bytes.size()) {
                std::memcpy(link.mac.bytes.data(), mnl_attr_get_payload(attribute),
                            link.mac.bytes.size());
            }
            break;
        case IFLA_MTU:
            link.mtu = mnl_attr_get_u32(attribute);
            break;
        case IFLA_LINK:
            link.parent = mnl_attr_get_u32(attribute);
            break;
        case IFLA_LINK_NETNSID:
            parent_elsewhere = true;
            break;
        case IFLA_LINKINFO:
            read_vlan(attribute, link);
            break;
        default:
            break;
        }
    };
    for_each_attribute(mnl_nlmsg_get_payload_offset(message, sizeof(*header)), end, read);
    if (parent_elsewhere) {
        link.parent = 0;
    }
    links.push_back(std::move(link));
    return MNL_CB_OK;
}

} // namespace

Result<std::vector<Link>> dump_links() {
    const std::unique_ptr<mnl_socket, CloseSocket> socket(
        mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
        return system_error("open a netlink socket");
    }
    std::vector<char> buffer(buffer_size);
    nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
    request->nlmsg_type = RTM_GETLINK;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = 1;
    auto* header = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg)));
    header->ifi_family = AF_UNSPEC;
    if (mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0) {
        return system_error("ask the kernel for interfaces");
    }
    std::vector<Link> links;
    const unsigned port = mnl_socket_get_portid(socket.get());
    for (;;) {
        const ssize_t size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
        if (size < 0) {
            return system_error("read interfaces");
        }
        const int result =
            mnl_cb_run(buffer.data(), static_cast<size_t>(size), 1, port, read_link, &links);
        if (result < 0) {
            return system_error("read interfaces");
        }
        if (result == MNL_CB_STOP) {
            break;
        }
    }
    std::sort(links.begin(), links.end(),
              [](const Link& a, const Link& b) { return a.ifindex < b.ifindex; });
    return links;
}

bool matches_interface(const std::string& pattern, const std::string& name) {
    return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

Result<LinkMonitor> LinkMonitor::open() {
    Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    if (!fd.valid()) {
        return system_error("open a netlink socket");
    }
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return system_error("listen for changes of interfaces");
    }
    return LinkMonitor(std::move(fd));
}

Result<bool> LinkMonitor::changed() const {
    std::vector<char> buffer(buffer_size);
    bool changed = false;
    for (;;) {
        const ssize_t size = recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (size > 0 || (size < 0 && errno == ENOBUFS)) {
            changed = true; // what it says does not matter: a dump follows
        } else if (size == 0 || errno == EAGAIN) {
            return changed;
        } else if (errno != EINTR) {
            return system_error("read changes of interfaces");
        }
    }
}

} // namespace pc
