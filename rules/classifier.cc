// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/classifier.h"

#include <algorithm>
#include <cerrno>
#include <numeric>

namespace pc {

namespace {

// Between the priorities of neighbours, for rules to come.
constexpr uint32_t gap_most = 1 << 16;
constexpr uint32_t spare_records = 256;
constexpr uint32_t spare_byte_sets = 32;
constexpr uint32_t spare_number_sets = 2;

const std::vector<WideRange>& ranges_of(const PlanList& list, Family family) {
    return family == Family::v4 ? list.addresses.v4 : list.addresses.v6;
}

uint64_t number_of(const MacAddress& mac) {
    uint64_t number = 0;
    for (const uint8_t byte : mac.bytes) {
        number = number << 8 | byte;
    }
    return number;
}

uint32_t at(uint32_t table, size_t index, size_t size) {
    return static_cast<uint32_t>(table + index * size);
}

} // namespace

Classifier::Classifier(uint64_t seed) : image_(std::make_unique<Image>()), seed_(seed) {
    v4_.emplace(*image_, Family::v4, seed);
    v6_.emplace(*image_, Family::v6, seed);
}

Result<std::unique_ptr<Classifier>>
Classifier::build(const Plan& plan, const std::vector<TimedRange>& dynamic, uint64_t seed) {
    std::unique_ptr<Classifier> classifier(new Classifier(seed));
    TRY(classifier->fill(plan, dynamic));
    return classifier;
}

Result<void> Classifier::fill(const Plan& plan, const std::vector<TimedRange>& dynamic) {
    plan_head_ = plan.generation;
    plan_limits_ = plan.limits;
    lists_ = plan.lists;
    list_numbers_.resize(plan.lists.size());
    std::iota(list_numbers_.begin(), list_numbers_.end(), uint16_t{0});
    number_sets_ = plan.number_sets;
    byte_sets_ = plan.byte_sets;
    mac_lists_ = plan.mac_lists;
    TRY(fill_sets(plan));
    TRY(fill_records(plan));
    TRY(fill_family(plan, Family::v4));
    TRY(fill_family(plan, Family::v6));
    TRY(fill_dynamic(Family::v4, dynamic));
    TRY(fill_dynamic(Family::v6, dynamic));
    image_->settle();
    return {};
}

Result<void> Classifier::fill_sets(const Plan& plan) {
    numbers_max_ = plan.number_sets.size() + spare_number_sets;
    bytes_max_ = plan.byte_sets.size() + spare_byte_sets;
    number_table_ = TRY(image_->allocate(numbers_max_ * sizeof(pc_number_set)));
    byte_table_ = TRY(image_->allocate(bytes_max_ * sizeof(pc_byte_set)));
    mac_table_ =
        TRY(image_->allocate(std::max<size_t>(plan.mac_lists.size(), 1) * sizeof(pc_mac_list)));
    for (size_t i = 0; i < plan.number_sets.size(); i++) {
        image_->write(at(number_table_, i, sizeof(pc_number_set)), plan.number_sets[i]);
    }
    for (size_t i = 0; i < plan.byte_sets.size(); i++) {
        image_->write(at(byte_table_, i, sizeof(pc_byte_set)), plan.byte_sets[i]);
    }
    for (size_t i = 1; i < plan.mac_lists.size(); i++) {
        const std::vector<MacAddress>& macs = plan.mac_lists[i];
        const uint32_t place = TRY(image_->allocate(macs.size() * sizeof(uint64_t)));
        for (size_t k = 0; k < macs.size(); k++) {
            image_->write(at(place, k, sizeof(uint64_t)), number_of(macs[k]));
        }
        image_->write(at(mac_table_, i, sizeof(pc_mac_list)),
                      pc_mac_list{.macs = place, .count = static_cast<uint32_t>(macs.size())});
    }
    return {};
}

// A record stands at its rule's id, so that most entries need not say both.
Result<void> Classifier::fill_records(const Plan& plan) {
    uint32_t highest = 0;
    for (const pc_record& record : plan.records) {
        highest = std::max(highest, record.rule_id);
    }
    records_max_ = highest + 1 + spare_records;
    record_table_ = TRY(image_->allocate(records_max_ * sizeof(pc_record)));
    for (uint32_t slot = 1; slot < records_max_; slot++) {
        free_slots_.insert(free_slots_.end(), slot);
    }
    const uint32_t gap = static_cast<uint32_t>(
        std::clamp<size_t>((size_t{1} << 31) / (plan.records.size() + 1), 1, gap_most));
    rules_.reserve(plan.records.size());
    records_ = plan.records;
    for (const pc_record& record : plan.records) {
        auto rule = std::make_unique<Placed>();
        rule->id = record.rule_id;
        rule->slot = record.rule_id;
        rule->priority = static_cast<uint32_t>(rules_.size() + 1) * gap;
        rule->record = record;
        free_slots_.erase(rule->slot);
        write_record(rule->slot, rule->record);
        rules_.push_back(std::move(rule));
    }
    return {};
}

void Classifier::write_record(uint32_t slot, const pc_record& record) {
    image_->write(at(record_table_, slot, sizeof(pc_record)), record);
}

Result<void> Classifier::fill_family(const Plan& plan, Family family) {
    const EntryLists lists{.numbers = number_sets_, .bytes = byte_sets_};
    std::vector<RuleEntry> entries;
    std::vector<size_t> owners;
    for (size_t i = 0; i < rules_.size(); i++) {
        for (Entry& entry : entries_of(rules_[i]->record, lists, family)) {
            uint32_t word = rule_word_of(rules_[i]->record) | rules_[i]->slot;
            word |= entry.check ? PC_RULE_CHECK : 0;
            entries.push_back(
                {.entry = std::move(entry), .priority = rules_[i]->priority, .rule = word});
            owners.push_back(i);
        }
    }
    std::vector<const std::vector<WideRange>*> ranges;
    for (const PlanList& list : plan.lists) {
        ranges.push_back(&ranges_of(list, family));
    }
    const std::vector<EntryPlace> places =
        TRY(family_tables(family).build(entries, ranges, records_max_));
    for (size_t i = 0; i < places.size(); i++) {
        rules_[owners[i]]->entries.emplace_back(family, places[i]);
    }
    return {};
}

size_t Classifier::wanted() const {
    return used() + std::max<size_t>(used() / 4, size_t{128} << 10);
}

Result<void> Classifier::move_to(std::span<std::byte> memory, uint32_t base) {
    base_ = base;
    return image_->move_to(memory);
}

void Classifier::follow(std::span<std::byte> memory) {
    image_->follow(memory);
}

void Classifier::describe(pc_generation& head) const {
    head.seed = seed_;
    head.base = base_;
    head.epoch = epoch_;
    head.record_table = record_table_;
    head.number_sets = number_table_;
    head.byte_sets = byte_table_;
    head.mac_lists = mac_table_;
    head.size = static_cast<uint32_t>(image_->capacity());
    head.record_slots = static_cast<uint32_t>(records_max_);
    head.tables[0] = v4_->tables();
    head.tables[1] = v6_->tables();
}

void Classifier::bind(pc_generation& live) {
    live_ = &live;
    v4_->bind(&live.tables[0]);
    v6_->bind(&live.tables[1]);
}

} // namespace pc
