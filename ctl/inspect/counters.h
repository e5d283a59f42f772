// SPDX-License-Identifier: GPL-3.0-or-later
// The inspector's counters by inspect id, in the pinned map `insp_stats` for whoever wants to read
// them. They go on from where the last inspector left them.
#pragma once

#include <array>
#include <bitset>

#include "ctl/kern/map_store.h"
#include "rules/abi.h"
#include "rules/result.h"

namespace pc::inspect {

class Counters {
public:
    // `map` must outlive this.
    [[nodiscard]] static Result<Counters> load(MapStore& map);

    // For changing; an id out of range counts for 0, "none".
    [[nodiscard]] pc_inspect_stats& of(uint32_t inspect);

    [[nodiscard]] uint64_t active(uint32_t inspect) const;

    // Writes what changed since the last call.
    [[nodiscard]] Result<void> store();

private:
    explicit Counters(MapStore& map) : map_(&map) {}

    MapStore* map_;
    std::array<pc_inspect_stats, PC_INSPECTS_MAX> stats_{};
    std::bitset<PC_INSPECTS_MAX> changed_;
};

} // namespace pc::inspect
