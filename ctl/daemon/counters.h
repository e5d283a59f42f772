// SPDX-License-Identifier: GPL-3.0-or-later
// Counters out of the per-CPU maps, summed.
#pragma once

#include <cerrno>
#include <cstring>
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

[[nodiscard]] Result<pc_limit_counter> read_limit_counter(const MapStore& map, uint32_t stable);

// Calls `add` with the value of each CPU.
template <typename T, typename Add>
[[nodiscard]] Result<void> for_each_cpu(const MapStore& map, uint32_t index, const Add& add) {
    static_assert(sizeof(T) % 8 == 0);
    const auto bytes = TRY(map.get(bytes_of(index)));
    if (bytes.size() % sizeof(T) != 0) {
        return Error{EPROTO, "a map has counters of another size"};
    }
    for (size_t at = 0; at < bytes.size(); at += sizeof(T)) {
        T value{};
        std::memcpy(&value, bytes.data() + at, sizeof(value));
        add(value);
    }
    return {};
}

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
