// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/guard_decisions.h"

#include <algorithm>

#include <fmt/format.h>

namespace pc::daemon {
namespace {

using Kind = GuardAction::Kind;

bool overlap(const AddressList& list, const Prefix& prefix) {
    AddressList own;
    append(own, range_of(prefix));
    normalize(own);
    return without(own, list) != own;
}

// Three digits.
std::string rate_text(uint64_t pps) {
    if (pps < 1000) {
        return fmt::format("{} pps", pps);
    }
    const bool is_mega = pps >= 999500;
    const double rate = static_cast<double>(pps) / (is_mega ? 1e6 : 1e3);
    const int digits = rate < 9.995 ? 2 : rate < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f}{} pps", rate, digits, is_mega ? "M" : "k");
}

std::string time_text(uint32_t seconds) {
    constexpr uint32_t minute = 60;
    constexpr uint32_t hour = 60 * minute;
    constexpr uint32_t day = 24 * hour;
    if (seconds == 0) {
        return "good";
    }
    return seconds % day == 0      ? fmt::format("{}d", seconds / day)
           : seconds % hour == 0   ? fmt::format("{}h", seconds / hour)
           : seconds % minute == 0 ? fmt::format("{}m", seconds / minute)
                                   : fmt::format("{}s", seconds);
}

GuardAction action_about(const PlanGuard& guard, const GuardRate& rate, const GuardView& view,
                         size_t blocks) {
    GuardAction action{Kind::spare, rate.prefix, rate.pps, guard.block_for_s, {}};
    action.why =
        overlap(guard.except, rate.prefix) ? "[guard] except names it" : view.harm(rate.prefix);
    if (!action.why.empty()) {
        return action;
    }
    if (guard.mode != PC_GUARD_BLOCK) {
        action.kind = Kind::propose;
    } else if (blocks >= guard_blocks_max) {
        action.why = fmt::format("the guard blocks {} sources already", blocks);
    } else {
        action.kind = Kind::block;
    }
    return action;
}

} // namespace

std::vector<GuardAction> GuardDecisions::judge(const PlanGuard& guard,
                                               std::span<const GuardRate> rates,
                                               const GuardView& view) {
    std::erase_if(said_,
                  [&](const auto& each) { return view.now - each.second.at >= guard_silence_s; });
    std::vector<GuardAction> actions;
    size_t blocks = view.blocks;
    for (const GuardRate& rate : rates) {
        if (rate.pps <= guard.above_pps) {
            continue;
        }
        const auto said = said_.find(rate.prefix);
        const bool is_said = said != said_.end();
        // Nothing but a block is done twice in a minute.
        if (guard.mode != PC_GUARD_BLOCK && (is_said || said_.size() >= guard_words_max)) {
            continue;
        }
        if (view.is_blocked(rate.prefix)) {
            continue;
        }
        const GuardAction action = action_about(guard, rate, view, blocks);
        if (action.kind == Kind::block) {
            ++blocks;
        } else if ((is_said && said->second.action.kind == action.kind) ||
                   said_.size() >= guard_words_max) {
            continue;
        }
        said_[rate.prefix] = {action, view.now};
        actions.push_back(action);
    }
    return actions;
}

std::string guard_text(const GuardAction& action) {
    const std::string prefix = to_string(action.prefix);
    const std::string rate = rate_text(action.pps);
    switch (action.kind) {
    case Kind::propose:
        return fmt::format("proposed: block {} for {} ({})", prefix, time_text(action.block_for_s),
                           rate);
    case Kind::block:
        return fmt::format("blocked {} for {} ({})", prefix, time_text(action.block_for_s), rate);
    case Kind::spare:
        break;
    }
    return fmt::format("not blocked: {} ({}): {}", prefix, rate, action.why);
}

} // namespace pc::daemon
