// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/counters.h"

#include <cstring>

#include <fmt/format.h>

namespace pc::inspect {

namespace {

// All members are sums.
constexpr size_t words = sizeof(pc_inspect_stats) / sizeof(__u64);
static_assert(words * sizeof(__u64) == sizeof(pc_inspect_stats));

void add(pc_inspect_stats& sum, const pc_inspect_stats& more) {
    std::array<__u64, words> to{};
    std::array<__u64, words> from{};
    memcpy(to.data(), &sum, sizeof(sum));
    memcpy(from.data(), &more, sizeof(more));
    for (size_t i = 0; i < words; ++i) {
        to[i] += from[i];
    }
    memcpy(&sum, to.data(), sizeof(sum));
}

} // namespace

void Counters::show() {
    const std::lock_guard lock(mutex_);
    shown_ = own_;
}

void Counters::add_to(AllStats& sum) const {
    const std::lock_guard lock(mutex_);
    for (size_t id = 0; id < sum.size(); ++id) {
        add(sum[id], shown_[id]);
    }
}

Result<CounterSum> CounterSum::load(MapStore& map) {
    CounterSum sum(map);
    for (uint32_t id = 0; id < PC_INSPECTS_MAX; ++id) {
        const std::vector<std::byte> value = TRY(map.get(bytes_of(id)));
        pc_inspect_stats& stats = sum.written_[id];
        if (value.size() != sizeof(stats)) {
            return Error{0, fmt::format("map insp_stats: a value has {} bytes", value.size())};
        }
        memcpy(&stats, value.data(), sizeof(stats));
        sum.before_[id] = stats;
        sum.before_[id].active = 0; // flows of an inspector that was killed
    }
    return sum;
}

Result<void> CounterSum::store(const std::vector<const Counters*>& workers) {
    AllStats now = before_;
    for (const Counters* worker : workers) {
        worker->add_to(now);
    }
    for (uint32_t id = 0; id < PC_INSPECTS_MAX; ++id) {
        if (memcmp(&now[id], &written_[id], sizeof(now[id])) != 0) {
            TRY(map_->put(bytes_of(id), bytes_of(now[id])));
            written_[id] = now[id];
        }
    }
    return {};
}

} // namespace pc::inspect
