// SPDX-License-Identifier: GPL-3.0-or-later
// The most expensive packet that is possible under a classifier: over all packets, how many buckets
// the look-up reads and how many rules' records it asks. Both count one look-up that nothing ends
// early; each rule that matches and only counts or marks makes one more. Edits may leave what no
// rule needs in the rows: that counts too, and so does all that dynamic sets may come to hold.
#pragma once

#include "rules/cost_reach.h"
#include "rules/diagnostic.h"

namespace pc {

// Up to so many rules are named as those that make packets expensive.
inline constexpr size_t blamed_max = 8;

struct FamilyCost {
    uint32_t buckets = 0; // no packet reads more
    uint32_t records = 0; // no packet asks more
    // A packet was found that costs this: where it is the same, the number above is exact.
    uint32_t buckets_found = 0;
    uint32_t records_found = 0;
    uint32_t tuples = 0; // no packet has more candidates
    uint32_t longest_chain = 0;
    CostPacket worst;            // the one of buckets_found
    std::vector<uint32_t> rules; // ids: what the buckets are read for, the longest chains first

    bool operator==(const FamilyCost&) const = default;
};

struct ClassifierCost {
    FamilyCost v4, v6;

    [[nodiscard]] const FamilyCost& of(Family family) const {
        return family == Family::v4 ? v4 : v6;
    }

    [[nodiscard]] uint32_t buckets() const { return std::max(v4.buckets, v6.buckets); }

    bool operator==(const ClassifierCost&) const = default;
};

// How long is looked for what is exact. Until then the answer is a bound: no packet costs more.
enum class CostEffort : uint8_t {
    usual,    // some 10 ms for 10,000 rules
    thorough, // seconds: before rules are refused
};

[[nodiscard]] ClassifierCost cost_of(const Classifier& classifier,
                                     CostEffort effort = CostEffort::usual);

// Of rules that do not run: thoroughly, if that can bring it below the budget. A classifier is
// built for it, always the same one.
[[nodiscard]] Result<ClassifierCost> cost_of_new(const Plan& plan, uint32_t budget);

// No packet costs more after it.
[[nodiscard]] ClassifierCost grown(const ClassifierCost& before, const Growth& growth);

// "worst packet: 14 buckets, 9 records (IPv4), at most 6, 4 (IPv6)"
[[nodiscard]] std::string to_string(const ClassifierCost& cost);

// An error if a packet may read more buckets than [safety] lookup_budget.
[[nodiscard]] std::optional<Diagnostic> over_budget(const ClassifierCost& cost,
                                                    const RuleSet& rules, const Plan& plan);

} // namespace pc
