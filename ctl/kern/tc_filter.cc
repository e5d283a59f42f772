// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/kern/tc_filter.h"

#include <cerrno>
#include <memory>
#include <vector>

#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "ctl/kern/fd.h"
#include "ctl/kern/libbpf_log.h"

namespace pc {
namespace {

constexpr uint32_t our_handle = 0x5043;
constexpr uint32_t our_priority = 50;

bpf_tc_attach_point point_of(TcDirection direction) {
    return direction == TcDirection::ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

std::string where(uint32_t ifindex, TcDirection direction) {
    char name[IF_NAMESIZE] = {};
    const std::string interface = if_indextoname(ifindex, name) != nullptr
                                      ? std::string(name)
                                      : "interface " + std::to_string(ifindex);
    return std::string("TC ") + (direction == TcDirection::ingress ? "ingress" : "egress") +
           " of " + interface;
}

int count_filter(const nlmsghdr* message, void* to) noexcept {
    const auto* header = static_cast<const tcmsg*>(mnl_nlmsg_get_payload(message));
    if (header->tcm_handle != 0) {
        ++*static_cast<size_t*>(to);
    }
    return MNL_CB_OK;
}

// How many filters stand at one hook; 1 when it cannot be told.
size_t filters_at(uint32_t ifindex, TcDirection direction) {
    Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    std::vector<char> buffer(65536);
    nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
    request->nlmsg_type = RTM_GETTFILTER;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = 1;
    auto* header = static_cast<tcmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(tcmsg)));
    header->tcm_family = AF_UNSPEC;
    header->tcm_ifindex = static_cast<int>(ifindex);
    header->tcm_parent = TC_H_MAKE(
        TC_H_CLSACT, direction == TcDirection::ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
    if (!fd.valid() || send(fd.get(), request, request->nlmsg_len, 0) < 0) {
        return 1;
    }
    size_t count = 0;
    for (;;) {
        const ssize_t size = recv(fd.get(), buffer.data(), buffer.size(), 0);
        if (size <= 0) {
            return 1;
        }
        const int result =
            mnl_cb_run(buffer.data(), static_cast<size_t>(size), 1, 0, count_filter, &count);
        if (result < 0) {
            return 1;
        }
        if (result == MNL_CB_STOP) {
            return count;
        }
    }
}

} // namespace

Result<uint32_t> tc_program(uint32_t ifindex, TcDirection direction) {
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(ifindex),
                .attach_point = point_of(direction));
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = our_handle, .priority = our_priority);
    const int result = bpf_tc_query(&hook, &options);
    if (result == -ENOENT || result == -EINVAL || result == -ENODEV) {
        (void)take_library_log(); // ignoring: no qdisc or no filter is an answer
        return uint32_t{0};
    }
    if (result != 0) {
        return library_error(result, "ask for the program at " + where(ifindex, direction));
    }
    return options.prog_id;
}

Result<void> attach_tc(uint32_t ifindex, TcDirection direction, int program_fd) {
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(ifindex),
                .attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS));
    int result = bpf_tc_hook_create(&hook);
    if (result != 0 && result != -EEXIST) {
        return library_error(result, "make the hook for " + where(ifindex, direction));
    }
    (void)take_library_log(); // ignoring: libbpf prints that the qdisc exists
    hook.attach_point = point_of(direction);
    LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program_fd, .flags = BPF_TC_F_REPLACE,
                .handle = our_handle, .priority = our_priority);
    result = bpf_tc_attach(&hook, &options);
    if (result != 0) {
        return library_error(result, "attach to " + where(ifindex, direction));
    }
    return {};
}

Result<void> detach_tc(uint32_t ifindex, TcDirection direction) {
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(ifindex),
                .attach_point = point_of(direction));
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = our_handle, .priority = our_priority);
    const int result = bpf_tc_detach(&hook, &options);
    if (result != 0 && result != -ENOENT && result != -EINVAL && result != -ENODEV) {
        return library_error(result, "detach from " + where(ifindex, direction));
    }
    (void)take_library_log(); // ignoring: nothing was attached
    if (filters_at(ifindex, TcDirection::ingress) == 0 &&
        filters_at(ifindex, TcDirection::egress) == 0) {
        hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
        (void)bpf_tc_hook_destroy(&hook); // ignoring: an empty clsact changes no packet
        (void)take_library_log();
    }
    return {};
}

} // namespace pc
