// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/counters.h"

#include <algorithm>
#include <array>

namespace pc::daemon {
Result<Count> read_counter(const MapStore& map, uint32_t index) {
    Count sum;
    TRY(for_each_cpu<pc_counter>(map, index, [&sum](const pc_counter& counter) {
        sum.packets += counter.packets;
        sum.bytes += counter.bytes;
        sum.last_jiffies = std::max<uint64_t>(sum.last_jiffies, counter.last_jiffies);
    }));
    return sum;
}

Result<pc_iface_counter> read_interface_counter(const MapStore& map, uint32_t slot) {
    pc_iface_counter sum{};
    TRY(for_each_cpu<pc_iface_counter>(map, slot, [&sum](const pc_iface_counter& counter) {
        for (size_t i = 0; i < PC_IF_VERDICTS; ++i) {
            sum.packets[i] += counter.packets[i];
            sum.bytes[i] += counter.bytes[i];
        }
    }));
    return sum;
}

Result<pc_limit_counter> read_limit_counter(const MapStore& map, uint32_t stable) {
    pc_limit_counter sum{};
    TRY(for_each_cpu<pc_limit_counter>(map, stable, [&sum](const pc_limit_counter& counter) {
        sum.passed += counter.passed;
        sum.over += counter.over;
        sum.passed_bytes += counter.passed_bytes;
        sum.over_bytes += counter.over_bytes;
    }));
    return sum;
}

std::string_view reason_word(uint32_t reason) {
#define PC_REASON_WORD(name, word) word,
    static constexpr std::array<std::string_view, PC_REASON_END> words{
        "none", PC_DROP_REASONS(PC_REASON_WORD) PC_PASS_REASONS(PC_REASON_WORD)};
#undef PC_REASON_WORD
    return reason < words.size() ? words[reason] : "unknown";
}

std::optional<double> HitClock::age(uint64_t hit) const {
    if (hit == 0 || jiffies_per_second == 0) {
        return std::nullopt;
    }
    const uint64_t ticks = jiffies > hit ? jiffies - hit : 0;
    return static_cast<double>(ticks) / static_cast<double>(jiffies_per_second);
}

} // namespace pc::daemon
