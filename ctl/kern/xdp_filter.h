// SPDX-License-Identifier: GPL-3.0-or-later
// The XDP program of one interface, through libxdp: behind its dispatcher where the kernel can
// chain programs, alone where it cannot. libxdp cannot replace a program that stands alone; that is
// done with the kernel's own atomic replace.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rules/result.h"
#include "rules/rule.h"

struct xdp_program;

namespace pc {

// How a program is attached, as the shell shows it.
struct Attachment {
    XdpMode mode = XdpMode::native; // native or generic
    bool dispatcher = false;        // other XDP programs may run beside it
    uint32_t program_id = 0;
    std::string note; // why not native

    bool operator==(const Attachment&) const = default;
};

struct AttachOptions {
    XdpMode mode = XdpMode::automatic; // automatic: native, or generic if the driver cannot
    bool frags = false;                // packets of several pages (jumbo frames)
};

struct ProgramIdentity {
    uint32_t id = 0;
    std::string name;
    std::array<uint8_t, 8> tag{}; // of the instructions; map handles do not count
    std::vector<uint32_t> map_ids;
};

[[nodiscard]] Result<ProgramIdentity> identify_program(uint32_t id);
[[nodiscard]] Result<ProgramIdentity> identify_program_fd(int fd);

// Are these the same instructions over the same maps (as far as `map_ids`, some of them, tell)?
[[nodiscard]] bool is_same_program(const ProgramIdentity& a, const ProgramIdentity& b,
                                   const std::vector<uint32_t>& map_ids);

inline constexpr const char* filter_name = "pc_filter";

struct XdpFound {
    Attachment attachment;
    ProgramIdentity program; // ours if one of ours is there, else the one that is attached
    bool ours = false;
};

// No value: no XDP program on the interface.
[[nodiscard]] Result<std::optional<XdpFound>> find_xdp(uint32_t ifindex);

// The filter, ready to be attached in either way.
struct XdpFilter {
    int program_fd = -1;           // loaded as a program of type XDP
    std::vector<uint32_t> map_ids; // that only this copy of the program has
    bool chained = false;          // try the dispatcher
    // For libxdp to load as an extension, and to attach again to the next interface: always the
    // same.
    std::function<Result<xdp_program*>()> extension;
};

// Leaves the same program alone, replaces an older one of ours without a gap, refuses to replace a
// program of anybody else.
[[nodiscard]] Result<Attachment> attach_xdp(uint32_t ifindex, const XdpFilter& filter,
                                            XdpMode mode);

// Only our program; whatever else is there stays.
[[nodiscard]] Result<void> detach_xdp(uint32_t ifindex);

} // namespace pc
