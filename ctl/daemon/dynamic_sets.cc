// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/dynamic_sets.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "ctl/daemon/revisions.h"
#include "rules/abi.h"

namespace pc::daemon {
namespace {

constexpr std::string_view ending = ".jsonl";
constexpr int64_t for_good = std::numeric_limits<int64_t>::max();

bool is_over(const DynamicEntry& entry, const DynamicClock& clock) {
    return entry.until != 0 && entry.until <= clock.now;
}

int64_t end_of(const DynamicEntry& entry) {
    return entry.until == 0 ? for_good : entry.until;
}

// Never 0, which means for good.
uint64_t deadline_of(int64_t end, const DynamicClock& clock) {
    if (end == for_good) {
        return 0;
    }
    const int64_t left = std::max<int64_t>(end - clock.now, 0);
    return clock.jiffies + static_cast<uint64_t>(left) * clock.jiffies_per_second + 1;
}

bool holds(const Prefix& outer, const Prefix& inner) {
    return outer.length <= inner.length && contains(outer, inner.address);
}

// Asks for the prefix and every shorter one by name, so that this costs as much with 10 as with
// 65,000 entries.
template <typename Visit>
void each_cover(const DynamicEntries& entries, const Prefix& prefix, Visit visit) {
    Prefix outer = prefix;
    for (int length = prefix.length; length >= 0; --length) {
        outer.length = static_cast<uint8_t>(length);
        if (length < prefix.length) {
            outer.address.bytes[static_cast<size_t>(length / 8)] &=
                static_cast<uint8_t>(0xff00U >> (length % 8));
        }
        const auto found = entries.find(outer);
        if (found != entries.end()) {
            visit(*found);
        }
    }
}

// When the last entry that holds the whole prefix ends; 0: none does.
int64_t covered_until(const DynamicEntries& entries, const Prefix& prefix) {
    int64_t latest = 0;
    each_cover(entries, prefix, [&](const DynamicEntries::value_type& entry) {
        latest = std::max(latest, end_of(entry.second));
    });
    return latest;
}

// From `at` as long as `is_inside`, with what covers them: outer ones come first, so those that
// cover the next one are a stack. `around`: when what covers all of them ends.
template <typename IsInside>
std::vector<TimedPrefix> timed_from(DynamicEntries::const_iterator at,
                                    DynamicEntries::const_iterator end, int64_t around,
                                    const DynamicClock& clock, IsInside is_inside) {
    std::vector<TimedPrefix> list;
    std::vector<std::pair<Prefix, int64_t>> covers;
    for (; at != end && is_inside(at->first); ++at) {
        while (!covers.empty() && !holds(covers.back().first, at->first)) {
            covers.pop_back();
        }
        const int64_t outer = covers.empty() ? around : covers.back().second;
        const int64_t until = std::max(outer, end_of(at->second));
        covers.emplace_back(at->first, until);
        list.push_back({at->first, deadline_of(until, clock)});
    }
    return list;
}

Error no_set(const std::string& name) {
    return Error{ENOENT, "the running rules have no dynamic set '" + name + "'"};
}

} // namespace

Result<void> DynamicSets::load(const DynamicClock& clock) {
    held_.clear();
    used_.clear();
    if (mkdir(folder_.c_str(), 0750) != 0 && errno != EEXIST) {
        const int err = errno;
        return Error{err, "make " + folder_ + ": " + std::strerror(err)};
    }
    std::error_code error;
    for (const auto& file : std::filesystem::directory_iterator(folder_, error)) {
        const std::string name = file.path().filename().string();
        if (name.ends_with(ending)) {
            load_file(name.substr(0, name.size() - ending.size()), clock);
        }
    }
    if (error) {
        complaints_.push_back("read " + folder_ + ": " + error.message());
    }
    load_old_blocks(clock);
    return use({}, clock);
}

void DynamicSets::load_file(const std::string& set, const DynamicClock& clock) {
    Held& held = this->held(set);
    auto loaded = held.file.load();
    if (!loaded) {
        complaints_.push_back(loaded.error().message);
        return;
    }
    if (!loaded.value().complaint.empty()) {
        complaints_.push_back(loaded.value().complaint);
    }
    held.entries = std::move(loaded.value().entries);
    std::erase_if(held.entries, [&](const auto& each) { return is_over(each.second, clock); });
}

// The file of versions that knew @blocks only. It goes when its entries stand in the new one.
void DynamicSets::load_old_blocks(const DynamicClock& clock) {
    const auto text = read_text(old_blocks_);
    if (!text) {
        return;
    }
    auto entries = read_old_blocks(text.value());
    if (!entries) {
        complaints_.push_back(old_blocks_ + ": " + entries.error().message);
        return;
    }
    Held& held = this->held(std::string(blocks_set));
    for (const auto& [prefix, entry] : entries.value()) {
        if (!is_over(entry, clock)) {
            held.entries.emplace(prefix, entry);
        }
    }
    const auto written = held.file.rewrite(held.entries);
    complain(written);
    if (written && unlink(old_blocks_.c_str()) != 0) {
        complaints_.push_back("remove " + old_blocks_ + ": " + std::strerror(errno));
    }
}

Result<void> DynamicSets::use(const std::vector<Set>& sets, const DynamicClock& clock) {
    std::map<std::string, DynamicSet> next{
        {std::string(blocks_set), DynamicSet{.ttl_s = 0, .entries_max = PC_BLOCKS_MAX}}};
    for (const Set& set : sets) {
        if (set.dynamic) {
            next[set.name] = *set.dynamic;
        }
    }
    const auto before = std::exchange(used_, std::move(next));
    for (const auto& [name, setting] : used_) {
        Held& held = this->held(name);
        keep_or_forget(held, setting.persist);
        if (!before.contains(name)) {
            TRY(sink_.replaced(name, timed(name, clock)));
        }
    }
    for (const auto& [name, setting] : before) {
        if (!used_.contains(name)) {
            TRY(sink_.replaced(name, {}));
        }
    }
    return {};
}

// The files follow `persist` when a commit changes it.
void DynamicSets::keep_or_forget(Held& held, bool persist) {
    if (held.persist != persist) {
        held.persist = persist;
        complain(persist ? held.file.rewrite(held.entries) : held.file.remove());
    }
}

Result<void> DynamicSets::add(const std::string& set, const Prefix& prefix,
                              const DynamicEntry& entry, const DynamicClock& clock) {
    const auto setting = used_.find(set);
    if (setting == used_.end()) {
        return no_set(set);
    }
    Held& held = this->held(set);
    const uint32_t max = setting->second.entries_max;
    const auto there = held.entries.find(prefix);
    if (there == held.entries.end() && held.entries.size() >= max) {
        return Error{ENOSPC, "set " + set + " is full: it holds " +
                                 std::to_string(held.entries.size()) + " entries, and at most " +
                                 std::to_string(max)};
    }
    const auto before = there == held.entries.end() ? std::nullopt : std::optional(there->second);
    held.entries[prefix] = entry;
    held.next_end = std::min(held.next_end, end_of(entry));
    auto result = tell(set, prefix, clock);
    if (result && held.persist) {
        result = held.file.change(held.entries, prefix);
    }
    if (!result) {
        if (before) {
            held.entries[prefix] = *before;
        } else {
            held.entries.erase(prefix);
        }
        (void)tell(set, prefix, clock); // ignoring: the first error counts
    }
    return result;
}

Result<std::optional<uint64_t>> DynamicSets::remove(const std::string& set, const Prefix& prefix,
                                                    const DynamicClock& clock) {
    const auto found = held_.find(set);
    if (found == held_.end()) {
        return no_set(set);
    }
    Held& held = found->second;
    const auto there = held.entries.find(prefix);
    if (there == held.entries.end()) {
        return Error{ENOENT, to_string(prefix) +
                                 (set == blocks_set ? " is not blocked" : " is not in set " + set)};
    }
    const auto packets = sink_.packets(set, prefix);
    const auto entry = held.entries.extract(there);
    auto told = tell(set, prefix, clock);
    if (!told) {
        held.entries[prefix] = entry.mapped();
        (void)tell(set, prefix, clock); // ignoring: the first error counts
        return told.error();
    }
    if (held.persist) {
        TRY(held.file.change(held.entries, prefix));
    }
    return packets;
}

Result<size_t> DynamicSets::clear(const std::string& set) {
    const auto found = held_.find(set);
    if (found == held_.end()) {
        return no_set(set);
    }
    Held& held = found->second;
    const size_t count = held.entries.size();
    if (used_.contains(set)) {
        TRY(sink_.replaced(set, {}));
    }
    held.entries.clear();
    TRY(held.file.remove());
    if (!used_.contains(set)) {
        held_.erase(found);
    }
    return count;
}

Result<size_t> DynamicSets::expire(const DynamicClock& clock) {
    size_t count = 0;
    for (auto& [name, held] : held_) {
        if (clock.now < held.next_end) {
            continue;
        }
        std::vector<Prefix> over;
        held.next_end = for_good;
        for (const auto& [prefix, entry] : held.entries) {
            if (is_over(entry, clock)) {
                over.push_back(prefix);
            } else {
                held.next_end = std::min(held.next_end, end_of(entry));
            }
        }
        for (const Prefix& prefix : over) {
            const auto entry = held.entries.extract(prefix);
            if (const auto told = tell(name, prefix, clock); !told) {
                held.entries[prefix] = entry.mapped();
                held.next_end = 0; // tried again at the next tick
                return told.error();
            }
            ++count;
        }
        if (!over.empty() && held.persist) {
            complain(held.file.tidy(held.entries));
        }
    }
    return count;
}

const DynamicEntries* DynamicSets::find(const std::string& set) const {
    const auto found = held_.find(set);
    return found == held_.end() ? nullptr : &found->second.entries;
}

const DynamicEntries::value_type* DynamicSets::holder(const std::string& set,
                                                      const Address& address,
                                                      const DynamicClock& clock) const {
    const DynamicEntries::value_type* latest = nullptr;
    const DynamicEntries* entries = find(set);
    if (entries == nullptr) {
        return nullptr;
    }
    const auto bits = static_cast<uint8_t>(address_bits(address.family));
    each_cover(*entries, {address, bits}, [&](const DynamicEntries::value_type& entry) {
        const bool is_later = latest == nullptr || end_of(latest->second) < end_of(entry.second);
        latest = is_later && !is_over(entry.second, clock) ? &entry : latest;
    });
    return latest;
}

std::vector<TimedPrefix> DynamicSets::timed(const std::string& set,
                                            const DynamicClock& clock) const {
    const DynamicEntries* entries = find(set);
    return entries == nullptr ? std::vector<TimedPrefix>()
                              : timed_from(entries->begin(), entries->end(), 0, clock,
                                           [](const Prefix&) { return true; });
}

std::map<std::string, std::vector<AddressRange>, std::less<>>
DynamicSets::ranges(const DynamicClock& clock) const {
    std::map<std::string, std::vector<AddressRange>, std::less<>> all;
    for (const auto& [name, setting] : used_) {
        std::vector<AddressRange>& list = all[name];
        for (const auto& [prefix, entry] : *find(name)) {
            if (!is_over(entry, clock)) {
                list.push_back(range_of(prefix));
            }
        }
    }
    return all;
}

std::vector<std::string> DynamicSets::take_complaints() {
    return std::exchange(complaints_, {});
}

DynamicSets::Held& DynamicSets::held(const std::string& set) {
    const auto found = held_.find(set);
    if (found != held_.end()) {
        return found->second;
    }
    DynamicFile file(folder_ + "/" + set + std::string(ending));
    return held_.emplace(set, Held{{}, std::move(file)}).first->second;
}

// Packets are not asked against a set that is aside.
Result<void> DynamicSets::tell(const std::string& set, const Prefix& prefix,
                               const DynamicClock& clock) {
    if (!used_.contains(set)) {
        return {};
    }
    const DynamicEntries& entries = held(set).entries;
    DynamicChange change{prefix, std::nullopt, {}};
    const int64_t until = covered_until(entries, prefix);
    if (until != 0) {
        change.deadline_jiffies = deadline_of(until, clock);
    }
    // Longer prefixes stand after theirs in the order of Prefix, as long as they are inside.
    const auto inside = timed_from(entries.lower_bound(prefix), entries.end(), until, clock,
                                   [&](const Prefix& each) { return holds(prefix, each); });
    change.inside = inside;
    return sink_.changed(set, change);
}

void DynamicSets::complain(const Result<void>& result) {
    if (!result) {
        complaints_.push_back(result.error().message);
    }
}

} // namespace pc::daemon
