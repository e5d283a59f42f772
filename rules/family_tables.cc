// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/family_tables.h"

#include <algorithm>
#include <cerrno>
#include <numeric>

namespace pc {

namespace {

constexpr size_t per_bucket = 2;

// Room for rules to come, before everything has to be built anew.
size_t with_room(size_t count) {
    return count + std::max<size_t>(4, count / 16);
}

size_t words_for(size_t bits) {
    return (bits + 63) / 64;
}

WideRange range_of(const EntryAddress& address) {
    const WideAddress rest =
        address.length == 0 ? ~WideAddress{0} : ~WideAddress{0} >> (address.length - 1) >> 1;
    return {.first = address.address, .last = address.address | rest};
}

uint32_t place_at(uint32_t table, size_t index, size_t size) {
    return static_cast<uint32_t>(table + index * size);
}

// Tuples by the bits of protocols or zones that their entries have.
template <typename Bits>
using ByBits = std::map<Bits, RowBits>;

template <typename Key>
RowBits& row_for(std::map<Key, RowBits>& rows, const Key& key, size_t words) {
    RowBits& row = rows[key];
    row.resize(words);
    return row;
}

} // namespace

TupleShaper FamilyTables::shaper() const {
    return {*sports_, *dports_, seed_, coarseness_};
}

Result<std::vector<EntryPlace>>
FamilyTables::build(const std::vector<RuleEntry>& entries,
                    const std::vector<const std::vector<WideRange>*>& lists, size_t records) {
    records_ = records;
    const std::vector<ShapedEntry> shaped = TRY(choose_tuples(entries));
    std::vector<uint32_t> tuples;
    tuples.reserve(entries.size());
    for (const ShapedEntry& entry : shaped) {
        tuples.push_back(shapes_.at(entry.shape));
    }
    TRY(build_sides(entries, tuples, lists));
    TRY(build_rows(entries, tuples));
    tables_.tuples = TRY(image_->allocate(size_t{tables_.words} * 64 * sizeof(pc_tuple)));
    tables_.bests = TRY(image_->allocate(size_t{tables_.words} * 64 * sizeof(pc_best)));
    for (size_t i = 0; i < size_t{tables_.words} * 64; i++) {
        image_->write(place_at(tables_.bests, i, sizeof(pc_best)),
                      pc_best{.own = PC_PRIORITY_NONE, .suffix = PC_PRIORITY_NONE});
    }
    if (family_ == Family::v6) {
        tables_.addresses = TRY(image_->allocate(records_ * sizeof(pc_addresses)));
    }
    for (const auto& [shape, tuple] : shapes_) {
        image_->write(place_at(tables_.tuples, tuple, sizeof(pc_tuple)),
                      TupleShaper::tuple_of(shape, family_));
    }
    TRY(build_buckets(entries, shaped, tuples));
    std::vector<EntryPlace> places;
    places.reserve(entries.size());
    for (size_t i = 0; i < entries.size(); i++) {
        pc_key key = shaped[i].key;
        key.tuple = tuples[i];
        const EntryPlace place = TRY(place_for(key, entries[i].priority));
        write_entry(place, entries[i], shaped[i], tuples[i]);
        places.push_back(place);
    }
    finish_tuples();
    return places;
}

// Tuples in the order of the best priority in them: what is asked first decides most packets.
Result<std::vector<ShapedEntry>>
FamilyTables::choose_tuples(const std::vector<RuleEntry>& entries) {
    sports_.emplace(*image_);
    dports_.emplace(*image_);
    std::set<PortSpec> sports;
    std::set<PortSpec> dports;
    for (const RuleEntry& entry : entries) {
        sports.insert(entry.entry.sport);
        dports.insert(entry.entry.dport);
    }
    sports_->add_ranges({sports.begin(), sports.end()});
    dports_->add_ranges({dports.begin(), dports.end()});
    std::vector<ShapedEntry> shaped(entries.size());
    for (coarseness_ = 0;; coarseness_++) {
        const TupleShaper make = shaper();
        std::map<TupleShape, uint32_t> best;
        for (size_t i = 0; i < entries.size(); i++) {
            shaped[i] = make.shape(entries[i].entry);
            const auto place = best.emplace(shaped[i].shape, entries[i].priority).first;
            place->second = std::min(place->second, entries[i].priority);
        }
        if (with_room(best.size()) > PC_TUPLES_MAX && coarseness_ < coarsest) {
            continue;
        }
        if (best.size() > PC_TUPLES_MAX) {
            return Error{.err = E2BIG,
                         .message = std::to_string(best.size()) + " kinds of rules; the limit is " +
                                    std::to_string(PC_TUPLES_MAX)};
        }
        std::vector<std::pair<uint32_t, TupleShape>> order;
        for (const auto& [shape, priority] : best) {
            order.emplace_back(priority, shape);
        }
        std::sort(order.begin(), order.end());
        shapes_.clear();
        for (size_t i = 0; i < order.size(); i++) {
            shapes_[order[i].second] = static_cast<uint32_t>(i);
        }
        tables_.words = static_cast<uint32_t>(
            words_for(std::min<size_t>(with_room(best.size()), PC_TUPLES_MAX)));
        return shaped;
    }
}

Result<void> FamilyTables::build_sides(const std::vector<RuleEntry>& entries,
                                       const std::vector<uint32_t>& tuples,
                                       const std::vector<const std::vector<WideRange>*>& lists) {
    lists_max_ = words_for(with_room(std::max<size_t>(lists.size(), 1))) * 64;
    const size_t words = tables_.words + lists_max_ / 64;
    src_rows_.emplace(*image_, words);
    dst_rows_.emplace(*image_, words);
    for (const Side side : {Side::src, Side::dst}) {
        std::vector<AddressBit> prefixes;
        std::vector<AddressRegion> regions(lists.size());
        std::vector<std::set<uint32_t>> bits(lists.size());
        for (size_t i = 0; i < entries.size(); i++) {
            const Entry& entry = entries[i].entry;
            const EntryAddress& address = side == Side::src ? entry.src : entry.dst;
            if (address.list != 0) {
                bits[address.list].insert(tuples[i]);
            } else {
                prefixes.push_back({.range = range_of(address), .bit = tuples[i]});
            }
        }
        for (size_t list = 1; list < lists.size(); list++) {
            regions[list].ranges = lists[list];
            regions[list].bits.assign(bits[list].begin(), bits[list].end());
            regions[list].bits.push_back(
                static_cast<uint32_t>(list_bit(static_cast<uint16_t>(list))));
        }
        if (!regions.empty()) {
            regions.erase(regions.begin()); // number 0
        }
        AddressTable& table = side == Side::src ? src_ : dst_;
        tables_.addr[side == Side::src ? 0 : 1] =
            TRY(build_address_rows(table, rows(side), std::move(prefixes), regions));
    }
    return {};
}

Result<void> FamilyTables::build_rows(const std::vector<RuleEntry>& entries,
                                      const std::vector<uint32_t>& tuples) {
    const size_t words = tables_.words;
    std::map<PortSpec, RowBits> sports;
    std::map<PortSpec, RowBits> dports;
    ByBits<std::array<uint64_t, 4>> protos;
    ByBits<uint64_t> zones;
    for (size_t i = 0; i < entries.size(); i++) {
        const Entry& entry = entries[i].entry;
        set_bit(row_for(sports, entry.sport, words), tuples[i]);
        set_bit(row_for(dports, entry.dport, words), tuples[i]);
        set_bit(row_for(protos, entry.protos, words), tuples[i]);
        set_bit(row_for(zones, entry.zones, words), tuples[i]);
    }
    TRY(sports_->build(sports, words));
    TRY(dports_->build(dports, words));
    tables_.ports[0] = sports_->ports();
    tables_.ports[1] = dports_->ports();
    tables_.port_classes[0] = sports_->classes();
    tables_.port_classes[1] = dports_->classes();
    other_rows_.emplace(*image_, words);
    tables_.protos = TRY(image_->allocate(256 * sizeof(uint32_t)));
    tables_.zones = TRY(image_->allocate(PC_ZONES_MAX * sizeof(uint32_t)));
    const auto put = [&](uint32_t table, uint32_t index, const auto& by_bits,
                         const auto& holds) -> Result<void> {
        RowBits row(words);
        for (const auto& [bits, tuple_bits] : by_bits) {
            for (size_t word = 0; holds(bits) && word < words; word++) {
                row[word] |= tuple_bits[word];
            }
        }
        image_->write(place_at(table, index, sizeof(uint32_t)), TRY(other_rows_->place_of(row)));
        return {};
    };
    for (uint32_t proto = 0; proto < 256; proto++) {
        TRY(put(tables_.protos, proto, protos, [&](const std::array<uint64_t, 4>& bits) {
            return (bits[proto / 64] >> (proto % 64) & 1) != 0;
        }));
    }
    for (uint32_t zone = 0; zone < PC_ZONES_MAX; zone++) {
        TRY(put(tables_.zones, zone, zones,
                [&](uint64_t bits) { return (bits >> zone & 1) != 0; }));
    }
    return {};
}

Result<void> FamilyTables::build_buckets(const std::vector<RuleEntry>& entries,
                                         const std::vector<ShapedEntry>& shaped,
                                         const std::vector<uint32_t>& tuples) {
    size_t buckets = 16;
    while (buckets < entries.size()) {
        buckets *= 2;
    }
    tables_.bucket_mask = static_cast<uint32_t>(buckets - 1);
    // Exactly what overflows, and as much again as the room for rules to come.
    std::vector<uint32_t> filled(buckets);
    size_t over = 0;
    for (size_t i = 0; i < entries.size(); i++) {
        pc_key key = shaped[i].key;
        key.tuple = tuples[i];
        const uint32_t bucket = pc_hash(seed_, &key) & tables_.bucket_mask;
        over += filled[bucket] >= per_bucket && filled[bucket] % per_bucket == 0 ? 1 : 0;
        filled[bucket]++;
    }
    const size_t spare = over + with_room(entries.size()) / 16 + 64;
    tables_.buckets = TRY(image_->allocate((buckets + spare) * sizeof(pc_bucket)));
    assert(tables_.buckets % 16 == 0);
    pc_bucket empty{};
    empty.priority[0] = empty.priority[1] = empty.next_best = PC_PRIORITY_NONE;
    for (size_t i = 0; i < buckets + spare; i++) {
        image_->write(place_at(tables_.buckets, i, sizeof(pc_bucket)), empty);
    }
    for (size_t i = buckets + spare; i > buckets; i--) {
        overflow_.push_back(static_cast<uint32_t>(i - 1));
    }
    return {};
}

void FamilyTables::finish_tuples() {
    uint32_t best = PC_PRIORITY_NONE;
    for (size_t i = size_t{tables_.words} * 64; i-- > 0;) {
        const uint32_t place = place_at(tables_.bests, i, sizeof(pc_best));
        auto tuple = image_->read<pc_best>(place);
        best = std::min(best, tuple.own);
        tuple.suffix = best;
        image_->write(place, tuple);
    }
}

void FamilyTables::write_entry(EntryPlace place, const RuleEntry& entry, const ShapedEntry& shaped,
                               uint32_t tuple) {
    const auto put = [&](size_t offset, uint32_t value) {
        image_->write(place_at(place.bucket + static_cast<uint32_t>(offset), place.index, 4),
                      value);
    };
    image_->write(place.bucket + place.index * uint32_t{sizeof(uint64_t)}, shaped.key.addr);
    put(offsetof(pc_bucket, tag), PC_TAG(tuple, shaped.key.rest));
    put(offsetof(pc_bucket, sport), shaped.sport);
    put(offsetof(pc_bucket, dport), shaped.dport);
    if (shaped.addresses) {
        write_addresses(entry);
    }
    put(offsetof(pc_bucket, rule), entry.rule | (shaped.check ? PC_RULE_CHECK : 0) |
                                       (shaped.addresses ? PC_RULE_ADDRESSES : 0));
    lower_best(tuple, entry.priority);
    const auto at = place.bucket + offsetof(pc_bucket, priority) + place.index * sizeof(uint32_t);
    image_->publish(static_cast<uint32_t>(at), entry.priority);
}

void FamilyTables::write_addresses(const RuleEntry& entry) {
    const WideAddress src = entry.entry.src.address;
    const WideAddress dst = entry.entry.dst.address;
    image_->write(
        place_at(tables_.addresses, PC_RULE_RECORD(entry.rule), sizeof(pc_addresses)),
        pc_addresses{.words = {static_cast<uint64_t>(src >> 64), static_cast<uint64_t>(src),
                               static_cast<uint64_t>(dst >> 64), static_cast<uint64_t>(dst)}});
}

// Too good is never wrong, so before the entry is found.
void FamilyTables::lower_best(uint32_t tuple, uint32_t priority) {
    const auto own = [&](uint32_t i) {
        return place_at(tables_.bests, i, sizeof(pc_best)) + uint32_t{offsetof(pc_best, own)};
    };
    if (image_->read<uint32_t>(own(tuple)) > priority) {
        image_->publish(own(tuple), priority);
    }
    if (live_ == nullptr) {
        return; // finish_tuples()
    }
    for (uint32_t i = tuple + 1; i-- > 0;) {
        const uint32_t suffix = own(i) + uint32_t{offsetof(pc_best, suffix)};
        if (image_->read<uint32_t>(suffix) <= priority) {
            break; // nor is any tuple before it worse
        }
        image_->publish(suffix, priority);
    }
}

// What comes after a bucket is never better than the bucket says.
void FamilyTables::lower_next_best(uint32_t place, uint32_t priority) {
    const auto at = static_cast<uint32_t>(place + offsetof(pc_bucket, next_best));
    if (image_->read<uint32_t>(at) > priority) {
        image_->publish(at, priority);
    }
}

Result<EntryPlace> FamilyTables::place_for(pc_key key, uint32_t priority) {
    uint32_t bucket = pc_hash(seed_, &key) & tables_.bucket_mask;
    for (uint32_t length = 1;; length++) {
        longest_chain_ = std::max(longest_chain_, length);
        const uint32_t place = place_at(tables_.buckets, bucket, sizeof(pc_bucket));
        const auto content = image_->read<pc_bucket>(place);
        for (uint32_t i = 0; i < per_bucket; i++) {
            if (content.priority[i] == PC_PRIORITY_NONE && !removed_.contains({place, i})) {
                return EntryPlace{.bucket = place, .index = i};
            }
        }
        if (content.next == 0 && overflow_.empty()) {
            return Error{.err = ENOSPC, .message = "the classifier's buckets are full"};
        }
        lower_next_best(place, priority);
        if (content.next != 0) {
            bucket = content.next;
            continue;
        }
        image_->publish(static_cast<uint32_t>(place + offsetof(pc_bucket, next)), overflow_.back());
        bucket = overflow_.back();
        overflow_.pop_back();
    }
}

void FamilyTables::remove(EntryPlace place) {
    const auto at = place.bucket + offsetof(pc_bucket, priority) + place.index * sizeof(uint32_t);
    image_->publish(static_cast<uint32_t>(at), PC_PRIORITY_NONE);
    removed_.insert(place);
}

void FamilyTables::set_rule(EntryPlace place, uint32_t rule) {
    const auto at = place.bucket + offsetof(pc_bucket, rule) + place.index * sizeof(uint32_t);
    image_->publish(static_cast<uint32_t>(at), rule);
}

uint32_t FamilyTables::rule_at(EntryPlace place) const {
    return image_->read<pc_bucket>(place.bucket).rule[place.index];
}

const AddressTable& FamilyTables::addresses(Side side) const {
    return side == Side::src ? src_ : dst_;
}

const PortTable& FamilyTables::ports(Side side) const {
    return side == Side::src ? *sports_ : *dports_;
}

size_t FamilyTables::lists_max() const {
    return lists_max_;
}

unsigned FamilyTables::coarseness() const {
    return coarseness_;
}

} // namespace pc
