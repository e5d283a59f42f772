// SPDX-License-Identifier: GPL-3.0-or-later
// Edits of a live image. A new rule's record is born, and an old one's dies, with the next epoch:
// until that is stored, packets see what they saw.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "rules/classifier.h"

namespace pc {

namespace {

// More changes than this are faster made by building anew.
constexpr size_t changes_max = 512;
constexpr uint64_t priority_gap = 1 << 12; // after the last rule

Error anew(const char* why) {
    return {.err = EXDEV, .message = why};
}

bool same(const pc_record& a, const pc_record& b) {
    return std::memcmp(&a, &b, sizeof(a)) == 0;
}

// All but the number and what describes the image.
bool same_head(const pc_generation& a, const pc_generation& b) {
    return a.sample_per_second == b.sample_per_second && a.fragments == b.fragments &&
           a.unparseable_accept == b.unparseable_accept && a.non_ip_accept == b.non_ip_accept &&
           a.log == b.log && a.flags == b.flags && a.datagram_zones == b.datagram_zones &&
           a.inspect_peek == b.inspect_peek &&
           std::memcmp(&a.flows, &b.flows, sizeof(a.flows)) == 0 &&
           std::equal(std::begin(a.zone_default), std::end(a.zone_default),
                      std::begin(b.zone_default)) &&
           std::equal(std::begin(a.inspect_on_down), std::end(a.inspect_on_down),
                      std::begin(b.inspect_on_down));
}

// Packets that are judged by the rules before the edit are charged to the limits of those.
bool same_limits(const std::vector<pc_limit>& a, const std::vector<pc_limit>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const pc_limit& one, const pc_limit& other) {
                          return std::memcmp(&one, &other, sizeof(one)) == 0;
                      });
}

// Which of the numbers, as few others as possible left out, are in rising order.
std::vector<bool> rising(const std::vector<size_t>& numbers) {
    std::vector<size_t> tails; // indexes: the smallest end of a rising run of each length
    std::vector<size_t> before(numbers.size(), SIZE_MAX);
    for (size_t i = 0; i < numbers.size(); i++) {
        const auto place =
            std::lower_bound(tails.begin(), tails.end(), numbers[i],
                             [&](size_t tail, size_t number) { return numbers[tail] < number; });
        if (place != tails.begin()) {
            before[i] = *std::prev(place);
        }
        if (place == tails.end()) {
            tails.push_back(i);
        } else {
            *place = i;
        }
    }
    std::vector<bool> kept(numbers.size());
    for (size_t i = tails.empty() ? SIZE_MAX : tails.back(); i != SIZE_MAX; i = before[i]) {
        kept[i] = true;
    }
    return kept;
}

} // namespace

// What an edit is made of, before it holds: the rules from `first` on, `old_count` of them, are
// replaced by `window`. Where that has no rule, the one of `from` stays.
struct Classifier::Staged {
    size_t first = 0;
    size_t old_count = 0;
    std::vector<std::unique_ptr<Placed>> window;
    std::vector<size_t> from;      // index of rules_
    std::array<size_t, 2> spare{}; // buckets of IPv4 and IPv6, before
};

// Only where the two lists differ is looked at more closely: mostly that is one rule.
Result<void> Classifier::stage_rules(const std::vector<pc_record>& records, Staged& staged) const {
    const size_t shorter = std::min(records.size(), rules_.size());
    while (staged.first < shorter && same(records_[staged.first], records[staged.first])) {
        staged.first++;
    }
    size_t tail = 0;
    while (tail < shorter - staged.first &&
           same(records_[records_.size() - 1 - tail], records[records.size() - 1 - tail])) {
        tail++;
    }
    staged.old_count = rules_.size() - staged.first - tail;
    const size_t new_count = records.size() - staged.first - tail;
    std::unordered_map<uint32_t, size_t> by_id;
    for (size_t i = staged.first; i < staged.first + staged.old_count; i++) {
        by_id.emplace(rules_[i]->id, i);
    }
    std::vector<size_t> same_new; // of the window
    std::vector<size_t> same_old; // of `rules_`
    for (size_t i = 0; i < new_count; i++) {
        const auto known = by_id.find(records[staged.first + i].rule_id);
        if (known != by_id.end() &&
            same(rules_[known->second]->record, records[staged.first + i])) {
            same_new.push_back(i);
            same_old.push_back(known->second);
        }
    }
    const std::vector<bool> kept = rising(same_old);
    staged.window.resize(new_count);
    staged.from.resize(new_count, SIZE_MAX);
    size_t stay = 0;
    for (size_t i = 0; i < kept.size(); i++) {
        if (kept[i]) {
            staged.from[same_new[i]] = same_old[i];
            stay++;
        }
    }
    if (new_count + staged.old_count - 2 * stay > changes_max) {
        return anew("many rules changed");
    }
    for (size_t i = 0; i < new_count; i++) {
        if (staged.from[i] == SIZE_MAX) {
            staged.window[i] = std::make_unique<Placed>();
            staged.window[i]->id = records[staged.first + i].rule_id;
            staged.window[i]->record = records[staged.first + i];
        }
    }
    return give_priorities(staged);
}

// Rules that stay keep their priorities; the others come evenly into the gaps between them.
Result<void> Classifier::give_priorities(Staged& staged) const {
    const size_t after = staged.first + staged.old_count;
    uint64_t low = staged.first == 0 ? 0 : rules_[staged.first - 1]->priority;
    for (size_t i = 0; i < staged.window.size();) {
        if (!staged.window[i]) {
            low = rules_[staged.from[i++]]->priority;
            continue;
        }
        size_t count = 1;
        while (i + count < staged.window.size() && staged.window[i + count]) {
            count++;
        }
        const bool inside = i + count < staged.window.size();
        const size_t next = inside ? staged.from[i + count] : after;
        const uint64_t high = next < rules_.size() ? uint64_t{rules_[next]->priority}
                                                   : low + (count + 1) * priority_gap;
        const uint64_t step = (high - low) / (count + 1);
        if (step == 0 || high >= PC_PRIORITY_NONE) {
            return Error{.err = ENOSPC, .message = "no priorities left between two rules"};
        }
        for (size_t k = 0; k < count; k++) {
            staged.window[i + k]->priority = static_cast<uint32_t>(low + (k + 1) * step);
        }
        i += count;
    }
    return {};
}

Result<uint32_t> Classifier::free_slot(uint32_t id) {
    auto slot = free_slots_.find(id);
    if (slot == free_slots_.end()) {
        if (free_slots_.empty()) {
            return Error{.err = ENOSPC, .message = "no room for another rule"};
        }
        slot = std::prev(free_slots_.end());
    }
    const uint32_t found = *slot;
    free_slots_.erase(slot);
    return found;
}

Result<void> Classifier::stage_insert(Placed& rule) {
    const EntryLists lists{.numbers = number_sets_, .bytes = byte_sets_};
    rule.slot = TRY(free_slot(rule.id));
    pc_record record = rule.record;
    record.birth = epoch_ + 1;
    write_record(rule.slot, record);
    for (const Family family : {Family::v4, Family::v6}) {
        for (Entry& entry : entries_of(rule.record, lists, family)) {
            // Always asked for its birth, until settle().
            const uint32_t word = rule_word_of(rule.record) | rule.slot | PC_RULE_CHECK;
            const EntryPlace place = TRY(family_tables(family).insert(
                {.entry = std::move(entry), .priority = rule.priority, .rule = word}));
            rule.entries.emplace_back(family, place);
        }
    }
    return {};
}

void Classifier::undo(Staged& staged) {
    for (std::unique_ptr<Placed>& rule : staged.window) {
        if (!rule || rule->slot == 0) {
            continue;
        }
        for (const auto& [family, place] : rule->entries) {
            family_tables(family).remove(place);
        }
        dead_.push_back(std::move(rule));
    }
    unsettled_ = true;
}

// As publish() has spliced the rules.
void Classifier::splice_records(const Staged& staged) {
    const auto first = records_.begin() + static_cast<ptrdiff_t>(staged.first);
    const size_t count = staged.window.size();
    if (count > staged.old_count) {
        records_.insert(first, count - staged.old_count, pc_record{});
    } else {
        records_.erase(first, first + static_cast<ptrdiff_t>(staged.old_count - count));
    }
    for (size_t i = 0; i < count; i++) {
        records_[staged.first + i] = rules_[staged.first + i]->record;
    }
}

void Classifier::publish(Staged& staged) {
    const auto first = rules_.begin() + static_cast<ptrdiff_t>(staged.first);
    const auto end = first + static_cast<ptrdiff_t>(staged.old_count);
    for (size_t i = 0; i < staged.window.size(); i++) {
        if (staged.window[i]) {
            young_.push_back(staged.window[i]->id);
        } else {
            staged.window[i] = std::move(rules_[staged.from[i]]);
        }
    }
    for (auto rule = first; rule != end; ++rule) {
        if (!*rule) {
            continue; // stays
        }
        const size_t record = record_table_ + size_t{(*rule)->slot} * sizeof(pc_record);
        image_->publish(static_cast<uint32_t>(record + offsetof(pc_record, death)), epoch_ + 1);
        for (const auto& [family, place] : (*rule)->entries) {
            FamilyTables& tables = family_tables(family);
            tables.set_rule(place, tables.rule_at(place) | PC_RULE_CHECK);
        }
        dying_.push_back(std::move(*rule));
    }
    const auto gap = rules_.erase(first, end);
    rules_.insert(gap, std::make_move_iterator(staged.window.begin()),
                  std::make_move_iterator(staged.window.end()));
    splice_records(staged);
    epoch_++;
    std::atomic_ref<__u32>(live_->epoch).store(epoch_, std::memory_order_seq_cst);
    unsettled_ = true;
}

Growth Classifier::growth_of(const Staged& staged) const {
    Growth growth;
    std::set<std::pair<Family, uint32_t>> tuples;
    const auto part = [&](Family family) -> Growth::Family& {
        return family == Family::v4 ? growth.v4 : growth.v6;
    };
    const auto count = [&](const Placed& rule, bool is_new) {
        for (const auto& [family, place] : rule.entries) {
            const uint32_t tag = image_->read<pc_bucket>(place.bucket).tag[place.index];
            part(family).entries++;
            part(family).tuples += is_new && tuples.emplace(family, tag >> 16).second ? 1 : 0;
        }
    };
    std::set<size_t> staying(staged.from.begin(), staged.from.end());
    for (size_t i = staged.first; i < staged.first + staged.old_count; i++) {
        if (!staying.contains(i)) {
            count(*rules_[i], false);
        }
    }
    for (const std::unique_ptr<Placed>& rule : staged.window) {
        if (rule) {
            count(*rule, true);
        }
    }
    growth.in_tables = true;
    growth.v4.longest = v4_->longest_chain();
    growth.v6.longest = v6_->longest_chain();
    growth.v4.overflow = static_cast<uint32_t>(staged.spare[0] - v4_->spare_buckets());
    growth.v6.overflow = static_cast<uint32_t>(staged.spare[1] - v6_->spare_buckets());
    return growth;
}

// The addresses that come into a list meet the tuples and the entries of the rules that name it.
Growth Classifier::list_growth(const Plan& plan, const std::vector<uint16_t>& numbers) const {
    Growth growth;
    growth.v4.longest = v4_->longest_chain();
    growth.v6.longest = v6_->longest_chain();
    std::set<uint16_t> changed;
    for (size_t i = 1; i < plan.lists.size(); i++) {
        const uint16_t list = numbers[i];
        if (lists_[list].addresses == plan.lists[i].addresses) {
            continue;
        }
        changed.insert(list);
        for (const Side side : {Side::src, Side::dst}) {
            growth.v4.tuples += static_cast<uint32_t>(v4_->tuples_of_list(side, list).size());
            growth.v6.tuples += static_cast<uint32_t>(v6_->tuples_of_list(side, list).size());
        }
    }
    for (const std::unique_ptr<Placed>& rule : rules_) {
        if (changed.contains(rule->record.saddr_set) || changed.contains(rule->record.daddr_set)) {
            growth.v4.entries += static_cast<uint32_t>(rule->entries.size());
            growth.v6.entries += static_cast<uint32_t>(rule->entries.size());
        }
    }
    return growth;
}

Result<void> Classifier::update(const Plan& plan, const Judge& judge) {
    assert(live_ != nullptr);
    if (!same_head(plan.generation, plan_head_)) {
        return anew("defaults changed");
    }
    if (!same_limits(plan.limits, plan_limits_)) {
        return anew("limits changed");
    }
    if (epoch_ >= UINT32_MAX - 1) {
        return anew("the epochs are used up");
    }
    std::vector<uint16_t> numbers;
    const std::vector<pc_record> translated = TRY(translate(plan, numbers));
    Staged staged;
    TRY(stage_rules(translated.empty() ? plan.records : translated, staged));
    const bool rules_change = staged.old_count > 0 || !staged.window.empty();
    if (rules_change && asked_lists_change(plan, numbers)) {
        return anew("rules and the addresses of their lists changed");
    }
    if (!rules_change && judge) {
        TRY(judge(list_growth(plan, numbers)));
    }
    TRY(edit_lists(plan, numbers));
    if (!rules_change) {
        list_numbers_ = std::move(numbers);
        return {};
    }
    staged.spare = {v4_->spare_buckets(), v6_->spare_buckets()};
    Result<void> ready;
    for (size_t i = 0; i < staged.window.size() && ready; i++) {
        ready = staged.window[i] ? stage_insert(*staged.window[i]) : Result<void>();
    }
    if (ready && judge) {
        ready = judge(growth_of(staged));
    }
    if (!ready) {
        undo(staged);
        return ready;
    }
    publish(staged);
    list_numbers_ = std::move(numbers);
    live_->records = static_cast<uint32_t>(rules_.size());
    return {};
}

// Rules that were just born need no longer be asked, where nothing else has to be. What died is no
// longer found; packets that found it before may still read its record and its place, so these are
// free the next time.
void Classifier::settle() {
    v4_->settle();
    v6_->settle();
    for (const std::unique_ptr<Placed>& rule : dead_) {
        free_slots_.insert(rule->slot);
    }
    for (const std::unique_ptr<Placed>& rule : dying_) {
        for (const auto& [family, place] : rule->entries) {
            family_tables(family).remove(place);
        }
    }
    dead_ = std::move(dying_);
    dying_.clear();
    settle_young();
    image_->settle();
    unsettled_ = !dead_.empty();
}

void Classifier::settle_young() {
    const EntryLists lists{.numbers = number_sets_, .bytes = byte_sets_};
    const std::set<uint32_t> young(young_.begin(), young_.end());
    young_.clear();
    for (const std::unique_ptr<Placed>& at : rules_) {
        const Placed& rule = *at;
        if (young.empty() || !young.contains(rule.id) || rule.slot != rule.id) {
            continue; // a record elsewhere has to be asked for the rule's id
        }
        size_t next = 0;
        for (const Family family : {Family::v4, Family::v6}) {
            for (const Entry& entry : entries_of(rule.record, lists, family)) {
                const EntryPlace place = rule.entries[next++].second;
                FamilyTables& tables = family_tables(family);
                if (!tables.must_check(entry)) {
                    tables.set_rule(place, tables.rule_at(place) & ~PC_RULE_CHECK);
                }
            }
        }
    }
}

} // namespace pc
