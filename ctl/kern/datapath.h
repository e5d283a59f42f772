// SPDX-License-Identifier: GPL-3.0-or-later
// The loaded programs and maps together: open (load, or take over what is pinned), attach, replace,
// detach. Everything stays attached and pinned when this object or its process ends.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "ctl/kern/features.h"
#include "ctl/kern/flow_memory.h"
#include "ctl/kern/kernel_maps.h"
#include "ctl/kern/pins.h"
#include "ctl/kern/tc_filter.h"
#include "ctl/kern/xdp_filter.h"
#include "rules/abi.h"

namespace pc {

class Datapath {
public:
    // Loads the programs over the maps pinned in `bpffs`, or over new ones that are pinned then. A
    // pinned map of another PC_ABI_VERSION, type or size is an Error and stays as it is.
    [[nodiscard]] static Result<Datapath> open(const std::string& bpffs, const Features& features);

    // By the names of PC_MAPS. The Datapath owns it.
    [[nodiscard]] KernelMap& map(std::string_view name) const;

    // Did pinned maps of an earlier process exist?
    [[nodiscard]] bool took_over() const { return took_over_; }

    // The classifier's memory without its slack: a power of two. Stays where it is until
    // grow_arena().
    [[nodiscard]] Result<std::span<std::byte>> arena() const;

    // The sizes of maps that come in several; programs are loaded for them.
    struct Sizes {
        size_t arena = PC_ARENA_MIN; // bytes, without PC_ARENA_SLACK
        uint32_t flow_buckets = PC_FLOW_BUCKETS_LEAST;

        bool operator==(const Sizes&) const = default;
    };

    [[nodiscard]] Sizes sizes() const { return sizes_; }

    // Programs and maps of these sizes in the place of those there are, with the same contents;
    // `reattach` calls attach() for each interface. Packets go through the old ones or the new
    // ones, which say the same; flows that find no place in a smaller table are lost. If anything
    // fails, all is as it was.
    [[nodiscard]] Result<void> resize(const Sizes& sizes,
                                      const std::function<Result<void>()>& reattach);

    [[nodiscard]] Result<FlowMemory> flows() const { return flow_memory_in(maps_); }

    // Returns when no packet is at hand any more that was before.
    [[nodiscard]] Result<void> wait_for_packets() const;

    // XDP, TC ingress and TC egress of one interface. What is attached already and is the same is
    // left alone; an older program of ours is replaced without a gap.
    [[nodiscard]] Result<Attachment> attach(uint32_t ifindex, const AttachOptions& options);

    // Nothing of ours on the interface: no value.
    [[nodiscard]] Result<std::optional<Attachment>> attachment(uint32_t ifindex) const;
    [[nodiscard]] Result<void> detach(uint32_t ifindex) const;

    // The way of the inspector's replies: TC ingress of the host end of its veth.
    [[nodiscard]] Result<void> attach_replies(uint32_t ifindex) const;

    // Picks the inspector's listener in the network namespace behind this handle; pinned.
    [[nodiscard]] Result<void> attach_socket_lookup(int netns_fd);

    [[nodiscard]] const PinDir& pins() const { return pins_; }

    ~Datapath();
    Datapath(Datapath&&) noexcept;
    Datapath& operator=(Datapath&&) noexcept;

private:
    struct Objects; // the skeleton, and further copies of the filter: see datapath.cc

    using Maps = std::map<std::string, std::unique_ptr<KernelMap>, std::less<>>;

    explicit Datapath(PinDir pins);

    [[nodiscard]] Result<void> load(const Features& features);
    [[nodiscard]] Result<void> publish_all();
    [[nodiscard]] Result<void> publish_programs() const;
    [[nodiscard]] Result<void> publish_maps(const Maps& changed) const;
    [[nodiscard]] Result<std::unique_ptr<Objects>> load_for(const Sizes& sizes, Maps& other) const;
    [[nodiscard]] Result<void> count() const;
    [[nodiscard]] static Result<FlowMemory> flow_memory_in(const Maps& maps);
    [[nodiscard]] Result<void> copy_contents(const Maps& to) const;
    [[nodiscard]] Result<uint64_t> flow_seed() const;
    [[nodiscard]] std::vector<uint32_t> map_ids() const;
    [[nodiscard]] Result<void> attach_tc_program(uint32_t ifindex, TcDirection direction,
                                                 int program_fd) const;

    PinDir pins_;
    std::unique_ptr<Objects> objects_;
    Maps maps_;
    Fd grace_map_; // to be put into `grace`
    Sizes sizes_;
    bool took_over_ = false;
};

// `portcullisd --detach`: removes our programs from every interface of this network namespace, then
// the pins.
[[nodiscard]] Result<void> detach_all(const std::string& bpffs);

} // namespace pc
