// SPDX-License-Identifier: GPL-3.0-or-later
// The inspector's own network namespace and the veth pair that leads into it. Everything that
// enters there is local, whatever its destination; everything that leaves goes back through the
// veth. So the host needs no policy routing, and none of its firewall rules meets the inspector's
// listener.
//
// The namespace lives as long as its file, not as long as any process: flows survive the daemon.
#pragma once

#include <cstdint>
#include <string>

#include "rules/net.h"
#include "rules/result.h"

namespace pc {

struct InspectNetnsNames {
    std::string file;               // the namespace is bound here, as by `ip netns` in /run/netns
    std::string host_end = "insp0"; // in the network namespace of the caller
    std::string inner_end = "insp1";
};

struct InspectNetns {
    uint32_t host_ifindex = 0;
    MacAddress inner_mac;
    bool taken_over = false; // it was there, and right
};

// Makes the namespace and the pair, or takes over what is there if it is right, without touching it
// (an MTU that is too small is raised). What is half made is made anew, in the same namespace.
// `mtu` is the largest of the interfaces that flows leave by. Needs iproute2's `ip`.
[[nodiscard]] Result<InspectNetns> set_up_inspect_netns(const InspectNetnsNames& names,
                                                        uint32_t mtu);

// Removes the pair and the file. The namespace ends with the last process or socket in it. What is
// not there is no Error.
[[nodiscard]] Result<void> tear_down_inspect_netns(const InspectNetnsNames& names);

} // namespace pc
