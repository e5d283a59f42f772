// SPDX-License-Identifier: GPL-3.0-or-later
// What the firewall has of the kernel: its maps, their sizes, and interfaces to attach to.
#include <atomic>
#include <cerrno>
#include <cstring>

#include <sys/random.h>

#include "ctl/daemon/firewall.h"

namespace pc::daemon {
namespace {

// From the kernel: nobody who sends packets can know it.
Result<uint64_t> random_number() {
    uint64_t number = 0;
    if (getrandom(&number, sizeof(number), 0) != static_cast<ssize_t>(sizeof(number))) {
        return Error{errno, std::string("read random bytes: ") + std::strerror(errno)};
    }
    return number;
}

// An earlier process attached it; with `frags` or without cannot be asked.
Result<void> attach_again(Datapath& datapath, uint32_t ifindex) {
    const auto attached = datapath.attach(ifindex, AttachOptions{XdpMode::automatic, false});
    if (!attached) {
        (void)TRY(datapath.attach(ifindex, AttachOptions{XdpMode::automatic, true}));
    }
    return {};
}

} // namespace

// Once for each table: a seed that changes would hide all flows.
Result<void> Firewall::seed_flows(const Datapath& datapath) {
    const std::span<std::byte> memory = TRY(datapath.map("flow_globals").memory());
    auto& globals = *static_cast<pc_flow_globals*>(static_cast<void*>(memory.data()));
    if (globals.seed == 0) {
        std::atomic_ref<__u64>(globals.seed).store(TRY(random_number()) | 1);
    }
    return {};
}

Result<Attachment> Firewall::attach(Datapath& datapath, const WantedInterface& wanted) {
    if (!wanted.has_ethernet) {
        return Error{EOPNOTSUPP, "attach XDP to " + wanted.name +
                                     ": it has no Ethernet header; use the interface below it"};
    }
    return datapath.attach(wanted.ifindex, AttachOptions{wanted.mode, wanted.frags});
}

GenerationMaps Firewall::maps() {
    return GenerationMaps{
        .control = datapath_.map("control"),
        .ifaces = datapath_.map("ifaces"),
        .vlan_zones = datapath_.map("vlan_zones"),
        .rule_names = datapath_.map("rule_names"),
        .rule_counters = datapath_.map("rule_counters"),
        .iface_counters = datapath_.map("iface_counters"),
        .limits = datapath_.map("limits"),
        .limit_names = datapath_.map("limit_names"),
        .zone_names = datapath_.map("zone_names"),
        .inspect_names = datapath_.map("inspect_names"),
        .limit_counters = datapath_.map("limit_counters"),
        .heads = [this] { return datapath_.map("generations").memory(); },
        .arena = [this] { return datapath_.arena(); },
        .grow_arena =
            [this](size_t bytes) {
                return resize({bytes, datapath_.sizes().flow_buckets});
            },
        .wait_for_packets = [this] { return datapath_.wait_for_packets(); },
        .random = random_number,
    };
}

// Every interface gets programs that know the new memory, and says the same as before.
Result<void> Firewall::resize(const Datapath::Sizes& sizes) {
    return datapath_.resize(sizes, [this]() -> Result<void> {
        for (const Link& link : TRY(dump_links())) {
            const auto state = applier_->interfaces().find(link.ifindex);
            if (state != applier_->interfaces().end() && state->second.attachment) {
                (void)TRY(attach(datapath_, state->second.wanted));
            } else if (TRY(datapath_.attachment(link.ifindex))) {
                TRY(attach_again(datapath_, link.ifindex));
            }
        }
        return {};
    });
}

// A table that is not used stays as long as it is.
Result<void> Firewall::resize_flows(const Plan& plan) {
    const uint32_t buckets = flow_buckets_for(plan.flows_max);
    if ((plan.generation.flags & PC_GEN_FLOWS) == 0 || buckets == datapath_.sizes().flow_buckets) {
        return {};
    }
    return resize({datapath_.sizes().arena, buckets});
}

} // namespace pc::daemon
