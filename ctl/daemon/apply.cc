// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/apply.h"

#include <cerrno>

#include "ctl/files/files.h"
#include "rules/check.h"

namespace pc::daemon {
namespace {

constexpr std::string_view unchanged = "nothing was changed";

bool is_same_wish(const InterfaceState& state, const WantedInterface& wanted) {
    return state.attachment && state.wanted.name == wanted.name &&
           state.wanted.mode == wanted.mode && state.wanted.frags == wanted.frags;
}

} // namespace

Candidate prepare(const std::vector<SourceFile>& files, const Environment& environment,
                  const RuleIds& ids, const Progress& progress, const KeptIds& kept) {
    Candidate candidate;
    if (files.empty()) {
        candidate.text = "error: the configuration has no file; " + std::string(unchanged) + "\n";
        return candidate;
    }
    Parsed parsed = parse(files.front(), files::reader(files), progress);
    candidate.rules = std::move(parsed.rules);
    candidate.diagnostics = std::move(parsed.diagnostics);
    if (!candidate.diagnostics.has_errors()) {
        check(candidate.rules, environment, candidate.diagnostics, progress);
    }
    sort(candidate.diagnostics);
    const bool bad = candidate.diagnostics.has_errors();
    candidate.text = render(candidate.diagnostics, candidate.rules.files, bad ? unchanged : "");
    if (bad) {
        return candidate;
    }
    tell_progress(progress, Phase::compiling, 0, candidate.rules.rules.size());
    Result<Plan> plan = compile(candidate.rules, environment, ids, kept);
    if (!plan) {
        candidate.text += "error: " + plan.error().message + "; " + std::string(unchanged) + "\n";
        return candidate;
    }
    candidate.plan = std::make_shared<const Plan>(plan.take());
    return candidate;
}

void judge_cost(Candidate& candidate) {
    if (!candidate.ok()) {
        return;
    }
    const uint32_t budget = candidate.rules.safety.lookup_budget;
    auto cost = cost_of_new(*candidate.plan, budget);
    if (!cost) {
        candidate.text += "error: " + cost.error().message + "; " + std::string(unchanged) + "\n";
        candidate.plan = nullptr;
        return;
    }
    candidate.cost = cost.take();
    if (auto error = over_budget(*candidate.cost, candidate.rules, *candidate.plan)) {
        candidate.diagnostics.add(std::move(*error));
        sort(candidate.diagnostics);
        candidate.text = render(candidate.diagnostics, candidate.rules.files, unchanged);
        candidate.plan = nullptr;
    }
}

Result<void> judge_cost(const ClassifierCost& cost, const RuleSet& rules, const Plan& plan) {
    auto error = over_budget(cost, rules, plan);
    if (!error) {
        return {};
    }
    Diagnostics diagnostics;
    diagnostics.add(std::move(*error));
    return Error{err_over_budget, render(diagnostics, rules.files, unchanged)};
}

Result<void> Applier::apply(const Change& change) {
    const InterfaceSlots slots = TRY(generations_.slots_of(change.links));
    ZonesOnLinks zones = zones_on_links(*change.plan, change.links, slots, change.wiring.veth);
    if (edits(change, zones)) {
        problems_ = std::move(zones.problems);
        return {};
    }
    tell_progress(change.progress, Phase::loading, 0, change.plan->rules.size());
    TRY(generations_.stage(change.plan, change.number, zones, change.dynamic, change.judge));
    States now = TRY(attach_wanted(zones, change.on_error));
    auto flipped = generations_.flip(change.wiring);
    if (!flipped) {
        // What was attached for this commit goes again.
        for (const auto& [ifindex, state] : now) {
            if (state.attachment && !interfaces_.contains(ifindex)) {
                (void)attaching_.detach(ifindex); // ignoring: the error that counts is the first
            }
        }
        return flipped;
    }
    wiring_ = change.wiring;
    problems_ = std::move(zones.problems);
    detach_left(now);
    interfaces_ = std::move(now);
    return {};
}

// Only where the interfaces and the inspector stay as they are, and each is attached as it should.
bool Applier::edits(const Change& change, const ZonesOnLinks& zones) {
    if (wiring_ != change.wiring || zones.wanted.size() != interfaces_.size()) {
        return false;
    }
    for (const WantedInterface& wanted : zones.wanted) {
        const auto before = interfaces_.find(wanted.ifindex);
        if (before == interfaces_.end() || !is_same_wish(before->second, wanted) ||
            before->second.wanted != wanted) {
            return false;
        }
    }
    // Why not does not matter: then the rules are built anew.
    return generations_.edit(change.plan, change.number, zones, change.judge).ok();
}

Result<Applier::States> Applier::attach_wanted(const ZonesOnLinks& zones, OnAttachError on_error) {
    States now;
    std::vector<uint32_t> fresh;
    for (const WantedInterface& wanted : zones.wanted) {
        const auto before = interfaces_.find(wanted.ifindex);
        if (before != interfaces_.end() && is_same_wish(before->second, wanted)) {
            now[wanted.ifindex] = before->second;
            now[wanted.ifindex].wanted = wanted;
            continue;
        }
        InterfaceState state{wanted, std::nullopt, {}};
        Result<Attachment> attached = attaching_.attach(wanted);
        if (attached) {
            state.attachment = attached.take();
            if (before == interfaces_.end()) {
                fresh.push_back(wanted.ifindex);
            }
        } else if (on_error == OnAttachError::refuse && before == interfaces_.end()) {
            for (const uint32_t ifindex : fresh) {
                (void)attaching_.detach(ifindex); // ignoring: the error that counts is the first
            }
            return attached.error();
        } else {
            state.problem = attached.error().message;
            // What an earlier wish attached is still there.
            state.attachment =
                before != interfaces_.end() ? before->second.attachment : std::nullopt;
        }
        now[wanted.ifindex] = std::move(state);
    }
    return now;
}

void Applier::detach_left(const States& now) {
    for (const auto& [ifindex, state] : interfaces_) {
        if (!state.attachment || now.contains(ifindex)) {
            continue;
        }
        const auto detached = attaching_.detach(ifindex);
        if (!detached && detached.error().err != ENODEV) {
            problems_.push_back(detached.error().message);
        }
    }
}

} // namespace pc::daemon
