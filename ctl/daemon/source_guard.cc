// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/source_guard.h"

#include <algorithm>
#include <atomic>
#include <ctime>

#include "ctl/daemon/guard_sources.h"
#include "ctl/daemon/own_addresses.h"

namespace pc::daemon {
namespace {

constexpr uint64_t second_ns = 1000000000;

uint64_t monotonic_ns() {
    timespec now{};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); // ignoring: this clock always exists
    return static_cast<uint64_t>(now.tv_sec) * second_ns + static_cast<uint64_t>(now.tv_nsec);
}

} // namespace

Result<void> SourceGuard::tick() {
    const auto plan = firewall_.running().plan;
    if (!plan || plan->guard.mode == PC_GUARD_OFF) {
        rates_.clear();
        decisions_.forget();
        began_ns_ = 0;
        return {};
    }
    TRY(read(plan->generation.flows));
    return decide(plan->guard);
}

// An epoch that is read is over: its counts are those of the time since it began. Packets between
// the reading and the store are lost to both.
Result<void> SourceGuard::read(const pc_flow_policy& policy) {
    const Datapath& datapath = firewall_.datapath();
    const std::span<std::byte> memory = TRY(datapath.map("flow_globals").memory());
    const std::atomic_ref<__u32> epoch(
        static_cast<pc_flow_globals*>(static_cast<void*>(memory.data()))->guard_epoch);
    const uint64_t now = monotonic_ns();
    rates_.clear();
    if (began_ns_ != 0 && now > began_ns_) {
        for (const GuardSource& source : TRY(guard_sources(
                 datapath.map("guard_top"), datapath.map("guard_sketch"), policy, epoch.load()))) {
            rates_.push_back({source.prefix, source.packets * second_ns / (now - began_ns_)});
        }
    }
    epoch.store(epoch.load() + 1);
    began_ns_ = now;
    return {};
}

Result<void> SourceGuard::decide(const PlanGuard& guard) {
    const DynamicClock clock = firewall_.clock();
    const DynamicEntries* entries = firewall_.dynamic_sets().find(std::string(blocks_set));
    std::vector<OwnRange> near;
    bool is_known = false;
    GuardView view;
    view.now = static_cast<int64_t>(began_ns_ / second_ns);
    const bool any = !rates_.empty() && rates_.front().pps > guard.above_pps;
    view.blocks = any ? blocks() : 0;
    // An operator's entry is not replaced by a shorter one.
    view.is_blocked = [&](const Prefix& prefix) {
        const auto* holder =
            firewall_.dynamic_sets().holder(std::string(blocks_set), prefix.address, clock);
        return (holder != nullptr && holder->first.length <= prefix.length) ||
               (entries != nullptr && entries->contains(prefix));
    };
    view.harm = [&](const Prefix& prefix) -> std::string {
        if (!is_known) {
            const Environment environment = firewall_.environment_now();
            near = near_addresses(firewall_.running().rules, environment);
            is_known = !environment.self.empty();
        }
        return is_known ? harm_to(near, prefix) : "this router's own addresses are not known";
    };
    Result<void> result;
    for (const GuardAction& action : decisions_.judge(guard, rates_, view)) {
        if (action.kind == GuardAction::Kind::block) {
            if (const auto blocked = block(action); !blocked) {
                result = blocked;
                continue;
            }
        }
        lines_.push_back("guard: " + guard_text(action));
    }
    return result;
}

Result<void> SourceGuard::block(const GuardAction& action) {
    const DynamicClock clock = firewall_.clock();
    const int64_t until =
        action.block_for_s == 0 ? 0 : clock.now + static_cast<int64_t>(action.block_for_s);
    const DynamicEntry entry{until, clock.now, guard_text(action), guard_who};
    return firewall_.dynamic_sets().add(std::string(blocks_set), action.prefix, entry, clock);
}

size_t SourceGuard::blocks() const {
    const DynamicEntries* entries = firewall_.dynamic_sets().find(std::string(blocks_set));
    return entries == nullptr ? 0
                              : static_cast<size_t>(std::count_if(
                                    entries->begin(), entries->end(),
                                    [](const auto& each) { return each.second.who == guard_who; }));
}

} // namespace pc::daemon
