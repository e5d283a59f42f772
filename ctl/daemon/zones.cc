// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/zones.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace pc::daemon {
namespace {

// The zones of one interface, those that win first.
std::vector<const PlanZone*> zones_of(const Plan& plan, const std::string& name) {
    std::vector<const PlanZone*> exact;
    std::vector<const PlanZone*> by_glob;
    for (const PlanZone& zone : plan.zones) {
        const auto& patterns = zone.interfaces;
        if (std::find(patterns.begin(), patterns.end(), name) != patterns.end()) {
            exact.push_back(&zone);
        } else if (std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
                       return matches_interface(pattern, name);
                   })) {
            by_glob.push_back(&zone);
        }
    }
    exact.insert(exact.end(), by_glob.begin(), by_glob.end());
    return exact;
}

bool names_vlans(const PlanZone* zone) {
    return !zone->vlans.empty();
}

pc_vlan_zones vlan_table_of(const std::vector<const PlanZone*>& zones) {
    pc_vlan_zones table{};
    for (const PlanZone* zone : zones) {
        for (const uint32_t vlan : zone->vlans) {
            if (vlan <= PC_VLAN_NONE && table.zone[vlan] == 0) {
                table.zone[vlan] = zone->id;
            }
        }
    }
    // Every tag that no zone names belongs to the zone that names none.
    const auto rest = std::find_if_not(zones.begin(), zones.end(), names_vlans);
    for (uint32_t vlan = 0; rest != zones.end() && vlan <= PC_VLAN_NONE; ++vlan) {
        if (table.zone[vlan] == 0) {
            table.zone[vlan] = (*rest)->id;
        }
    }
    return table;
}

// Index of the table, added if it is new; 0 if there is no room.
uint8_t add_table(std::vector<pc_vlan_zones>& tables, const pc_vlan_zones& table) {
    for (size_t i = 1; i < tables.size(); ++i) {
        if (std::memcmp(&tables[i], &table, sizeof(table)) == 0) {
            return static_cast<uint8_t>(i);
        }
    }
    if (tables.size() >= PC_VLAN_TABLES_MAX) {
        return 0;
    }
    tables.push_back(table);
    return static_cast<uint8_t>(tables.size() - 1);
}

uint16_t take_slot(const InterfaceSlots& before, std::set<uint16_t>& used, uint32_t ifindex) {
    const auto known = before.find(ifindex);
    if (known != before.end()) {
        return known->second;
    }
    for (uint16_t slot = 1; slot < PC_IFACE_SLOTS_MAX; ++slot) {
        if (used.insert(slot).second) {
            return slot;
        }
    }
    return 0;
}

class Builder {
public:
    Builder(const Plan& plan, const InterfaceSlots& slots) : plan_(plan), before_(slots) {
        result_.tables.vlan_tables.resize(1);
        for (const auto& [ifindex, slot] : slots) {
            used_.insert(slot);
        }
    }

    void add(const Link& link) {
        const auto zones = zones_of(plan_, link.name);
        if (zones.empty()) {
            return;
        }
        if (link.ifindex >= PC_IFINDEX_MAX) {
            result_.problems.push_back(link.name + ": its index " + std::to_string(link.ifindex) +
                                       " is larger than " + std::to_string(PC_IFINDEX_MAX - 1));
            return;
        }
        pc_iface iface{};
        if (std::any_of(zones.begin(), zones.end(), names_vlans)) {
            iface.vlan_table = add_table(result_.tables.vlan_tables, vlan_table_of(zones));
            if (iface.vlan_table == 0) {
                result_.problems.push_back(link.name + ": more than " +
                                           std::to_string(PC_VLAN_TABLES_MAX - 1) +
                                           " different divisions into VLANs");
                return;
            }
        } else {
            iface.zone = zones.front()->id;
        }
        iface.slot = take_slot(before_, used_, link.ifindex);
        if (iface.slot == 0) {
            result_.problems.push_back(link.name + ": more than " +
                                       std::to_string(PC_IFACE_SLOTS_MAX - 1) + " interfaces");
            return;
        }
        result_.tables.ifaces[link.ifindex] = iface;
        result_.slots[link.ifindex] = iface.slot;
        result_.wanted.push_back(wanted_of(link, zones));
    }

    // A VLAN interface that no zone names itself.
    void add_above(const Link& link) {
        const auto below = result_.tables.ifaces.find(link.parent);
        if (!link.vlan || link.parent == 0 || link.ifindex >= PC_IFINDEX_MAX ||
            below == result_.tables.ifaces.end() || result_.tables.ifaces.contains(link.ifindex)) {
            return;
        }
        pc_iface iface{};
        const pc_iface& parent = below->second;
        const auto& tables = result_.tables.vlan_tables;
        iface.zone = parent.vlan_table == 0
                         ? parent.zone
                         : tables[parent.vlan_table].zone[*link.vlan % PC_VLAN_NONE];
        result_.tables.ifaces[link.ifindex] = iface;
    }

    ZonesOnLinks take() { return std::move(result_); }

private:
    static WantedInterface wanted_of(const Link& link, const std::vector<const PlanZone*>& zones) {
        WantedInterface wanted{link.name, link.ifindex, link.has_ethernet, {}, {}, false};
        for (const PlanZone* zone : zones) {
            wanted.zones.push_back(zone->name);
            if (wanted.mode == XdpMode::automatic) {
                wanted.mode = zone->mode;
            }
            wanted.frags = wanted.frags || zone->frags;
            if (zone->vlans.empty()) {
                break; // what follows gets no packet
            }
        }
        return wanted;
    }

    const Plan& plan_;
    const InterfaceSlots& before_;
    std::set<uint16_t> used_;
    ZonesOnLinks result_;
};

} // namespace

ZonesOnLinks zones_on_links(const Plan& plan, const std::vector<Link>& links,
                            const InterfaceSlots& slots, uint32_t without) {
    // A slot of an interface that is gone may be given away.
    InterfaceSlots kept;
    for (const Link& link : links) {
        const auto known = slots.find(link.ifindex);
        if (known != slots.end()) {
            kept.insert(*known);
        }
    }
    Builder builder(plan, kept);
    for (const Link& link : links) {
        if (link.ifindex != without && link.name != "lo") {
            builder.add(link);
        }
    }
    for (const Link& link : links) {
        builder.add_above(link);
    }
    return builder.take();
}

bool is_same(const InterfaceTables& a, const InterfaceTables& b) {
    const auto same = [](const auto& x, const auto& y) {
        return std::memcmp(&x, &y, sizeof(x)) == 0;
    };
    return a.ifaces.size() == b.ifaces.size() && a.vlan_tables.size() == b.vlan_tables.size() &&
           std::equal(a.ifaces.begin(), a.ifaces.end(), b.ifaces.begin(),
                      [&](const auto& x, const auto& y) {
                          return x.first == y.first && same(x.second, y.second);
                      }) &&
           std::equal(a.vlan_tables.begin(), a.vlan_tables.end(), b.vlan_tables.begin(), same);
}

} // namespace pc::daemon
