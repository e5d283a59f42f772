// SPDX-License-Identifier: GPL-3.0-or-later
// Counters out of the per-CPU maps, summed.
#pragma once

#include <optional>
#include <string>

#include "ctl/kern/map_store.h"
#include "rules/abi.h"

namespace pc::daemon {

struct Count {
    uint64_t packets = 0;
    uint64_t bytes = 0;
    uint64_t last_jiffies = 0; // 0: never
};

[[nodiscard]] Result<Count> read_counter(const MapStore& map, uint32_t index);
[[nodiscard]] Result<pc_iface_counter> read_interface_counter(const MapStore& map, uint32_t slot);

// The words of PC_DROP_REASONS and PC_PASS_REASONS.
[[nodiscard]] std::string_view reason_word(uint32_t reason);

[[nodiscard]] inline bool is_drop_reason(uint32_t reason) {
    return reason > PC_REASON_NONE && reason < PC_REASON_PASS_FIRST;
}

// Turns ticks of the kernel into times of day.
struct HitClock {
    int64_t now = 0;
    uint64_t jiffies = 0;
    uint64_t jiffies_per_second = 100;

    // Seconds ago; none: never.
    [[nodiscard]] std::optional<double> age(uint64_t hit) const;
};

} // namespace pc::daemon
