// SPDX-License-Identifier: GPL-3.0-or-later
// Zones of a Plan meet the interfaces that exist: which are to be attached, and what the maps
// `ifaces` and `vlan_zones` of a generation must hold. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ctl/kern/interfaces.h"
#include "rules/plan.h"

namespace pc::daemon {

struct WantedInterface {
    std::string name;
    uint32_t ifindex = 0;
    bool has_ethernet = true;
    std::vector<std::string> zones;
    XdpMode mode = XdpMode::automatic;
    bool frags = false;

    bool operator==(const WantedInterface&) const = default;
};

// Which counter slot an attached interface has, by ifindex.
using InterfaceSlots = std::map<uint32_t, uint16_t>;

struct InterfaceTables {
    std::map<uint32_t, pc_iface> ifaces;    // by ifindex
    std::vector<pc_vlan_zones> vlan_tables; // [0] is not used
};

// What packets would meet is the same.
[[nodiscard]] bool is_same(const InterfaceTables& a, const InterfaceTables& b);

struct ZonesOnLinks {
    std::vector<WantedInterface> wanted;
    InterfaceTables tables;
    InterfaceSlots slots;
    std::vector<std::string> problems; // interfaces over a limit: not in `wanted`
};

// `slots` of before are kept. An interface named exactly belongs to that zone rather than to one
// with a matching glob; among equals the zone that stands first in the file wins. 802.1Q interfaces
// above a wanted one get the zone of their VLAN id, so that routes through them know it. `without`
// is never wanted (the inspector's veth).
[[nodiscard]] ZonesOnLinks zones_on_links(const Plan& plan, const std::vector<Link>& links,
                                          const InterfaceSlots& slots, uint32_t without);

} // namespace pc::daemon
