// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/kern/datapath.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <xdp/libxdp.h>

#include "ctl/kern/interfaces.h"
#include "ctl/kern/libbpf_log.h"
#include "portcullis.skel.h"

namespace pc {
namespace {

struct DestroySkeleton {
    void operator()(portcullis_bpf* skeleton) const { portcullis_bpf__destroy(skeleton); }
};

struct CloseProgram {
    void operator()(xdp_program* program) const { xdp_program__close(program); }
};

using Skeleton = std::unique_ptr<portcullis_bpf, DestroySkeleton>;

constexpr const char* link_pin = "link_sk_lookup";

Result<Skeleton> open_skeleton(const Datapath::Sizes& sizes) {
    Skeleton skeleton(portcullis_bpf__open());
    if (!skeleton) {
        return library_error(-errno, "open the BPF programs");
    }
    const int sized = bpf_map__set_value_size(skeleton->maps.classifier,
                                              static_cast<uint32_t>(sizes.arena + PC_ARENA_SLACK));
    if (sized != 0) {
        return library_error(sized, "size map classifier");
    }
    const auto& maps = skeleton->maps;
    for (const auto& [map, entries] :
         {std::pair(maps.flow_buckets, sizes.flow_buckets),
          std::pair(maps.flow_entries, flow_entries_for(sizes.flow_buckets))}) {
        const int result = bpf_map__set_max_entries(map, entries);
        if (result != 0) {
            return library_error(result, "size map " + std::string(bpf_map__name(map)));
        }
    }
    skeleton->rodata->pc_flow_buckets = sizes.flow_buckets;
    skeleton->rodata->pc_arena_mask = static_cast<uint32_t>(sizes.arena - 1);
    skeleton->rodata->pc_cpus = static_cast<uint32_t>(std::max(libbpf_num_possible_cpus(), 1));
    return skeleton;
}

// The classifier's memory comes in several sizes.
bool has_value_size(const bpf_map* map, uint32_t size) {
    if (std::string_view(bpf_map__name(map)) != "classifier") {
        return size == bpf_map__value_size(map);
    }
    const uint32_t arena = size - PC_ARENA_SLACK;
    return arena >= PC_ARENA_MIN && arena <= PC_ARENA_MAX && std::has_single_bit(arena);
}

bool has_shape(const bpf_map* map, const MapShape& shape) {
    const std::string_view name = bpf_map__name(map);
    const bool any_length = name == "flow_buckets" || name == "flow_entries";
    return shape.type == static_cast<uint32_t>(bpf_map__type(map)) &&
           shape.key_size == bpf_map__key_size(map) && has_value_size(map, shape.value_size) &&
           (shape.max_entries == bpf_map__max_entries(map) || any_length) &&
           shape.flags == bpf_map__map_flags(map);
}

Error other_version(const PinDir& pins, const std::string& what) {
    return Error{EPROTO, "the maps pinned in " + pins.path() + " are of another version (" + what +
                             "); remove them with: portcullisd --detach --bpffs " + pins.path()};
}

std::vector<std::string> map_names() {
#define PC_MAP_NAME(name) #name,
    return {PC_MAPS(PC_MAP_NAME)};
#undef PC_MAP_NAME
}

// Another copy of the filter, over the maps of the first. `frags` and being an extension are fixed
// at load, so each combination is a program of its own.
Result<Skeleton> open_filter(const Skeleton& first, bool frags) {
    Skeleton copy = TRY(open_skeleton({bpf_map__value_size(first->maps.classifier) - PC_ARENA_SLACK,
                                       bpf_map__max_entries(first->maps.flow_buckets)}));
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, copy->obj) {
        bpf_program__set_autoload(program, program == copy->progs.pc_filter);
    }
    if (frags) {
        bpf_program__set_flags(copy->progs.pc_filter, BPF_F_XDP_HAS_FRAGS);
    }
    for (const std::string& name : map_names()) {
        bpf_map* to = bpf_object__find_map_by_name(copy->obj, name.c_str());
        const bpf_map* from = bpf_object__find_map_by_name(first->obj, name.c_str());
        const int result = bpf_map__reuse_fd(to, bpf_map__fd(from));
        if (result != 0) {
            return library_error(result, "share map " + name);
        }
    }
    return copy;
}

// libxdp keeps its own pins; where the usual place is no bpffs they go beside our folder.
void tell_libxdp_where(const PinDir& pins) {
    const std::string beside = pins.path().substr(0, pins.path().rfind('/'));
    if (!PinDir::open("/sys/fs/bpf") && PinDir::open(beside)) {
        (void)setenv("LIBXDP_BPFFS", beside.c_str(), 0); // ignoring: then no dispatcher
    }
}

} // namespace

struct Datapath::Objects {
    Skeleton main;
    bool chained = false;
    Skeleton with_frags;

    // What libxdp loads as an extension of its dispatcher. The handle is kept, because it is
    // attached to every interface, and a loaded object cannot be turned into a new one.
    struct Extension {
        Skeleton skeleton;
        std::unique_ptr<xdp_program, CloseProgram> program;
    };

    std::array<Extension, 2> extensions; // by frags: 0 without, 1 with

    Result<int> program_fd(bool frags) {
        if (!frags) {
            return bpf_program__fd(main->progs.pc_filter);
        }
        if (!with_frags) {
            Skeleton copy = TRY(open_filter(main, true));
            const int result = portcullis_bpf__load(copy.get());
            if (result != 0) {
                return library_error(result, "load the XDP program for several pages");
            }
            with_frags = std::move(copy);
        }
        return bpf_program__fd(with_frags->progs.pc_filter);
    }

    Result<xdp_program*> extension(bool frags) {
        Extension& extension = extensions[frags ? 1 : 0];
        if (!extension.program) {
            extension.skeleton = TRY(open_filter(main, frags));
            xdp_program* program = xdp_program__from_bpf_obj(extension.skeleton->obj, "xdp");
            const long error = libxdp_get_error(program);
            if (error != 0) {
                return library_error(static_cast<int>(error), "prepare the XDP program");
            }
            extension.program.reset(program);
        }
        return extension.program.get();
    }
};

Datapath::Datapath(PinDir pins) : pins_(std::move(pins)), objects_(std::make_unique<Objects>()) {}

Datapath::~Datapath() = default;
Datapath::Datapath(Datapath&&) noexcept = default;
Datapath& Datapath::operator=(Datapath&&) noexcept = default;

Result<Datapath> Datapath::open(const std::string& bpffs, const Features& features) {
    capture_library_log();
    Datapath datapath(TRY(PinDir::open(bpffs)));
    tell_libxdp_where(datapath.pins_);
    TRY(datapath.load(features));
    TRY(datapath.publish_all());
    return datapath;
}

Result<void> Datapath::load(const Features& features) {
    Objects& objects = *objects_;
    if (pins_.has("classifier")) {
        const Fd fd = TRY(pins_.get("classifier"));
        sizes_.arena = TRY(shape_of_map(fd.get())).value_size - PC_ARENA_SLACK;
    }
    if (pins_.has("flow_buckets") && pins_.has("flow_entries")) {
        const Fd buckets = TRY(pins_.get("flow_buckets"));
        const uint32_t entries =
            TRY(shape_of_map(TRY(pins_.get("flow_entries")).get())).max_entries;
        sizes_.flow_buckets = TRY(shape_of_map(buckets.get())).max_entries;
        if (entries != flow_entries_for(sizes_.flow_buckets)) {
            return other_version(pins_, "the flow table");
        }
    }
    objects.main = TRY(open_skeleton(sizes_));
    objects.chained = features.extension_programs;
    for (const std::string& name : map_names()) {
        if (!pins_.has(name)) {
            continue;
        }
        bpf_map* map = bpf_object__find_map_by_name(objects.main->obj, name.c_str());
        const Fd fd = TRY(pins_.get(name));
        if (!has_shape(map, TRY(shape_of_map(fd.get())))) {
            return other_version(pins_, "map " + name);
        }
        const int result = bpf_map__reuse_fd(map, fd.get());
        if (result != 0) {
            return library_error(result, "take over map " + name);
        }
        took_over_ = true;
    }
    (void)take_library_log(); // ignoring: what was said before this attempt
    const int result = portcullis_bpf__load(objects.main.get());
    if (result != 0) {
        return library_error(result, "load the BPF programs");
    }
    for (const std::string& name : map_names()) {
        const bpf_map* map = bpf_object__find_map_by_name(objects.main->obj, name.c_str());
        Fd fd(fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3));
        if (!fd.valid()) {
            return system_error("keep map " + name);
        }
        maps_[name] = TRY(KernelMap::over(std::move(fd), name));
    }
    return {};
}

Result<void> Datapath::publish_all() {
    const uint32_t zero = 0;
    const auto bytes = TRY(map("control").get(bytes_of(zero)));
    pc_control control{};
    std::memcpy(&control, bytes.data(), sizeof(control));
    if (took_over_ && control.abi_version != 0 && control.abi_version != PC_ABI_VERSION) {
        return other_version(pins_, "ABI " + std::to_string(control.abi_version) + ", not " +
                                        std::to_string(PC_ABI_VERSION));
    }
    control.abi_version = PC_ABI_VERSION;
    TRY(map("control").put(bytes_of(zero), bytes_of(control)));
    for (const auto& [name, store] : maps_) {
        if (!pins_.has(name)) {
            TRY(pins_.publish(store->fd(), name));
        }
    }
    const uint32_t entry = 0;
    LIBBPF_OPTS(bpf_map_create_opts, options);
    grace_map_ = Fd(
        bpf_map_create(BPF_MAP_TYPE_ARRAY, "pc_grace", sizeof(entry), sizeof(entry), 1, &options));
    if (!grace_map_.valid()) {
        return system_error("make the map to wait with");
    }
    return publish_programs();
}

Result<void> Datapath::publish_programs() const {
    const auto& programs = objects_->main->progs;
    TRY(pins_.publish(bpf_program__fd(programs.pc_filter), "prog_filter"));
    TRY(pins_.publish(bpf_program__fd(programs.pc_tc_egress), "prog_tc_egress"));
    TRY(pins_.publish(bpf_program__fd(programs.pc_tc_ingress), "prog_tc_ingress"));
    TRY(pins_.publish(bpf_program__fd(programs.pc_insp_ingress), "prog_insp_ingress"));
    return pins_.publish(bpf_program__fd(programs.pc_sk_lookup), "prog_sk_lookup");
}

// The kernel puts a map into another one only when no program can be using what was there before.
Result<void> Datapath::wait_for_packets() const {
    const uint32_t zero = 0;
    const auto map_fd = static_cast<uint32_t>(grace_map_.get());
    return map("grace").put(bytes_of(zero), bytes_of(map_fd));
}

Result<std::span<std::byte>> Datapath::arena() const {
    const std::span<std::byte> memory = TRY(map("classifier").memory());
    return memory.first(map("classifier").shape().value_size - PC_ARENA_SLACK);
}

Result<uint64_t> Datapath::flow_seed() const {
    pc_flow_globals globals{};
    std::memcpy(&globals, TRY(map("flow_globals").memory()).data(), sizeof(globals));
    return globals.seed;
}

// The programs for other sizes, over the same maps but for those in `other`, which are theirs.
Result<std::unique_ptr<Datapath::Objects>> Datapath::load_for(const Sizes& sizes,
                                                              Maps& other) const {
    auto objects = std::make_unique<Objects>();
    objects->main = TRY(open_skeleton(sizes));
    objects->chained = objects_->chained;
    for (const std::string& name : map_names()) {
        bpf_map* to = bpf_object__find_map_by_name(objects->main->obj, name.c_str());
        const int result = other.contains(name) ? 0 : bpf_map__reuse_fd(to, map(name).fd());
        if (result != 0) {
            return library_error(result, "share map " + name);
        }
    }
    (void)take_library_log(); // ignoring: what was said before this attempt
    const int result = portcullis_bpf__load(objects->main.get());
    if (result != 0) {
        return library_error(result,
                             "load the BPF programs over " + std::to_string(sizes.arena >> 20) +
                                 " MiB for the classifier and places for " +
                                 std::to_string(flow_entries_for(sizes.flow_buckets)) + " flows");
    }
    for (auto& [name, map] : other) {
        const bpf_map* own = bpf_object__find_map_by_name(objects->main->obj, name.c_str());
        Fd fd(fcntl(bpf_map__fd(own), F_DUPFD_CLOEXEC, 3));
        if (!fd.valid()) {
            return system_error("keep map " + name);
        }
        map = TRY(KernelMap::over(std::move(fd), name));
    }
    return objects;
}

Result<FlowMemory> Datapath::flow_memory_in(const Maps& maps) {
    const auto bytes = [&](const char* name) { return maps.find(name)->second->memory(); };
    return flow_memory(TRY(bytes("flow_buckets")), TRY(bytes("flow_entries")),
                       TRY(bytes("flow_free")));
}

Result<void> Datapath::copy_contents(const Maps& to) const {
    if (const auto arena = to.find("classifier"); arena != to.end()) {
        const std::span<std::byte> from = TRY(this->arena());
        const std::span<std::byte> memory = TRY(arena->second->memory());
        std::memcpy(memory.data(), from.data(), std::min(from.size(), memory.size()));
    }
    if (to.contains("flow_buckets")) {
        copy_flows(TRY(flows()), TRY(flow_memory_in(to)), TRY(flow_seed()));
    }
    return {};
}

Result<void> Datapath::publish_maps(const Maps& changed) const {
    for (const auto& [name, before] : changed) {
        TRY(pins_.publish(map(name).fd(), name));
    }
    return publish_programs();
}

Result<void> Datapath::resize(const Sizes& sizes, const std::function<Result<void>()>& reattach) {
    Maps other;
    if (sizes.arena != sizes_.arena) {
        other["classifier"];
    }
    if (sizes.flow_buckets != sizes_.flow_buckets) {
        other["flow_buckets"];
        other["flow_entries"];
        other["flow_free"];
    }
    if (other.empty()) {
        return {};
    }
    auto objects = TRY(load_for(sizes, other));
    TRY(copy_contents(other));
    const auto exchange = [&] {
        std::swap(objects_, objects);
        for (auto& [name, map] : other) {
            std::swap(maps_[name], map);
        }
    };
    exchange();
    auto done = reattach();
    if (done) {
        done = publish_maps(other);
    }
    if (!done) {
        exchange();
        (void)reattach();          // ignoring: the error that counts is the first
        (void)publish_maps(other); // ignoring: as above
        return done;
    }
    sizes_ = sizes;
    if (other.contains("flow_buckets")) {
        // Flows that were made while one interface after the other changed.
        copy_flows(TRY(flow_memory_in(other)), TRY(flows()), TRY(flow_seed()));
        return count();
    }
    return {};
}

Result<void> Datapath::count() const {
    void* globals = TRY(map("flow_globals").memory()).data();
    void* sources = TRY(map("flow_sources").memory()).data();
    count_flows(TRY(flows()), *static_cast<pc_flow_globals*>(globals),
                {static_cast<__u64*>(sources), PC_FLOW_SOURCES});
    return {};
}

KernelMap& Datapath::map(std::string_view name) const {
    const auto found = maps_.find(name);
    assert(found != maps_.end());
    return *found->second;
}

// Of maps that come in several sizes: they tell programs for different ones apart.
std::vector<uint32_t> Datapath::map_ids() const {
    return {map("classifier").shape().id, map("flow_buckets").shape().id};
}

Result<Attachment> Datapath::attach(uint32_t ifindex, const AttachOptions& options) {
    const auto& programs = objects_->main->progs;
    XdpFilter filter;
    filter.program_fd = TRY(objects_->program_fd(options.frags));
    filter.map_ids = map_ids();
    filter.chained = objects_->chained;
    filter.extension = [this, &options] { return objects_->extension(options.frags); };
    TRY(attach_tc_program(ifindex, TcDirection::egress, bpf_program__fd(programs.pc_tc_egress)));
    TRY(attach_tc_program(ifindex, TcDirection::ingress, bpf_program__fd(programs.pc_tc_ingress)));
    return attach_xdp(ifindex, filter, options.mode);
}

Result<void> Datapath::attach_tc_program(uint32_t ifindex, TcDirection direction,
                                         int program_fd) const {
    const ProgramIdentity wanted = TRY(identify_program_fd(program_fd));
    const uint32_t there = TRY(tc_program(ifindex, direction));
    if (there != 0) {
        const ProgramIdentity found = TRY(identify_program(there));
        if (is_same_program(found, wanted, map_ids())) {
            return {};
        }
        if (found.name.compare(0, 3, "pc_") != 0) {
            return Error{EBUSY, "attach to TC: program '" + found.name +
                                    "' of somebody else has our handle and priority"};
        }
    }
    return attach_tc(ifindex, direction, program_fd);
}

Result<std::optional<Attachment>> Datapath::attachment(uint32_t ifindex) const {
    const auto found = TRY(find_xdp(ifindex));
    if (!found || !found->ours) {
        return std::optional<Attachment>();
    }
    return std::optional<Attachment>(found->attachment);
}

Result<void> Datapath::detach(uint32_t ifindex) const {
    TRY(detach_xdp(ifindex));
    TRY(detach_tc(ifindex, TcDirection::egress));
    return detach_tc(ifindex, TcDirection::ingress);
}

Result<void> Datapath::attach_replies(uint32_t ifindex) const {
    return attach_tc_program(ifindex, TcDirection::ingress,
                             bpf_program__fd(objects_->main->progs.pc_insp_ingress));
}

Result<void> Datapath::attach_socket_lookup(int netns_fd) {
    const int program_fd = bpf_program__fd(objects_->main->progs.pc_sk_lookup);

    struct stat netns {};

    if (fstat(netns_fd, &netns) != 0) {
        return system_error("look at the inspector's network namespace");
    }
    if (pins_.has(link_pin)) {
        const Fd link = TRY(pins_.get(link_pin));
        bpf_link_info info{};
        uint32_t size = sizeof(info);
        const int result = bpf_obj_get_info_by_fd(link.get(), &info, &size);
        if (result == 0 && info.netns.netns_ino == netns.st_ino) {
            const int updated = bpf_link_update(link.get(), program_fd, nullptr);
            if (updated == 0) {
                return {};
            }
        }
        // Another namespace, or one that has gone: the link of the old one goes with its pin.
        TRY(pins_.unpin(link_pin));
    }
    const Fd link(bpf_link_create(program_fd, netns_fd, BPF_SK_LOOKUP, nullptr));
    if (!link.valid()) {
        return library_error(-errno, "attach the socket look-up to the inspector's namespace");
    }
    return pins_.publish(link.get(), link_pin);
}

Result<void> detach_all(const std::string& bpffs) {
    capture_library_log();
    for (const Link& link : TRY(dump_links())) {
        TRY(detach_xdp(link.ifindex));
        for (const TcDirection direction : {TcDirection::egress, TcDirection::ingress}) {
            const uint32_t id = TRY(tc_program(link.ifindex, direction));
            const auto program =
                id == 0 ? Result<ProgramIdentity>(Error{ENOENT, ""}) : identify_program(id);
            if (program && program.value().name.compare(0, 3, "pc_") == 0) {
                TRY(detach_tc(link.ifindex, direction));
            }
        }
    }

    struct stat st {};

    if (stat(bpffs.c_str(), &st) != 0) {
        return {};
    }
    return TRY(PinDir::open(bpffs)).remove_all();
}

} // namespace pc
