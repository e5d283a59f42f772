// SPDX-License-Identifier: GPL-3.0-or-later
// Network interfaces by rtnetlink: a dump, and a socket that tells when something changes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctl/kern/fd.h"
#include "rules/net.h"
#include "rules/result.h"

namespace pc {

struct Link {
    std::string name;
    uint32_t ifindex = 0;
    MacAddress mac;
    uint32_t mtu = 0;
    bool up = false;
    bool has_ethernet = true;     // false: ppp, tun, WireGuard and other devices of layer 3
    uint32_t parent = 0;          // ifindex of the interface below, in this namespace
    std::optional<uint16_t> vlan; // id, of an 802.1Q interface

    bool operator==(const Link&) const = default;
};

// Sorted by ifindex.
[[nodiscard]] Result<std::vector<Link>> dump_links();

// Is this interface meant by `pattern`, a name or a glob?
[[nodiscard]] bool matches_interface(const std::string& pattern, const std::string& name);

class LinkMonitor {
public:
    [[nodiscard]] static Result<LinkMonitor> open();

    [[nodiscard]] int fd() const { return fd_.get(); }

    // Reads what has arrived. True if links, addresses or routes may have changed (also when
    // messages were lost): then ask again with dump_links().
    [[nodiscard]] Result<bool> changed() const;

private:
    explicit LinkMonitor(Fd fd) : fd_(std::move(fd)) {}

    Fd fd_;
};

} // namespace pc
