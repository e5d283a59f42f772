// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/counters.h"

#include <cstring>

#include <fmt/format.h>

namespace pc::inspect {

namespace {

uint32_t index_of(uint32_t inspect) {
    return inspect < PC_INSPECTS_MAX ? inspect : 0;
}

} // namespace

Result<Counters> Counters::load(MapStore& map) {
    Counters counters(map);
    for (uint32_t id = 0; id < PC_INSPECTS_MAX; ++id) {
        const std::vector<std::byte> value = TRY(map.get(bytes_of(id)));
        pc_inspect_stats& stats = counters.stats_[id];
        if (value.size() != sizeof(stats)) {
            return Error{0, fmt::format("map insp_stats: a value has {} bytes", value.size())};
        }
        memcpy(&stats, value.data(), sizeof(stats));
        if (stats.active != 0) { // flows of an inspector that was killed
            stats.active = 0;
            counters.changed_.set(id);
        }
    }
    return counters;
}

pc_inspect_stats& Counters::of(uint32_t inspect) {
    changed_.set(index_of(inspect));
    return stats_[index_of(inspect)];
}

uint64_t Counters::active(uint32_t inspect) const {
    return stats_[index_of(inspect)].active;
}

Result<void> Counters::store() {
    if (changed_.none()) {
        return {};
    }
    for (uint32_t id = 0; id < PC_INSPECTS_MAX; ++id) {
        if (changed_.test(id)) {
            TRY(map_->put(bytes_of(id), bytes_of(stats_[id])));
            changed_.reset(id);
        }
    }
    return {};
}

} // namespace pc::inspect
