// SPDX-License-Identifier: GPL-3.0-or-later
// The rules of a plan as the kernel looks them up (ARCHITECTURE.md, "Classifier"): an image built
// whole for a commit, or edited while packets use it. Knows nothing of the kernel: where the image
// lies and when no packet is at hand is its owner's business.
#pragma once

#include <memory>

#include "rules/family_tables.h"
#include "rules/growth.h"
#include "rules/plan.h"
#include "rules/timed_range.h"

namespace pc {

class Classifier {
public:
    // `seed` is random. E2BIG: the rules are too many or too different.
    [[nodiscard]] static Result<std::unique_ptr<Classifier>>
    build(const Plan& plan, const std::vector<TimedRange>& dynamic, uint64_t seed);

    // The bytes that the image needs, and with room for edits.
    [[nodiscard]] size_t used() const { return image_->used(); }

    [[nodiscard]] size_t wanted() const;

    // Puts the image where packets will find it; `base` is where that is in the arena.
    [[nodiscard]] Result<void> move_to(std::span<std::byte> memory, uint32_t base);

    // The same bytes are here now.
    void follow(std::span<std::byte> memory);

    // Fills in the classifier's part of a generation's head.
    void describe(pc_generation& head) const;

    // From now on packets use the image by this head: edits are published in it.
    void bind(pc_generation& live);

    // Edits the live image so that it means `plan`. All of it holds from one store on; until then,
    // and if this fails, packets see what they saw. ENOSPC or EXDEV: not by an edit, build anew.
    [[nodiscard]] Result<void> update(const Plan& plan, const Judge& judge = {});

    // The addresses of `range` and the dynamic entries that hold any of them, in both directions.
    [[nodiscard]] Result<void> update_dynamic(Family family, const WideRange& range,
                                              const std::vector<TimedRange>& entries);

    // Once no packet is at hand that was when the last edit was published: what it replaced goes.
    void settle();

    [[nodiscard]] bool unsettled() const { return unsettled_; }

    [[nodiscard]] const FamilyTables& tables(Family family) const {
        return family == Family::v4 ? *v4_ : *v6_;
    }

    [[nodiscard]] const Image& image() const { return *image_; }

    // What records refer to by number.
    [[nodiscard]] EntryLists lists() const {
        return {.numbers = number_sets_, .bytes = byte_sets_};
    }

    [[nodiscard]] const std::vector<PlanList>& address_lists() const { return lists_; }

    [[nodiscard]] uint32_t record_table() const { return record_table_; }

    [[nodiscard]] uint32_t epoch() const { return epoch_; }

    [[nodiscard]] uint64_t seed() const { return seed_; }

    // A rule where it is.
    struct Placed {
        uint32_t id = 0;
        uint32_t slot = 0; // of its record
        uint32_t priority = 0;
        pc_record record{};
        std::vector<std::pair<Family, EntryPlace>> entries;
    };

    // In their order.
    [[nodiscard]] const std::vector<std::unique_ptr<Placed>>& rules() const { return rules_; }

private:
    struct Staged;

    explicit Classifier(uint64_t seed);

    [[nodiscard]] Result<void> fill(const Plan& plan, const std::vector<TimedRange>& dynamic);
    [[nodiscard]] Result<void> fill_sets(const Plan& plan);
    [[nodiscard]] Result<void> fill_records(const Plan& plan);
    [[nodiscard]] Result<void> fill_family(const Plan& plan, Family family);

    [[nodiscard]] FamilyTables& family_tables(Family family) {
        return family == Family::v4 ? *v4_ : *v6_;
    }

    [[nodiscard]] Result<void> update_side(Family family, Side side, const WideRange& range,
                                           const std::vector<TimedRange>& entries);
    [[nodiscard]] Result<uint32_t> timed_leaf(Family family, Side side, uint32_t leaf,
                                              const std::vector<TimedRange>& entries);
    [[nodiscard]] Result<void> fill_dynamic(Family family, const std::vector<TimedRange>& dynamic);
    // The plan's records by the numbers that lists have here; none: they are the same.
    [[nodiscard]] Result<std::vector<pc_record>> translate(const Plan& plan,
                                                           std::vector<uint16_t>& lists);
    [[nodiscard]] Result<void> translate_sets(const Plan& plan, std::vector<uint16_t>& numbers,
                                              std::vector<uint16_t>& bytes);
    [[nodiscard]] Result<void> check_dynamic(const PlanList& list, uint16_t number) const;
    [[nodiscard]] Result<void> update_lists(const Plan& plan, std::vector<uint16_t>& numbers);
    [[nodiscard]] Result<void> edit_lists(const Plan& plan, const std::vector<uint16_t>& numbers);
    [[nodiscard]] Result<void> stage_rules(const std::vector<pc_record>& records,
                                           Staged& staged) const;
    [[nodiscard]] bool asked_lists_change(const Plan& plan,
                                          const std::vector<uint16_t>& numbers) const;
    [[nodiscard]] Result<void> give_priorities(Staged& staged) const;
    [[nodiscard]] Result<void> stage_insert(Placed& rule);
    [[nodiscard]] Growth growth_of(const Staged& staged) const;
    [[nodiscard]] Growth list_growth(const Plan& plan, const std::vector<uint16_t>& numbers) const;
    [[nodiscard]] Result<uint32_t> free_slot(uint32_t id);
    void write_record(uint32_t slot, const pc_record& record);
    void undo(Staged& staged);
    void settle_young();
    void publish(Staged& staged);
    void splice_records(const Staged& staged);

    std::unique_ptr<Image> image_;
    uint64_t seed_;
    uint32_t base_ = 0;
    uint32_t epoch_ = 1;
    std::optional<FamilyTables> v4_, v6_;
    std::vector<std::unique_ptr<Placed>> rules_;
    std::vector<pc_record> records_; // of these, beside each other: to be compared
    std::vector<PlanList> lists_;
    std::vector<uint16_t> list_numbers_; // of lists_, by the number in the plan that holds
    std::vector<pc_number_set> number_sets_;
    std::vector<pc_byte_set> byte_sets_;
    std::vector<std::vector<MacAddress>> mac_lists_;
    uint32_t record_table_ = 0, number_table_ = 0, byte_table_ = 0, mac_table_ = 0;
    size_t records_max_ = 0, numbers_max_ = 0, bytes_max_ = 0;
    std::set<uint32_t> free_slots_;              // records that no rule and no packet uses
    std::vector<std::unique_ptr<Placed>> dying_; // no longer hold, but are found: until settle()
    std::vector<std::unique_ptr<Placed>> dead_;  // no longer found: until the one after
    std::vector<uint32_t> young_; // ids of rules that are still asked for their birth
    uint32_t flags_ = 0;
    pc_generation plan_head_{};
    std::vector<pc_limit> plan_limits_;
    pc_generation* live_ = nullptr;
    bool unsettled_ = false;
};

} // namespace pc
