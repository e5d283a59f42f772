// SPDX-License-Identifier: GPL-3.0-or-later
// show limits, show guard.
#include <array>
#include <cstring>
#include <ctime>

#include "ctl/daemon/limit_counters.h"
#include "ctl/daemon/methods.h"
#include "ctl/daemon/parameters.h"

namespace pc::daemon::methods {
namespace {

constexpr uint64_t sources_default = 10;

constexpr std::array<uint32_t, 5> guard_reasons{PC_REASON_FLOW_BUDGET, PC_REASON_FLOW_SOURCE,
                                                PC_REASON_FLOW_FULL, PC_REASON_SYN_ANSWERED,
                                                PC_REASON_SYN_COOKIE};

// As pc_limit_set.due.
uint64_t limit_time() {
    timespec now{};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); // ignoring: this clock always exists
    const auto ns =
        static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
    return ns << PC_LIMIT_UNIT_SHIFT;
}

Result<TokenBuckets> buckets_in(const Datapath& datapath) {
    const std::span<std::byte> bytes = TRY(datapath.map("limit_sets").memory());
    return count_buckets(
        {reinterpret_cast<pc_limit_set*>(bytes.data()), bytes.size() / sizeof(pc_limit_set)},
        limit_time());
}

const char* syn_word(uint8_t mode) {
    return mode == PC_SYN_PROTECT_ON ? "on" : mode == PC_SYN_PROTECT_AUTO ? "auto" : "off";
}

const char* guard_word(uint8_t mode) {
    return mode == PC_GUARD_BLOCK ? "block" : mode == PC_GUARD_LOG ? "log" : "off";
}

Result<Json> syn_object(const Context& context, const pc_flow_policy& policy) {
    const Datapath& datapath = context.firewall.datapath();
    const uint32_t zero = 0;
    const auto bytes = TRY(datapath.map("flow_globals").get(bytes_of(zero)));
    pc_flow_globals globals{};
    std::memcpy(&globals, bytes.data(), std::min(bytes.size(), sizeof(globals)));
    const FlowClock clock = TRY(context.flows.clock());
    const double left_s = globals.armed_until == 0 ? -1 : -clock.age_s(globals.armed_until);
    return Json{{"mode", syn_word(policy.syn_protect)},
                {"trigger", policy.syn_trigger},
                {"half_open", globals.half_open},
                {"armed", policy.syn_protect == PC_SYN_PROTECT_ON || left_s >= 0},
                {"armed_s", left_s >= 0 ? Json(left_s) : Json()},
                {"armed_times", globals.armed_times}};
}

const char* action_word(GuardAction::Kind kind) {
    return kind == GuardAction::Kind::propose ? "propose"
           : kind == GuardAction::Kind::block ? "block"
                                              : "spare";
}

Json sources_object(const SourceGuard& guard, const Plan& plan, uint64_t limit) {
    Json heaviest = Json::array();
    for (const GuardRate& rate : guard.rates()) {
        if (heaviest.size() >= limit) {
            break;
        }
        heaviest.push_back({{"prefix", to_string(rate.prefix)}, {"pps", rate.pps}});
    }
    Json said = Json::array();
    for (const auto& [prefix, each] : guard.decisions().said()) {
        said.push_back({{"prefix", to_string(prefix)},
                        {"action", action_word(each.action.kind)},
                        {"pps", each.action.pps},
                        {"block_for_s", each.action.block_for_s},
                        {"why", each.action.why},
                        {"text", guard_text(each.action)}});
    }
    return Json{{"mode", guard_word(static_cast<uint8_t>(plan.guard.mode))},
                {"above_pps", plan.guard.above_pps},
                {"block_for_s", plan.guard.block_for_s},
                {"blocks", guard.blocks()},
                {"blocks_max", guard_blocks_max},
                {"heaviest", std::move(heaviest)},
                {"actions", std::move(said)}};
}

} // namespace

Answer show_limits(const Context& context, const Parameters&) {
    const Datapath& datapath = context.firewall.datapath();
    const auto& plan = context.firewall.running().plan;
    const auto limits = TRY(read_limits(plan ? *plan : Plan(), datapath.map("limit_counters")));
    const TokenBuckets buckets = TRY(buckets_in(datapath));
    Json list = Json::array();
    for (const SeenLimit& limit : limits) {
        list.push_back(limit_object(limit));
    }
    return Json{{"limits", std::move(list)},
                {"buckets", {{"busy", buckets.busy}, {"capacity", buckets.capacity}}}};
}

Answer show_guard(const Context& context, const Parameters& parameters) {
    const Firewall& firewall = context.firewall;
    const uint64_t limit = TRY(number_parameter(parameters, "limit")).value_or(sources_default);
    const Plan none;
    const Plan& plan = firewall.running().plan ? *firewall.running().plan : none;
    Json reasons = Json::array();
    const HitClock clock = hit_clock(firewall);
    for (const uint32_t reason : guard_reasons) {
        Json object{{"reason", std::string(reason_word(reason))}, {"drop", is_drop_reason(reason)}};
        add_count(object, TRY(read_counter(firewall.datapath().map("reasons"), reason)), clock);
        reasons.push_back(std::move(object));
    }
    return Json{{"syn_protect", TRY(syn_object(context, plan.generation.flows))},
                {"sources", sources_object(context.guard, plan, limit)},
                {"reasons", std::move(reasons)}};
}

} // namespace pc::daemon::methods
