// SPDX-License-Identifier: GPL-3.0-or-later
// Entries of dynamic sets, which end by themselves: leaves with deadlines (struct pc_timed).
#include <algorithm>
#include <cerrno>

#include "rules/classifier.h"

namespace pc {

namespace {

using Entries = std::vector<TimedRange>;

// Pieces of a range, and the entries that hold all of each.
struct Cut {
    std::vector<AddressPiece> pieces;
    std::vector<Entries> held;
};

// Where an entry begins or ends there is a cut.
Cut cut_up(const WideRange& range, Entries entries) {
    std::set<WideAddress> cuts{range.first};
    for (const TimedRange& entry : entries) {
        if (entry.range.first > range.first && entry.range.first <= range.last) {
            cuts.insert(entry.range.first);
        }
        if (entry.range.last >= range.first && entry.range.last < range.last) {
            cuts.insert(entry.range.last + 1);
        }
    }
    std::sort(entries.begin(), entries.end(), [](const TimedRange& a, const TimedRange& b) {
        return a.range.first < b.range.first;
    });
    Cut cut;
    Entries open;
    auto next = entries.begin();
    for (auto at = cuts.begin(); at != cuts.end(); ++at) {
        const WideAddress last = std::next(at) == cuts.end() ? range.last : *std::next(at) - 1;
        std::erase_if(open, [&](const TimedRange& entry) { return entry.range.last < *at; });
        for (; next != entries.end() && next->range.first <= *at; ++next) {
            if (next->range.last >= *at) {
                open.push_back(*next);
            }
        }
        cut.pieces.push_back({.range = {.first = *at, .last = last}, .index = cut.held.size()});
        cut.held.push_back(open);
    }
    return cut;
}

// Of each list the entry that lives longest; packets count for the smallest.
Entries longest_lived(const Entries& entries) {
    std::map<std::pair<uint16_t, bool>, TimedRange> by_list;
    std::map<uint16_t, WideAddress> smallest;
    for (const TimedRange& entry : entries) {
        TimedRange& kept =
            by_list.emplace(std::pair(entry.list, entry.negated), entry).first->second;
        kept.deadline = std::max(kept.deadline, entry.deadline);
        const WideAddress span = entry.range.last - entry.range.first;
        const auto size = smallest.emplace(entry.list, span).first;
        if (span <= size->second) {
            size->second = span;
            kept.hits = entry.hits;
        }
    }
    Entries kept;
    for (const auto& [list, entry] : by_list) {
        kept.push_back(entry);
    }
    std::sort(kept.begin(), kept.end(),
              [](const TimedRange& a, const TimedRange& b) { return a.deadline > b.deadline; });
    return kept;
}

} // namespace

// Prefixes nest, so each of the outermost ranges is done with all that is inside.
Result<void> Classifier::fill_dynamic(Family family, const std::vector<TimedRange>& dynamic) {
    Entries sorted;
    std::copy_if(dynamic.begin(), dynamic.end(), std::back_inserter(sorted),
                 [&](const TimedRange& entry) { return entry.family == family; });
    std::sort(sorted.begin(), sorted.end(), [](const TimedRange& a, const TimedRange& b) {
        return a.range.first < b.range.first ||
               (a.range.first == b.range.first && a.range.last > b.range.last);
    });
    for (size_t i = 0; i < sorted.size();) {
        WideRange range = sorted[i].range;
        Entries inside;
        for (; i < sorted.size() && sorted[i].range.first <= range.last; i++) {
            range.last = std::max(range.last, sorted[i].range.last);
            inside.push_back(sorted[i]);
        }
        TRY(update_dynamic(family, range, inside));
        image_->settle(); // no packet uses it yet
    }
    return {};
}

Result<void> Classifier::update_dynamic(Family family, const WideRange& range,
                                        const std::vector<TimedRange>& entries) {
    Entries numbered = entries;
    for (TimedRange& entry : numbered) {
        entry.list = entry.list == 0 ? entry.list : list_numbers_.at(entry.list);
    }
    TRY(update_side(family, Side::src, range, numbered));
    Entries lists;
    std::copy_if(numbered.begin(), numbered.end(), std::back_inserter(lists),
                 [](const TimedRange& entry) { return entry.list != 0; });
    return update_side(family, Side::dst, range, lists);
}

Result<void> Classifier::update_side(Family family, Side side, const WideRange& range,
                                     const std::vector<TimedRange>& entries) {
    const Cut cut = cut_up(range, entries);
    const auto change = [&](uint32_t leaf, size_t piece) {
        return timed_leaf(family, side, leaf, longest_lived(cut.held[piece]));
    };
    (void)TRY(family_tables(family).edit_addresses(side, cut.pieces, change));
    unsettled_ = true;
    return {};
}

// When all have ended the row is what the static lists give; before that, from the latest deadline
// to the earliest, one more row each.
Result<uint32_t> Classifier::timed_leaf(Family family, Side side, uint32_t leaf,
                                        const std::vector<TimedRange>& entries) {
    FamilyTables& tables = family_tables(family);
    uint32_t expired = leaf;
    while (PC_REF_TYPE(expired) == PC_REF_TIMED) {
        expired = image_->read<pc_timed>(PC_REF_PLACE8(expired)).expired;
    }
    const RowBits base = tables.rows(side).bits_at(PC_REF_PLACE8(expired));
    uint32_t ref = expired;
    uint32_t deadlines = 0;
    for (size_t i = 0; i < entries.size();) {
        if (++deadlines > PC_TIMED_MAX) {
            return Error{.err = E2BIG,
                         .message = "more than " + std::to_string(PC_TIMED_MAX) +
                                    " dynamic sets would hold one address, each for another time"};
        }
        pc_timed timed{};
        timed.deadline_jiffies = entries[i].deadline;
        while (i < entries.size() && entries[i].deadline == timed.deadline_jiffies) {
            i++;
        }
        RowBits bits = base;
        // All that live until then or longer; a negated one wins.
        for (const bool negated : {false, true}) {
            for (size_t k = 0; k < i; k++) {
                if (entries[k].negated == negated) {
                    tables.set_list(side, entries[k].list, !negated, bits);
                    timed.hits = entries[k].list == 0 ? entries[k].hits : timed.hits;
                }
            }
        }
        timed.live = TRY(tables.rows(side).place_of(bits)) >> 3;
        timed.expired = ref;
        ref = TRY(tables.make_timed(timed));
    }
    return ref;
}

} // namespace pc
