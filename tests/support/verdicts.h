// SPDX-License-Identifier: GPL-3.0-or-later
// The two sides of every comparison of the classifier: the rules that the oracle says match, and
// those that the kernel's look-up finds; and rules that change while a classifier is live.
#pragma once

#include "tests/support/host_lookup.h"
#include "tests/support/random_rules.h"

namespace pc::test {

// Of the environment, for longer runs.
[[nodiscard]] uint64_t number_from(const char* variable, uint64_t otherwise);

// "count1 count2 deciding " or "(block)".
[[nodiscard]] std::string expected(const RandomCase& world, const Packet& packet);
[[nodiscard]] std::string found(const HostClassifier& host, const Plan& plan, const Packet& packet,
                                uint64_t jiffies = 0);

// A shape that depends on the seed.
[[nodiscard]] RandomCase world_of(uint64_t seed, size_t rules_max);

// An entry of a dynamic set.
struct DynamicEntry {
    std::string set;
    AddressRange range;
    uint64_t deadline = 0; // jiffies; UINT64_MAX: for good
};

// As the daemon says it: in every list of the plan that names the set.
[[nodiscard]] std::vector<TimedRange> timed_ranges(const Plan& plan,
                                                   const std::vector<DynamicEntry>& entries);
[[nodiscard]] WideRange wide(const AddressRange& range);

// Rules that are changed at random, and a classifier that follows them.
class LiveRules {
public:
    enum class Change : uint8_t { insert, remove, replace, reorder, list, set, defaults, kinds };

    // `dynamic`: how many rules name a dynamic set, "dyn0" or "dyn1".
    LiveRules(RandomCase world, uint64_t seed, size_t dynamic = 0);

    // To the rules only.
    void change(Change what);

    // To the rules and the classifier: by an edit, or built anew if that is refused.
    void commit();

    // Adds, prolongs or ends an entry of a dynamic set, and edits the classifier.
    void change_dynamic();

    void settle() { host_.classifier().settle(); }

    void pass_time(uint64_t jiffies);

    // Asks so many packets; the first difference, or an empty string.
    [[nodiscard]] std::string first_difference(size_t packets);

    [[nodiscard]] const RandomCase& world() const { return world_; }

    [[nodiscard]] const Plan& plan() const { return plan_; }

    [[nodiscard]] HostClassifier& host() { return host_; }

    [[nodiscard]] Dice& dice() { return dice_; }

    struct Counts {
        size_t edits = 0;
        size_t anew = 0;
        size_t dynamic_edits = 0;
        size_t dynamic_anew = 0;
        std::map<std::string, size_t> reasons; // of builds
    } counts;

private:
    void renumber();
    void build();
    void change_items(std::vector<AddressItem>& items);
    void replace_part(Match& match, const Match& from);

    RandomCase world_;
    Dice dice_;
    std::vector<Rule> spare_;
    std::vector<DynamicEntry> entries_;
    uint64_t now_ = 0;
    uint64_t names_ = 0;
    Plan plan_;
    HostClassifier host_;
};

} // namespace pc::test
