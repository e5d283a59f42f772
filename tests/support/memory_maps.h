// SPDX-License-Identifier: GPL-3.0-or-later
// All maps that a commit writes, in memory.
#pragma once

#include "ctl/daemon/generations.h"
#include "rules/abi.h"
#include "tests/support/memory_map.h"

namespace pc::test {

// All maps that a commit writes.
struct MemoryMaps {
    static constexpr size_t cpus = 2;

    Faults faults;
    MemoryMap control{faults, sizeof(pc_control), 1};
    MemoryMap generations{faults, sizeof(pc_generation), PC_GENERATIONS};
    MemoryMap records{faults, sizeof(pc_record), PC_GENERATIONS* PC_RECORDS_MAX};
    MemoryMap number_sets{faults, sizeof(pc_number_set), PC_GENERATIONS* PC_NUMBER_SETS_MAX};
    MemoryMap byte_sets{faults, sizeof(pc_byte_set), PC_GENERATIONS* PC_BYTE_SETS_MAX};
    MemoryMap addr_sets{faults, sizeof(uint32_t), PC_GENERATIONS};
    MemoryMap macs{faults, sizeof(uint32_t), PC_GENERATIONS};
    MemoryMap ifaces{faults, sizeof(pc_iface), PC_GENERATIONS* PC_IFINDEX_MAX};
    MemoryMap vlan_zones{faults, sizeof(pc_vlan_zones), PC_GENERATIONS* PC_VLAN_TABLES_MAX};
    MemoryMap rule_names{faults, sizeof(pc_rule_name), PC_RULE_IDS_MAX};
    MemoryMap rule_counters{faults, sizeof(pc_counter) * cpus, PC_RULE_IDS_MAX};
    MemoryMap iface_counters{faults, sizeof(pc_iface_counter) * cpus, PC_IFACE_SLOTS_MAX};
    // The contents of inner maps by their "fd", also after the map's handle is gone.
    std::map<uint32_t, std::shared_ptr<MemoryMap>> inner;

    [[nodiscard]] daemon::GenerationMaps maps() {
        return {control,
                generations,
                records,
                number_sets,
                byte_sets,
                addr_sets,
                macs,
                ifaces,
                vlan_zones,
                rule_names,
                rule_counters,
                iface_counters,
                [this](std::string_view outer, uint32_t entries) {
                    return make_inner(outer, entries);
                }};
    }

    [[nodiscard]] Result<InnerMap> make_inner(std::string_view outer, uint32_t /*entries*/) {
        if (faults.fails()) {
            return Error{ENOMEM, "made to fail"};
        }
        const auto fd = static_cast<uint32_t>(inner.size() + 100);
        inner[fd] = std::make_shared<MemoryMap>(
            faults, outer == "addr_sets" ? sizeof(pc_addr_sets) : sizeof(uint8_t), 0);
        return InnerMap{std::make_unique<Lent>(inner[fd]), fd};
    }

private:
    // The map lives on in `inner` when its handle goes.
    class Lent final : public MapStore {
    public:
        explicit Lent(std::shared_ptr<MemoryMap> map) : map_(std::move(map)) {}

        Result<std::vector<std::byte>> get(Bytes key) const override { return map_->get(key); }

        Result<void> put(Bytes key, Bytes value) override { return map_->put(key, value); }

        Result<void> remove(Bytes key) override { return map_->remove(key); }

        Result<void> each(const std::function<bool(Bytes, Bytes)>& visit) const override {
            return map_->each(visit);
        }

        Result<void> put_batch(Bytes keys, Bytes values, size_t count) override {
            return map_->put_batch(keys, values, count);
        }

    private:
        std::shared_ptr<MemoryMap> map_;
    };
};

} // namespace pc::test
