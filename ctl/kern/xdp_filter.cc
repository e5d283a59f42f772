// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/kern/xdp_filter.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <xdp/libxdp.h>

#include "ctl/kern/fd.h"
#include "ctl/kern/libbpf_log.h"

namespace pc {
namespace {

struct CloseProgram {
    void operator()(xdp_program* program) const { xdp_program__close(program); }
};

struct CloseMultiprog {
    void operator()(xdp_multiprog* multiprog) const { xdp_multiprog__close(multiprog); }
};

using Program = std::unique_ptr<xdp_program, CloseProgram>;
using Multiprog = std::unique_ptr<xdp_multiprog, CloseMultiprog>;

std::string name_of(uint32_t ifindex) {
    char name[IF_NAMESIZE] = {};
    return if_indextoname(ifindex, name) != nullptr ? name : "interface " + std::to_string(ifindex);
}

xdp_attach_mode mode_of(XdpMode mode) {
    return mode == XdpMode::generic ? XDP_MODE_SKB : XDP_MODE_NATIVE;
}

uint32_t flags_of(XdpMode mode) {
    return mode == XdpMode::generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

Result<Program> opened(xdp_program* program, const std::string& what) {
    const long error = libxdp_get_error(program);
    if (error != 0) {
        return library_error(static_cast<int>(error), what);
    }
    return Program(program);
}

Result<Attachment> attachment_of(uint32_t ifindex) {
    const auto found = TRY(find_xdp(ifindex));
    if (!found || !found->ours) {
        return Error{ENOENT, "attach XDP to " + name_of(ifindex) + ": the program is not there"};
    }
    return found->attachment;
}

// By libxdp, in one mode.
Result<void> attach_new(uint32_t ifindex, const XdpFilter& filter, XdpMode mode) {
    const std::string what = "attach XDP to " + name_of(ifindex) +
                             (mode == XdpMode::generic ? " (generic)" : " (native)");
    Program alone;
    xdp_program* program = nullptr;
    if (filter.chained) {
        program = TRY(filter.extension());
    } else {
        alone = TRY(opened(xdp_program__from_fd(filter.program_fd), what));
        program = alone.get();
    }
    (void)take_library_log(); // ignoring: what was said before this attempt
    const int result = xdp_program__attach(program, static_cast<int>(ifindex), mode_of(mode), 0);
    if (result != 0) {
        return library_error(result, what);
    }
    return {};
}

Result<Attachment> attach_first(uint32_t ifindex, const XdpFilter& filter, XdpMode mode) {
    std::string note;
    if (mode != XdpMode::generic) {
        const auto native = attach_new(ifindex, filter, XdpMode::native);
        if (native) {
            return attachment_of(ifindex);
        }
        const int err = native.error().err;
        if (mode == XdpMode::native || err == EBUSY || err == EEXIST || err == ENODEV) {
            return native.error();
        }
        note = native.error().message;
    }
    TRY(attach_new(ifindex, filter, XdpMode::generic));
    Attachment attachment = TRY(attachment_of(ifindex));
    attachment.note = std::move(note);
    return attachment;
}

Result<void> detach_program(uint32_t ifindex, const XdpFound& found) {
    const std::string what = "detach XDP from " + name_of(ifindex);
    const Program program = TRY(opened(xdp_program__from_id(found.program.id), what));
    const int result = xdp_program__detach(program.get(), static_cast<int>(ifindex),
                                           mode_of(found.attachment.mode), 0);
    if (result != 0) {
        return library_error(result, what);
    }
    (void)take_library_log(); // ignoring: it worked
    return {};
}

// An older program of ours, alone on the interface: one atomic replace.
Result<void> replace_single(uint32_t ifindex, const XdpFilter& filter, const XdpFound& found) {
    const std::string what = "replace XDP on " + name_of(ifindex);
    const Fd old_fd(bpf_prog_get_fd_by_id(found.program.id));
    if (!old_fd.valid()) {
        return system_error(what);
    }
    LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = old_fd.get());
    const int result =
        bpf_xdp_attach(static_cast<int>(ifindex), filter.program_fd,
                       flags_of(found.attachment.mode) | XDP_FLAGS_REPLACE, &options);
    if (result != 0) {
        return library_error(result, what);
    }
    return {};
}

// The driver cannot change between the modes at once, so for a moment the interface has no filter;
// the operator asked for it by `mode`. What was there comes back if the new mode is refused.
Result<Attachment> change_mode(uint32_t ifindex, const XdpFilter& filter, XdpMode mode,
                               const XdpFound& found) {
    TRY(detach_program(ifindex, found));
    auto attached = attach_first(ifindex, filter, mode);
    if (!attached) {
        (void)attach_first(ifindex, filter, found.attachment.mode); // ignoring: one error counts
    }
    return attached;
}

} // namespace

Result<ProgramIdentity> identify_program_fd(int fd) {
    bpf_prog_info info{};
    uint32_t size = sizeof(info);
    int result = bpf_obj_get_info_by_fd(fd, &info, &size);
    if (result != 0) {
        return library_error(result, "describe a BPF program");
    }
    ProgramIdentity identity{info.id, info.name, {}, std::vector<uint32_t>(info.nr_map_ids)};
    std::memcpy(identity.tag.data(), info.tag, identity.tag.size());
    bpf_prog_info with_maps{};
    with_maps.nr_map_ids = static_cast<uint32_t>(identity.map_ids.size());
    with_maps.map_ids = reinterpret_cast<uintptr_t>(identity.map_ids.data());
    size = sizeof(with_maps);
    result = bpf_obj_get_info_by_fd(fd, &with_maps, &size);
    if (result != 0) {
        return library_error(result, "describe a BPF program");
    }
    return identity;
}

Result<ProgramIdentity> identify_program(uint32_t id) {
    const Fd fd(bpf_prog_get_fd_by_id(id));
    if (!fd.valid()) {
        return system_error("open BPF program " + std::to_string(id));
    }
    return identify_program_fd(fd.get());
}

bool is_same_program(const ProgramIdentity& a, const ProgramIdentity& b,
                     const std::vector<uint32_t>& map_ids) {
    const auto uses = [&](const ProgramIdentity& program) {
        return std::all_of(map_ids.begin(), map_ids.end(), [&](uint32_t id) {
            return std::find(program.map_ids.begin(), program.map_ids.end(), id) !=
                   program.map_ids.end();
        });
    };
    return a.name == b.name && a.tag == b.tag && uses(a) && uses(b);
}

Result<std::optional<XdpFound>> find_xdp(uint32_t ifindex) {
    const Multiprog multiprog(xdp_multiprog__get_from_ifindex(static_cast<int>(ifindex)));
    const long error = libxdp_get_error(multiprog.get());
    if (error == -ENOENT || multiprog == nullptr) {
        (void)take_library_log(); // ignoring: nothing attached is an answer
        return std::optional<XdpFound>();
    }
    if (error != 0) {
        return library_error(static_cast<int>(error), "look at XDP on " + name_of(ifindex));
    }
    XdpFound found;
    found.attachment.mode = xdp_multiprog__attach_mode(multiprog.get()) == XDP_MODE_SKB
                                ? XdpMode::generic
                                : XdpMode::native;
    const xdp_program* main = xdp_multiprog__main_prog(multiprog.get());
    found.attachment.dispatcher = !xdp_multiprog__is_legacy(multiprog.get());
    if (!found.attachment.dispatcher) {
        found.program = TRY(identify_program(xdp_program__id(main)));
        found.ours = found.program.name == filter_name;
    }
    for (const xdp_program* program = nullptr;
         (program = xdp_multiprog__next_prog(program, multiprog.get())) != nullptr;) {
        ProgramIdentity identity = TRY(identify_program(xdp_program__id(program)));
        if (identity.name == filter_name) {
            found.program = std::move(identity);
            found.ours = true;
        }
    }
    found.attachment.program_id = found.program.id;
    return std::optional<XdpFound>(std::move(found));
}

Result<Attachment> attach_xdp(uint32_t ifindex, const XdpFilter& filter, XdpMode mode) {
    const ProgramIdentity wanted = TRY(identify_program_fd(filter.program_fd));
    const auto found = TRY(find_xdp(ifindex));
    if (found && !found->ours && !found->attachment.dispatcher) {
        return Error{EBUSY, "attach XDP to " + name_of(ifindex) + ": program '" +
                                found->program.name + "' (id " + std::to_string(found->program.id) +
                                ") of somebody else is there, and not behind libxdp's dispatcher"};
    }
    if (!found || !found->ours) {
        return attach_first(ifindex, filter, mode);
    }
    if (mode != XdpMode::automatic && mode != found->attachment.mode) {
        return change_mode(ifindex, filter, mode, *found);
    }
    if (is_same_program(found->program, wanted, filter.map_ids)) {
        return found->attachment;
    }
    if (!found->attachment.dispatcher) {
        TRY(replace_single(ifindex, filter, *found));
        return attachment_of(ifindex);
    }
    // Both run until the old one leaves the chain; each passes on what it accepts.
    TRY(attach_new(ifindex, filter, found->attachment.mode));
    TRY(detach_program(ifindex, *found));
    return attachment_of(ifindex);
}

Result<void> detach_xdp(uint32_t ifindex) {
    const auto found = TRY(find_xdp(ifindex));
    if (!found || !found->ours) {
        return {};
    }
    return detach_program(ifindex, *found);
}

} // namespace pc
