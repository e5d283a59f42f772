// SPDX-License-Identifier: GPL-3.0-or-later
// Edits of a live image: the lists that records name by number. The plan numbers them anew each
// time; those that are known keep their numbers here.
#include <algorithm>
#include <cerrno>

#include "rules/classifier.h"

namespace pc {

namespace {

constexpr size_t pieces_max = 4096;

Error anew(const char* why) {
    return {.err = EXDEV, .message = why};
}

// Mostly where it was.
template <typename Set>
std::optional<uint16_t> find_set(const std::vector<Set>& sets, const Set& set, size_t likely) {
    if (likely < sets.size() && std::memcmp(&sets[likely], &set, sizeof(set)) == 0) {
        return static_cast<uint16_t>(likely);
    }
    for (size_t i = 1; i < sets.size(); i++) {
        if (std::memcmp(&sets[i], &set, sizeof(set)) == 0) {
            return static_cast<uint16_t>(i);
        }
    }
    return std::nullopt;
}

struct ListChange {
    uint16_t list = 0;
    bool member = false;
};

// The pieces of all lists that change, each with what changes there.
struct ListEdit {
    std::map<WideAddress, std::vector<std::pair<ListChange, bool>>> cuts; // begins or ends
    size_t ranges = 0;

    void add(const std::vector<WideRange>& changed, uint16_t list, bool member) {
        for (const WideRange& range : changed) {
            cuts[range.first].push_back({{list, member}, true});
            if (range.last != ~WideAddress{0}) {
                cuts[range.last + 1].push_back({{list, member}, false});
            }
            ranges++;
        }
    }
};

const std::vector<WideRange>& of_family(const AddressList& list, Family family) {
    return family == Family::v4 ? list.v4 : list.v6;
}

} // namespace

Result<void> Classifier::translate_sets(const Plan& plan, std::vector<uint16_t>& numbers,
                                        std::vector<uint16_t>& bytes) {
    numbers.assign(plan.number_sets.size(), 0);
    for (size_t i = 1; i < plan.number_sets.size(); i++) {
        auto known = find_set(number_sets_, plan.number_sets[i], i);
        if (!known) {
            if (number_sets_.size() >= numbers_max_) {
                return Error{.err = ENOSPC, .message = "no room for another list of ports"};
            }
            known = static_cast<uint16_t>(number_sets_.size());
            image_->write(number_table_ + *known * static_cast<uint32_t>(sizeof(pc_number_set)),
                          plan.number_sets[i]);
            number_sets_.push_back(plan.number_sets[i]);
        }
        numbers[i] = *known;
    }
    bytes.assign(plan.byte_sets.size(), 0);
    for (size_t i = 1; i < plan.byte_sets.size(); i++) {
        auto known = find_set(byte_sets_, plan.byte_sets[i], i);
        if (!known) {
            if (byte_sets_.size() >= bytes_max_) {
                return Error{.err = ENOSPC, .message = "no room for another list of bytes"};
            }
            known = static_cast<uint16_t>(byte_sets_.size());
            image_->write(byte_table_ + *known * static_cast<uint32_t>(sizeof(pc_byte_set)),
                          plan.byte_sets[i]);
            byte_sets_.push_back(plan.byte_sets[i]);
        }
        bytes[i] = *known;
    }
    return {};
}

Result<std::vector<pc_record>> Classifier::translate(const Plan& plan,
                                                     std::vector<uint16_t>& lists) {
    std::vector<uint16_t> numbers;
    std::vector<uint16_t> bytes;
    if (plan.mac_lists != mac_lists_) {
        return anew("lists of MAC addresses changed");
    }
    TRY(update_lists(plan, lists));
    TRY(translate_sets(plan, numbers, bytes));
    const auto same = [](const std::vector<uint16_t>& numbers) {
        for (size_t i = 0; i < numbers.size(); i++) {
            if (numbers[i] != i) {
                return false;
            }
        }
        return true;
    };
    if (same(lists) && same(numbers) && same(bytes)) {
        return std::vector<pc_record>();
    }
    std::vector<pc_record> records = plan.records;
    for (pc_record& record : records) {
        record.saddr_set = lists[record.saddr_set];
        record.daddr_set = lists[record.daddr_set];
        for (__u16* set :
             {&record.sport_set, &record.dport_set, &record.len_set, &record.vlan_set}) {
            *set = *set == 0 ? *set : numbers[*set];
        }
        for (__u16* set : {&record.proto_set, &record.ttl_set, &record.icmp_type_set,
                           &record.icmp_code_set, &record.tcp_flags_set}) {
            *set = *set == 0 ? *set : bytes[*set];
        }
    }
    return records;
}

// Entries are cut to what the list's rules exclude; and while no rule names a list, nobody tells of
// its entries.
Result<void> Classifier::check_dynamic(const PlanList& list, uint16_t number) const {
    if (list.dynamic.empty() && lists_[number].dynamic.empty()) {
        return {};
    }
    const bool held =
        std::find(list_numbers_.begin(), list_numbers_.end(), number) != list_numbers_.end();
    return held && list == lists_[number] ? Result<void>()
                                          : anew("a list with dynamic sets changed");
}

// By what was written. New lists get a number that no rule has yet.
Result<void> Classifier::update_lists(const Plan& plan, std::vector<uint16_t>& numbers) {
    std::map<std::string_view, uint16_t> known;
    for (size_t i = 1; i < lists_.size(); i++) {
        known.emplace(lists_[i].written, static_cast<uint16_t>(i));
    }
    numbers.assign(std::max<size_t>(plan.lists.size(), 1), 0);
    const size_t room = std::min(v4_->lists_max(), v6_->lists_max());
    for (size_t i = 1; i < plan.lists.size(); i++) {
        const auto found = known.find(plan.lists[i].written);
        if (found != known.end()) {
            TRY(check_dynamic(plan.lists[i], found->second));
            numbers[i] = found->second;
            continue;
        }
        if (lists_.size() >= room || !plan.lists[i].dynamic.empty()) {
            return Error{.err = ENOSPC, .message = "no room for another list of addresses"};
        }
        numbers[i] = static_cast<uint16_t>(lists_.size());
        lists_.emplace_back();
        lists_.back().written = plan.lists[i].written;
    }
    return {};
}

// All that changes on one side of one family is published by one store. A list that rules name for
// both the source and the destination would need two.
Result<void> Classifier::edit_lists(const Plan& plan, const std::vector<uint16_t>& numbers) {
    for (const Family family : {Family::v4, Family::v6}) {
        ListEdit edit;
        bool asked[2] = {false, false};
        FamilyTables& tables = family_tables(family);
        for (size_t i = 1; i < plan.lists.size(); i++) {
            const uint16_t list = numbers[i];
            if (lists_[list].addresses == plan.lists[i].addresses) {
                continue;
            }
            const AddressList added = without(plan.lists[i].addresses, lists_[list].addresses);
            const AddressList removed = without(lists_[list].addresses, plan.lists[i].addresses);
            edit.add(of_family(added, family), list, true);
            edit.add(of_family(removed, family), list, false);
            asked[0] = asked[0] || !tables.tuples_of_list(Side::src, list).empty();
            asked[1] = asked[1] || !tables.tuples_of_list(Side::dst, list).empty();
        }
        if (edit.ranges > pieces_max || (asked[0] && asked[1])) {
            return anew("the addresses of lists changed in more than one place");
        }
        std::vector<AddressPiece> pieces;
        std::vector<std::vector<ListChange>> changes;
        std::vector<ListChange> open;
        for (auto cut = edit.cuts.begin(); cut != edit.cuts.end(); ++cut) {
            for (const auto& [change, begins] : cut->second) {
                if (begins) {
                    open.push_back(change);
                } else {
                    std::erase_if(open, [&change = change](const ListChange& other) {
                        return other.list == change.list && other.member == change.member;
                    });
                }
            }
            if (!open.empty()) {
                const WideAddress last =
                    std::next(cut) == edit.cuts.end() ? ~WideAddress{0} : std::next(cut)->first - 1;
                pieces.push_back(
                    {.range = {.first = cut->first, .last = last}, .index = changes.size()});
                changes.push_back(open);
            }
        }
        // The side that rules ask last: what packets see changes with it.
        const Side last = asked[0] ? Side::src : Side::dst;
        for (const Side side : {last == Side::src ? Side::dst : Side::src, last}) {
            const auto change = [&](uint32_t leaf, size_t piece) {
                return tables.map_rows(leaf, [&](uint32_t row) -> Result<uint32_t> {
                    RowBits bits = tables.rows(side).bits_at(PC_REF_PLACE8(row));
                    for (const ListChange& one : changes[piece]) {
                        tables.set_list(side, one.list, one.member, bits);
                    }
                    return TRY(tables.rows(side).place_of(bits)) >> 3;
                });
            };
            (void)TRY(tables.edit_addresses(side, pieces, change));
        }
    }
    for (size_t i = 1; i < plan.lists.size(); i++) {
        lists_[numbers[i]].addresses = plan.lists[i].addresses;
    }
    return {};
}

bool Classifier::asked_lists_change(const Plan& plan, const std::vector<uint16_t>& numbers) const {
    for (size_t i = 1; i < plan.lists.size(); i++) {
        const uint16_t list = numbers[i];
        bool asked = false;
        for (const Family family : {Family::v4, Family::v6}) {
            for (const Side side : {Side::src, Side::dst}) {
                asked = asked || !tables(family).tuples_of_list(side, list).empty();
            }
        }
        if (asked && lists_[list].addresses != plan.lists[i].addresses) {
            return true;
        }
    }
    return false;
}

} // namespace pc
