// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/limit_counters.h"

#include <algorithm>
#include <atomic>

#include <fmt/format.h>

namespace pc::daemon {
namespace {

constexpr double units_per_second = 1e9 * (1U << PC_LIMIT_UNIT_SHIFT);
constexpr double bytes_per_interval = 65536;

const char* of_word(uint8_t of) {
    return of == PC_LIMIT_BYTES ? "bytes" : of == PC_LIMIT_FLOWS ? "flows" : "packets";
}

const char* over_word(uint8_t over) {
    switch (over) {
    case PC_OVER_REJECT:
        return "reject";
    case PC_OVER_MARK:
        return "mark";
    case PC_OVER_LOG:
        return "log";
    default:
        return "drop";
    }
}

// "src/24,src6/56".
std::string side_words(const char* side, uint8_t v4, uint8_t v6) {
    return fmt::format("{0}/{1},{0}6/{2}", side, v4, v6);
}

} // namespace

Result<std::vector<SeenLimit>> read_limits(const Plan& plan, const MapStore& counters) {
    std::vector<SeenLimit> list;
    for (size_t id = 1; id < std::min(plan.limits.size(), plan.limit_names.size()); ++id) {
        const pc_limit& limit = plan.limits[id];
        list.push_back(
            {plan.limit_names[id].name, limit, TRY(read_limit_counter(counters, limit.stable))});
    }
    return list;
}

TokenBuckets count_buckets(std::span<pc_limit_set> sets, uint64_t now) {
    TokenBuckets buckets;
    buckets.capacity = sets.size() * PC_LIMIT_WAYS;
    for (pc_limit_set& set : sets) {
        for (size_t way = 0; way < PC_LIMIT_WAYS; ++way) {
            const bool is_used = std::atomic_ref<__u64>(set.key[way]).load() != 0;
            const bool is_due = std::atomic_ref<__u64>(set.due[way]).load() > now;
            buckets.busy += is_used && is_due ? 1 : 0;
        }
    }
    return buckets;
}

std::string limit_per(const pc_limit& limit) {
    const std::string src = side_words("src", limit.src4, limit.src6);
    const std::string dst = side_words("dst", limit.dst4, limit.dst6);
    switch (limit.per) {
    case PC_PER_SRC:
        return src;
    case PC_PER_DST:
        return dst;
    case PC_PER_SRC_DST:
        return src + "," + dst;
    case PC_PER_ZONE:
        return "zone";
    default:
        return "rule";
    }
}

protocol::Json limit_object(const SeenLimit& seen) {
    const pc_limit& limit = seen.limit;
    const double unit = limit.of == PC_LIMIT_BYTES ? bytes_per_interval : 1;
    const auto interval = static_cast<double>(limit.interval);
    const double rate = limit.interval == 0 ? 0 : units_per_second / interval * unit;
    const double burst =
        limit.interval == 0 ? 0 : static_cast<double>(limit.burst) / interval * unit;
    return {{"name", seen.name},
            {"per", limit_per(limit)},
            {"of", of_word(limit.of)},
            {"rate", rate},
            {"burst", burst},
            {"over", over_word(limit.over)},
            {"passed", {{"packets", seen.count.passed}, {"bytes", seen.count.passed_bytes}}},
            {"exceeded", {{"packets", seen.count.over}, {"bytes", seen.count.over_bytes}}}};
}

} // namespace pc::daemon
