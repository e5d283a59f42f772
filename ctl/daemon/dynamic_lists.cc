// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/dynamic_lists.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pc::daemon {
namespace {

uint64_t deadline_of(const TimedPrefix& entry) {
    return entry.deadline_jiffies == 0 ? UINT64_MAX : entry.deadline_jiffies;
}

bool holds(const Prefix& outer, const Prefix& inner) {
    return outer.length <= inner.length && contains(outer, inner.address);
}

WideRange wide_range_of(const Prefix& prefix) {
    AddressList list;
    append(list, range_of(prefix));
    return prefix.address.family == Family::v4 ? list.v4.front() : list.v6.front();
}

// The entry in every list of the plan that names its set.
void add_ranges(std::vector<TimedRange>& ranges, const Plan& plan, const std::string& set,
                const Prefix& prefix, uint64_t deadline, uint32_t hits) {
    TimedRange range;
    range.family = prefix.address.family;
    range.range = wide_range_of(prefix);
    range.deadline = deadline;
    range.hits = hits;
    if (set == blocks_set) {
        ranges.push_back(range);
    }
    for (size_t i = 1; i < plan.lists.size(); ++i) {
        for (const PlanList::Dynamic& dynamic : plan.lists[i].dynamic) {
            if (dynamic.set != set) {
                continue;
            }
            range.list = static_cast<uint16_t>(i);
            range.negated = dynamic.negated;
            range.hits = 0;
            AddressList added;
            (range.family == Family::v4 ? added.v4 : added.v6) = {range.range};
            if (!dynamic.negated) {
                added = without(added, plan.lists[i].never);
            }
            for (const WideRange& part : range.family == Family::v4 ? added.v4 : added.v6) {
                TimedRange one = range;
                one.range = part;
                ranges.push_back(one);
            }
        }
    }
}

} // namespace

Result<DynamicLists::Entries> DynamicLists::entries_for(const std::string& set,
                                                        std::span<const TimedPrefix> entries) {
    const Entries& before = sets_[set];
    Entries after;
    for (const TimedPrefix& entry : entries) {
        const auto known = before.find(entry.prefix);
        Entry& made = after[entry.prefix];
        made.deadline = deadline_of(entry);
        if (known != before.end()) {
            made.hits = known->second.hits;
        } else if (set == blocks_set) {
            made.hits = TRY(take_hits());
        }
    }
    return after;
}

Result<uint32_t> DynamicLists::take_hits() {
    uint32_t index = next_hits_;
    if (!free_hits_.empty()) {
        index = *free_hits_.begin();
        free_hits_.erase(free_hits_.begin());
    } else if (next_hits_ == PC_BLOCKS_MAX) {
        return Error{ENOSPC, "there are " + std::to_string(PC_BLOCKS_MAX - 1) + " blocks already"};
    } else {
        next_hits_++;
    }
    const uint64_t none = 0;
    TRY(block_hits_.put(bytes_of(index), bytes_of(none)));
    return index;
}

void DynamicLists::give_back(const Entry& entry) {
    if (entry.hits != 0) {
        free_hits_.insert(entry.hits);
    }
}

Result<void> DynamicLists::changed(const std::string& set, const DynamicChange& change) {
    Entries after = TRY(entries_for(set, change.inside));
    Entries& all = sets_[set];
    Entries before;
    for (auto at = all.lower_bound(change.prefix);
         at != all.end() && holds(change.prefix, at->first);) {
        before.insert(all.extract(at++));
    }
    const Entries now = after;
    all.merge(after);
    const auto published = publish(change.prefix);
    if (!published) {
        for (const auto& [prefix, entry] : now) {
            all.erase(prefix);
        }
        all.merge(before);
        return published;
    }
    for (const auto& [prefix, entry] : before) {
        if (!now.contains(prefix)) {
            give_back(entry);
        }
    }
    return {};
}

Result<void> DynamicLists::replaced(const std::string& set, std::span<const TimedPrefix> entries) {
    const Entries before = sets_[set];
    TRY(expect(set, entries));
    const Entries after = sets_[set];
    // What went or changed, then what came; an outer prefix takes those inside along.
    std::vector<Prefix> prefixes;
    for (const auto& [prefix, entry] : before) {
        const auto kept = after.find(prefix);
        if (kept == after.end() || kept->second != entry) {
            prefixes.push_back(prefix);
        }
    }
    for (const auto& [prefix, entry] : after) {
        if (!before.contains(prefix)) {
            prefixes.push_back(prefix);
        }
    }
    std::sort(prefixes.begin(), prefixes.end());
    const Prefix* outer = nullptr;
    for (const Prefix& prefix : prefixes) {
        if (outer != nullptr && holds(*outer, prefix)) {
            continue;
        }
        outer = &prefix;
        TRY(publish(prefix));
    }
    return {};
}

Result<void> DynamicLists::expect(const std::string& set, std::span<const TimedPrefix> entries) {
    Entries after = TRY(entries_for(set, entries));
    Entries& all = sets_[set];
    for (const auto& [prefix, entry] : all) {
        if (!after.contains(prefix)) {
            give_back(entry);
        }
    }
    all = std::move(after);
    return {};
}

// All entries of all sets that hold any address of the prefix.
Result<void> DynamicLists::publish(const Prefix& prefix) {
    const std::shared_ptr<const Plan> plan = generations_.plan();
    if (!plan) {
        return {}; // what is staged next will know
    }
    std::vector<TimedRange> ranges;
    for (const auto& [set, entries] : sets_) {
        Prefix outer = prefix;
        for (int length = prefix.length - 1; length >= 0; --length) {
            outer.length = static_cast<uint8_t>(length);
            outer.address.bytes[static_cast<size_t>(length / 8)] &=
                static_cast<uint8_t>(0xff00U >> (length % 8));
            const auto found = entries.find(outer);
            if (found != entries.end()) {
                add_ranges(ranges, *plan, set, outer, found->second.deadline, found->second.hits);
            }
        }
        for (auto at = entries.lower_bound(prefix); at != entries.end() && holds(prefix, at->first);
             ++at) {
            add_ranges(ranges, *plan, set, at->first, at->second.deadline, at->second.hits);
        }
    }
    const auto edited =
        generations_.edit_dynamic(prefix.address.family, wide_range_of(prefix), ranges);
    if (!edited && (edited.error().err == ENOSPC || edited.error().err == EXDEV)) {
        return rebuild_();
    }
    return edited;
}

std::vector<TimedRange> DynamicLists::ranges_for(const Plan& plan) const {
    std::vector<TimedRange> ranges;
    for (const auto& [set, entries] : sets_) {
        for (const auto& [prefix, entry] : entries) {
            add_ranges(ranges, plan, set, prefix, entry.deadline, entry.hits);
        }
    }
    return ranges;
}

std::optional<uint64_t> DynamicLists::packets(const std::string& set, const Prefix& prefix) const {
    const auto entries = sets_.find(set);
    if (set != blocks_set || entries == sets_.end()) {
        return std::nullopt;
    }
    const auto entry = entries->second.find(prefix);
    if (entry == entries->second.end() || entry->second.hits == 0) {
        return 0;
    }
    uint64_t packets = 0;
    const auto bytes = block_hits_.get(bytes_of(entry->second.hits));
    if (bytes) {
        std::memcpy(&packets, bytes.value().data(),
                    std::min(sizeof(packets), bytes.value().size()));
    }
    return packets;
}

} // namespace pc::daemon
