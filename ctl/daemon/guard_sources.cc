// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/guard_sources.h"

#include <algorithm>
#include <map>

#include "ctl/daemon/counters.h"
#include "ctl/daemon/eve.h"

namespace pc::daemon {
namespace {

constexpr uint32_t columns_asked = 64; // of PC_GUARD_COLUMNS: a sample

// What a cell of each CPU holds on average.
Result<std::vector<uint64_t>> average_cells(const MapStore& sketch, uint32_t epoch) {
    std::vector<uint64_t> sums;
    for (uint32_t i = 0; i < columns_asked; ++i) {
        size_t cpu = 0;
        const uint32_t column = i * (PC_GUARD_COLUMNS / columns_asked);
        TRY(for_each_cpu<pc_guard_cells>(sketch, column, [&](const pc_guard_cells& cells) {
            sums.resize(std::max(sums.size(), cpu + 1));
            for (const uint32_t cell : cells.cell) {
                sums[cpu] += PC_GUARD_CELL_IS(cell, epoch) ? PC_GUARD_CELL_COUNT(cell) : 0;
            }
            ++cpu;
        }));
    }
    for (uint64_t& sum : sums) {
        sum /= uint64_t{columns_asked} * PC_GUARD_ROWS;
    }
    return sums;
}

Prefix prefix_of(const pc_guard_candidate& candidate, const pc_flow_policy& policy) {
    const bool is_v6 = candidate.family == 6;
    const auto bits = static_cast<uint8_t>(is_v6 ? 128 : 32);
    return {eve_address(candidate.prefix, candidate.family),
            std::min(bits, is_v6 ? policy.guard_prefix6 : policy.guard_prefix4)};
}

} // namespace

// Each CPU has candidates of its own: one source may be in different places.
Result<std::vector<GuardSource>> guard_sources(const MapStore& top, const MapStore& sketch,
                                               const pc_flow_policy& policy, uint32_t epoch) {
    const std::vector<uint64_t> others = TRY(average_cells(sketch, epoch));
    std::map<Prefix, uint64_t> packets;
    for (uint32_t index = 0; index < PC_GUARD_TOP; ++index) {
        size_t cpu = 0;
        TRY(for_each_cpu<pc_guard_candidate>(top, index, [&](const pc_guard_candidate& candidate) {
            const uint64_t other = cpu < others.size() ? others[cpu] : 0;
            ++cpu;
            const bool counts = candidate.family == 4 || candidate.family == 6;
            if (counts && candidate.epoch == (epoch & 0xffff) && candidate.estimate > other) {
                packets[prefix_of(candidate, policy)] += candidate.estimate - other;
            }
        }));
    }
    std::vector<GuardSource> sources;
    for (const auto& [prefix, count] : packets) {
        sources.push_back({prefix, count});
    }
    std::stable_sort(
        sources.begin(), sources.end(),
        [](const GuardSource& a, const GuardSource& b) { return a.packets > b.packets; });
    return sources;
}

} // namespace pc::daemon
