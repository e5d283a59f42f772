// SPDX-License-Identifier: GPL-3.0-or-later
// The two generations in the kernel: a commit either edits the one that packets use, by one store,
// or is built beside it and then one store makes packets use that. Whatever fails before that store
// leaves what packets see as it was.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <set>

#include "ctl/daemon/generation_maps.h"
#include "ctl/daemon/zones.h"
#include "ctl/kern/kernel_maps.h"
#include "rules/cost.h"

namespace pc::daemon {

// What else stands in the control word's neighbours.
struct InspectorWiring {
    uint32_t bypass_mark = 0;
    uint32_t veth = 0; // 0: not set up
    MacAddress mac;

    bool operator==(const InspectorWiring&) const = default;
};

// Whether rules that cost this much may run; the Error says why not. Not set: they may.
using CostJudge = std::function<Result<void>(const ClassifierCost& cost)>;

class Generations {
public:
    explicit Generations(GenerationMaps maps) : maps_(std::move(maps)) {}

    // Reads what an earlier process left: which slot is active, who owns which rule id. What
    // exactly the slots hold is not known then, and all of it is written the next time.
    [[nodiscard]] Result<void> adopt();

    // Before anything was ever staged: packets on interfaces that are being attached meet no rules.
    [[nodiscard]] Result<void> accept_everything(const pc_generation& head);

    // Of the active generation; 0: none was ever written.
    [[nodiscard]] Result<uint64_t> active_number() const;

    // For compile().
    [[nodiscard]] const RuleIds& ids() const;
    [[nodiscard]] const KeptIds& kept_ids() const;

    // The counter slots of these interfaces in the active generation.
    [[nodiscard]] Result<InterfaceSlots> slots_of(const std::vector<Link>& links) const;

    // `dynamic` is of the plan's lists.
    [[nodiscard]] Result<void> stage(std::shared_ptr<const Plan> plan, uint64_t number,
                                     const ZonesOnLinks& zones,
                                     const std::vector<TimedRange>& dynamic,
                                     const CostJudge& judge = {});

    // The commit of what was staged.
    [[nodiscard]] Result<void> flip(const InspectorWiring& wiring);

    // Commits the plan by an edit of the generation that packets use. EXDEV or ENOSPC: it has to be
    // staged.
    [[nodiscard]] Result<void> edit(std::shared_ptr<const Plan> plan, uint64_t number,
                                    const ZonesOnLinks& zones, const CostJudge& judge = {});

    // Which dynamic entries hold any of this range, now and from now on. As edit().
    [[nodiscard]] Result<void> edit_dynamic(Family family, const WideRange& range,
                                            const std::vector<TimedRange>& entries);

    // No more edits of what packets use: the next commit is staged.
    void forget() { slots_[active_].plan = nullptr; }

    // Frees what edits have replaced, if there is anything: waits for packets.
    [[nodiscard]] Result<void> settle();

    // What packets use; null if an earlier process wrote it.
    [[nodiscard]] std::shared_ptr<const Plan> plan() const { return slots_[active_].plan; }

    [[nodiscard]] const Classifier* classifier() const { return slots_[active_].classifier.get(); }

    [[nodiscard]] Result<size_t> arena_size() const;
    // What packets may cost. After edits it is a bound until this is asked; none: not known.
    [[nodiscard]] std::optional<ClassifierCost> cost() const;

    // The same, or a bound that is at hand.
    [[nodiscard]] const std::optional<ClassifierCost>& known_cost() const;

private:
    struct Slot {
        std::shared_ptr<const Plan> plan; // null: contents not known
        std::set<uint32_t> ifaces;        // the entries that are not zero
        InterfaceTables tables;
        std::unique_ptr<Classifier> classifier;
        mutable std::optional<ClassifierCost> cost;
        mutable bool grown = false; // `cost` is what it was, and what edits have added at most
    };

    [[nodiscard]] Result<pc_control> control() const;
    [[nodiscard]] Result<void> put_control(const pc_control& control);
    [[nodiscard]] Result<pc_generation*> head(uint32_t slot) const;
    [[nodiscard]] Result<uint32_t> room_for(size_t bytes);
    [[nodiscard]] Result<void> grow(size_t bytes);
    [[nodiscard]] static Result<void> judge_edit(Slot& slot, const Growth& growth,
                                                 const CostJudge& judge);
    [[nodiscard]] Result<void> stage_image(Slot& slot, std::unique_ptr<Classifier> classifier);
    [[nodiscard]] Result<void> stage_interfaces(const ZonesOnLinks& zones, Slot& slot, bool known);
    [[nodiscard]] Result<void> stage_head(const Plan& plan, uint64_t number, Slot& slot);
    [[nodiscard]] Result<void> claim_ids(const Plan& plan);
    [[nodiscard]] Result<void> claim_slots(const InterfaceSlots& slots);
    [[nodiscard]] Result<void> stage_limits(const Plan& plan);
    [[nodiscard]] Result<void> stage_names(const Plan& plan);
    [[nodiscard]] Result<void> adopt_kept();

    [[nodiscard]] uint32_t inactive() const { return 1 - active_; }

    void judge_flows_again(pc_generation& live);

    GenerationMaps maps_;
    uint32_t active_ = 0;
    std::array<Slot, PC_GENERATIONS> slots_;
    RuleIds ids_;            // of the active generation
    InterfaceSlots claimed_; // counter slots of the active generation
    KeptIds kept_; // that have an owner: an id is its name's for good, as long as there are others
    RuleIds staged_ids_;
    InterfaceSlots staged_slots_;
    bool staged_ = false;
    uint32_t judgement_ = 0; // pc_flow_policy.judgement, the last one given
};

} // namespace pc::daemon
