// SPDX-License-Identifier: GPL-3.0-or-later
// Text to running rules, all or nothing: parse, check, compile; write the inactive generation;
// attach the interfaces that are new; flip; detach those that left. A failure before the flip
// leaves what packets meet as it was.
#pragma once

#include <cerrno>

#include "ctl/daemon/generations.h"
#include "ctl/kern/xdp_filter.h"
#include "rules/parse.h"

namespace pc::daemon {

// What became of a configuration before the kernel is asked.
struct Candidate {
    RuleSet rules;
    Diagnostics diagnostics;
    std::string text;                   // the diagnostics, rendered
    std::shared_ptr<const Plan> plan;   // null: there are errors
    std::optional<ClassifierCost> cost; // by judge_cost()

    [[nodiscard]] bool ok() const { return plan != nullptr; }
};

// `files` is the whole configuration, the main file first; set files come from disk.
[[nodiscard]] Candidate prepare(const std::vector<SourceFile>& files,
                                const Environment& environment, const RuleIds& ids,
                                const Progress& progress = {}, const KeptIds& kept = {});

// What packets would cost; an error if that is over the budget. Builds a classifier for it.
void judge_cost(Candidate& candidate);

// The same of rules whose cost is known: the Error's message is what to print.
[[nodiscard]] Result<void> judge_cost(const ClassifierCost& cost, const RuleSet& rules,
                                      const Plan& plan);

// errno of that Error: not the router's failure, but the configuration's.
inline constexpr int err_over_budget = EDQUOT;

// How interfaces are attached. Outside of tests: the Datapath.
struct Attaching {
    std::function<Result<Attachment>(const WantedInterface&)> attach;
    std::function<Result<void>(uint32_t ifindex)> detach;
};

struct InterfaceState {
    WantedInterface wanted;
    std::optional<Attachment> attachment; // none: see `problem`
    std::string problem;
};

enum class OnAttachError : uint8_t {
    refuse, // a commit: nothing changes
    go_on,  // start, and interfaces that come by themselves: the others are attached
};

class Applier {
public:
    Applier(GenerationMaps maps, Attaching attaching)
        : generations_(std::move(maps)), attaching_(std::move(attaching)) {}

    [[nodiscard]] Generations& generations() { return generations_; }

    [[nodiscard]] const Generations& generations() const { return generations_; }

    struct Change {
        std::shared_ptr<const Plan> plan;
        uint64_t number = 0;
        std::vector<Link> links;
        InspectorWiring wiring;
        std::vector<TimedRange> dynamic; // of the plan's lists
        OnAttachError on_error = OnAttachError::refuse;
        Progress progress = {};
        CostJudge judge = {};
    };

    // By an edit of what packets use if that is enough; else by a new generation.
    [[nodiscard]] Result<void> apply(const Change& change);

    // By ifindex; what is wanted, attached or not.
    [[nodiscard]] const std::map<uint32_t, InterfaceState>& interfaces() const {
        return interfaces_;
    }

    // Interfaces over a limit, and what failed after the flip.
    [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

private:
    using States = std::map<uint32_t, InterfaceState>;

    [[nodiscard]] bool edits(const Change& change, const ZonesOnLinks& zones);
    [[nodiscard]] Result<States> attach_wanted(const ZonesOnLinks& zones, OnAttachError on_error);
    void detach_left(const States& now);

    Generations generations_;
    Attaching attaching_;
    States interfaces_;
    std::optional<InspectorWiring> wiring_; // of the last flip
    std::vector<std::string> problems_;
};

} // namespace pc::daemon
