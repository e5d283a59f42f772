// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/plan_flows.h"

#include <algorithm>

#include "rules/resolve.h"

namespace pc {

namespace {

constexpr uint64_t millisecond = 64'000'000; // in 64ths of a nanosecond
constexpr uint64_t coarse_from = 40 * millisecond;
constexpr uint64_t jiffies_in_tick = 1ULL << PC_FLOW_TICK_SHIFT;

// Rounded up: a flow lives at least as long as was written.
uint32_t ticks(uint64_t seconds, uint32_t hz) {
    return static_cast<uint32_t>((seconds * hz + jiffies_in_tick - 1) / jiffies_in_tick);
}

pc_limit limit_of(const Limit& from, uint32_t stable) {
    pc_limit limit{};
    const uint64_t burst = from.burst.value_or(default_burst(from.rate));
    limit.interval = interval_of(from.rate);
    limit.burst = burst_time(from.rate, burst);
    limit.coarse = limit.burst >= coarse_from ? 1 : 0;
    limit.stable = stable;
    limit.per = static_cast<uint8_t>(from.per);
    limit.of = static_cast<uint8_t>(from.rate.of);
    limit.over = static_cast<uint8_t>(from.over);
    if (from.over == Limit::Over::mark) {
        limit.mark = from.mark.value;
        limit.mark_mask = from.mark.mask;
    }
    if (from.per == Limit::Per::src || from.per == Limit::Per::src_dst) {
        limit.src4 = from.src.v4;
        limit.src6 = from.src.v6;
    }
    if (from.per == Limit::Per::dst || from.per == Limit::Per::src_dst) {
        limit.dst4 = from.dst.v4;
        limit.dst6 = from.dst.v6;
    }
    return limit;
}

bool follows_flows(const RuleSet& rules, const Plan& plan) {
    // A guard that blocks must not take the answers of a server for a flood.
    return rules.flows.written || rules.guard.syn_protect != PC_SYN_PROTECT_OFF ||
           rules.guard.sources == PC_GUARD_BLOCK || plan.generation.inspect_peek != 0 ||
           std::any_of(rules.zones.begin(), rules.zones.end(),
                       [](const Zone& zone) { return zone.established; }) ||
           std::any_of(plan.records.begin(), plan.records.end(), [&](const pc_record& record) {
               return record.states != PC_STATES_ALL || (record.flags & PC_KEEP_FLOWS) != 0 ||
                      plan.limits[record.limit].of == PC_LIMIT_FLOWS;
           });
}

void fill_policy(const RuleSet& rules, const Environment& environment, Plan& plan) {
    const Flows& flows = rules.flows;
    pc_flow_policy& policy = plan.generation.flows;
    plan.generation.flags |= PC_GEN_FLOWS;
    for (size_t i = 0; i < rules.zones.size(); i++) {
        policy.established_zones |= rules.zones[i].established ? 1ULL << plan.zones[i].id : 0;
    }
    if (flows.new_rate.count != 0) {
        policy.new_interval = interval_of(flows.new_rate);
        policy.new_burst = burst_time(
            flows.new_rate, std::max<uint64_t>(1, flows.new_rate.count / flows.new_rate.seconds));
    }
    for (size_t state = 0; state < PC_FLOW_STATES; state++) {
        policy.timeouts[state] = ticks(flows.timeouts_s.at(state), environment.hz);
    }
    policy.per_source = per_source_of(flows);
    policy.loose = flows.loose ? 1 : 0;
    policy.syn_protect = static_cast<uint8_t>(rules.guard.syn_protect);
    policy.syn_trigger = rules.guard.syn_trigger;
    plan.flows_log = static_cast<pc_log>(flows.log);
}

// Outside is where the operator lets nothing in unasked. Who says so of no zone has no inside.
bool drops_by_default(const RuleSet& rules, const Zone& zone) {
    return zone.default_action.value_or(rules.defaults.action) != Action::accept;
}

Result<void> fill_guard(const RuleSet& rules, const Environment& environment, Plan& plan) {
    const Guard& guard = rules.guard;
    pc_flow_policy& policy = plan.generation.flows;
    policy.guard = static_cast<uint8_t>(guard.sources);
    policy.guard_prefix4 = guard.prefix.v4;
    policy.guard_prefix6 = guard.prefix.v6;
    policy.guard_all = std::none_of(rules.zones.begin(), rules.zones.end(), [&](const Zone& zone) {
        return drops_by_default(rules, zone);
    });
    plan.guard.mode = guard.sources;
    plan.guard.above_pps =
        std::max<uint64_t>(1, guard.sources_above.count / guard.sources_above.seconds);
    plan.guard.block_for_s = guard.block_for_s;
    if (!guard.except.empty()) {
        plan.guard.except = TRY(Resolver(rules, environment).addresses(guard.except));
    }
    return {};
}

} // namespace

std::optional<std::vector<uint32_t>> stable_ids(const std::vector<std::string_view>& names,
                                                const RuleIds& previous, uint32_t ids_max) {
    // Ids of names that are gone stay taken: the generation before still counts on them.
    std::vector<bool> taken(ids_max);
    taken[0] = true;
    for (const auto& [name, id] : previous) {
        if (id < ids_max) {
            taken[id] = true;
        }
    }
    std::vector<bool> given(ids_max);
    given[0] = true;
    std::vector<uint32_t> ids(names.size());
    for (size_t i = 0; i < names.size(); i++) {
        const auto known = previous.find(names[i]);
        if (known != previous.end() && known->second < ids_max && !given[known->second]) {
            ids[i] = known->second;
            given[ids[i]] = true;
        }
    }
    uint32_t next = 1;
    for (uint32_t& id : ids) {
        if (id != 0) {
            continue;
        }
        while (next < ids_max && taken[next]) {
            next++;
        }
        if (next == ids_max) {
            return std::nullopt;
        }
        id = next++;
    }
    return ids;
}

std::optional<std::vector<uint32_t>> kept_ids(const std::vector<std::string_view>& names,
                                              const RuleIds& kept, uint32_t ids_max) {
    auto ids = stable_ids(names, kept, ids_max);
    if (!ids) {
        RuleIds wanted;
        for (const std::string_view name : names) {
            if (const auto known = kept.find(name); known != kept.end()) {
                wanted.insert(*known);
            }
        }
        ids = stable_ids(names, wanted, ids_max);
    }
    return ids;
}

Result<void> add_limits(const RuleSet& rules, const RuleIds& previous, Plan& plan) {
    std::vector<std::string_view> names;
    for (const Limit& limit : rules.limits) {
        names.push_back(limit.name);
    }
    const auto ids = kept_ids(names, previous, PC_LIMITS_MAX);
    if (!ids) {
        return Error{.err = 0,
                     .message = std::to_string(names.size()) + " limits; the limit is " +
                                std::to_string(PC_LIMITS_MAX - 1)};
    }
    plan.limits.assign(1, pc_limit{});
    plan.limit_names.assign(1, PlanLimit{});
    for (size_t i = 0; i < rules.limits.size(); i++) {
        plan.limits.push_back(limit_of(rules.limits[i], (*ids)[i]));
        plan.limit_names.push_back({.name = rules.limits[i].name, .id = (*ids)[i]});
    }
    return {};
}

uint16_t limit_number(const Plan& plan, std::string_view name) {
    for (size_t i = 1; i < plan.limit_names.size(); i++) {
        if (plan.limit_names[i].name == name) {
            return static_cast<uint16_t>(i);
        }
    }
    return 0;
}

Result<void> add_flows(const RuleSet& rules, const Environment& environment, Plan& plan) {
    plan.flows_max = rules.flows.max;
    if (follows_flows(rules, plan)) {
        fill_policy(rules, environment, plan);
    }
    if (rules.guard.sources != PC_GUARD_OFF) {
        TRY(fill_guard(rules, environment, plan));
    }
    return {};
}

} // namespace pc
