// SPDX-License-Identifier: GPL-3.0-or-later
// The two generation slots in the kernel: a Plan is written into the one that packets do not use,
// then one store makes them use it. Whatever fails before that store leaves what packets see as it
// was.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <set>

#include "ctl/daemon/zones.h"
#include "ctl/kern/kernel_maps.h"
#include "rules/plan.h"

namespace pc::daemon {

// The maps of rules/abi.h that a commit writes. All outlive Generations.
struct GenerationMaps {
    MapStore& control;
    MapStore& generations;
    MapStore& records;
    MapStore& number_sets;
    MapStore& byte_sets;
    MapStore& addr_sets;
    MapStore& macs;
    MapStore& ifaces;
    MapStore& vlan_zones;
    MapStore& rule_names;
    MapStore& rule_counters;
    MapStore& iface_counters;
    // An empty map to stand in "addr_sets" or "macs".
    std::function<Result<InnerMap>(std::string_view outer, uint32_t entries)> make_inner;
};

// What else stands in the control word's neighbours.
struct InspectorWiring {
    uint32_t bypass_mark = 0;
    uint32_t veth = 0; // 0: not set up
    MacAddress mac;
};

class Generations {
public:
    explicit Generations(GenerationMaps maps) : maps_(std::move(maps)) {}

    // Reads what an earlier process left: which slot is active, who owns which rule id. What
    // exactly the slots hold is not known then, and all of it is written the next time.
    [[nodiscard]] Result<void> adopt();

    // Before anything was ever staged: packets on interfaces that are being attached meet no rules.
    [[nodiscard]] Result<void> accept_everything(const pc_generation& head);

    // The number of the active generation; 0: none was ever written.
    [[nodiscard]] Result<uint64_t> active_number() const;

    // For compile().
    [[nodiscard]] const RuleIds& ids() const { return ids_; }

    // The counter slots of these interfaces in the active generation.
    [[nodiscard]] Result<InterfaceSlots> slots_of(const std::vector<Link>& links) const;

    [[nodiscard]] Result<void> stage(std::shared_ptr<const Plan> plan, uint64_t number,
                                     const ZonesOnLinks& zones);

    // The commit of what was staged.
    [[nodiscard]] Result<void> flip(const InspectorWiring& wiring);

    // `entries` of the dynamic set @blocks; 0 makes packets skip it.
    [[nodiscard]] Result<void> set_blocks(uint32_t entries);

private:
    struct Slot {
        std::shared_ptr<const Plan> plan; // null: contents not known
        std::set<uint32_t> ifaces;        // the entries that are not zero
        std::shared_ptr<InnerMap> addresses;
        std::shared_ptr<InnerMap> macs;
    };

    [[nodiscard]] Result<pc_control> control() const;
    [[nodiscard]] Result<void> put_control(const pc_control& control);
    [[nodiscard]] Result<void> stage_inner(const Plan& plan, Slot& slot);
    [[nodiscard]] Result<std::shared_ptr<InnerMap>> fill_addresses(const Plan& plan) const;
    [[nodiscard]] Result<std::shared_ptr<InnerMap>> fill_macs(const Plan& plan) const;
    [[nodiscard]] Result<void> stage_arrays(const Plan* before, const Plan& plan);
    [[nodiscard]] Result<void> stage_interfaces(const ZonesOnLinks& zones, Slot& slot, bool known);
    [[nodiscard]] Result<void> stage_head(const Plan& plan, uint64_t number);
    [[nodiscard]] Result<void> claim_ids(const Plan& plan);
    [[nodiscard]] Result<void> claim_slots(const InterfaceSlots& slots);

    [[nodiscard]] uint32_t inactive() const { return 1 - active_; }

    GenerationMaps maps_;
    uint32_t active_ = 0;
    std::array<Slot, PC_GENERATIONS> slots_;
    RuleIds ids_;            // of the active generation
    InterfaceSlots claimed_; // counter slots of the active generation
    RuleIds staged_ids_;
    InterfaceSlots staged_slots_;
    bool staged_ = false;
};

} // namespace pc::daemon
