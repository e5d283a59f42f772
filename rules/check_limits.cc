// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/check_limits.h"

#include <algorithm>
#include <set>

#include "rules/words.h"

namespace pc {

namespace {

constexpr size_t entries_max = PC_ADDR_ENTRIES_MAX;

// Different lists so far, of one kind of map.
class Lists {
public:
    Lists(size_t max, std::string what) : max_(max), what_(std::move(what)) {}

    // Reports the first list that is one too many.
    template <typename Content>
    void add(std::set<Content>& seen, Content content, const Location& at,
             Diagnostics& diagnostics) {
        if (seen.insert(std::move(content)).second && ++count_ == max_ + 1) {
            diagnostics.add({Severity::error,
                             "E070",
                             at,
                             "more than " + std::to_string(max_) + " different lists of " + what_,
                             {},
                             "put values that belong together into one set"});
        }
    }

private:
    size_t max_;
    size_t count_ = 0;
    std::string what_;
};

bool is_one_prefix(const std::vector<AddressRange>& ranges) {
    return ranges.empty() || (ranges.size() == 1 && prefixes_of(ranges.front()).size() == 1);
}

class Limits {
public:
    Limits(Contents& contents, Diagnostics& diagnostics)
        : contents_(contents), diagnostics_(diagnostics) {}

    void addresses(const std::vector<AddressItem>& items) {
        if (items.empty()) {
            return;
        }
        const Addresses& held = contents_.addresses(items);
        if (is_one_prefix(held.ranges) || address_contents_.contains(&held)) {
            return;
        }
        address_lists_.add(address_contents_, &held, items.front().at, diagnostics_);
        lists_.emplace_back(&held, items.front().at);
        for (const AddressRange& range : held.ranges) {
            entries_ += range.first == range.last ? 1 : prefixes_of(range).size();
        }
    }

    // All lists share one trie: a prefix of several lists is one entry.
    void check_entries() {
        std::vector<Prefix> entries;
        for (auto list = lists_.begin(); list != lists_.end() && entries_ > entries_max; ++list) {
            for (const AddressRange& range : list->first->ranges) {
                const std::vector<Prefix> prefixes = prefixes_of(range);
                entries.insert(entries.end(), prefixes.begin(), prefixes.end());
            }
            if (entries.size() < 4 * entries_max && list + 1 != lists_.end()) {
                continue; // seldom sorted, never too many at once
            }
            std::sort(entries.begin(), entries.end());
            entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
            if (entries.size() > entries_max) {
                diagnostics_.add({Severity::error,
                                  "E070",
                                  list->second,
                                  "the lists of addresses hold more than " +
                                      std::to_string(entries_max) + " prefixes",
                                  {},
                                  {}});
                return;
            }
        }
    }

    // Ports and lengths: one range needs no list.
    void numbers(const std::vector<NumberItem>& items, uint32_t max) {
        if (items.empty()) {
            return;
        }
        const Numbers& held = contents_.numbers(items, {0, max});
        if (held.size() > 1) {
            number_lists_.add(number_contents_, flat(held), items.front().at, diagnostics_);
        }
    }

    void bytes(const std::vector<NumberItem>& items) {
        if (!items.empty()) {
            byte_lists_.add(byte_contents_, flat(contents_.numbers(items, {0, UINT8_MAX})),
                            items.front().at, diagnostics_);
        }
    }

    void flags(const std::vector<TcpFlagsItem>& items) {
        if (items.empty()) {
            return;
        }
        std::vector<uint32_t> content{UINT32_MAX}; // not to be taken for a list of numbers
        for (const TcpFlagsItem& item : items) {
            content.push_back(uint32_t{item.mask} << 8 | item.value);
        }
        byte_lists_.add(byte_contents_, std::move(content), items.front().at, diagnostics_);
    }

    void macs(const std::vector<MacItem>& items) {
        std::string words;
        for (const MacItem& item : items) {
            words += word_of(item) + " ";
        }
        if (!items.empty() && mac_lists_.insert(words).second) {
            const bool was_over = macs_ > PC_MACS_MAX;
            macs_ += items.size();
            if (macs_ > PC_MACS_MAX && !was_over) {
                diagnostics_.add({Severity::error,
                                  "E070",
                                  items.front().at,
                                  "more than " + std::to_string(PC_MACS_MAX) + " MAC addresses",
                                  {},
                                  {}});
            }
        }
    }

private:
    static std::vector<uint32_t> flat(const Numbers& numbers) {
        std::vector<uint32_t> out;
        for (const NumberRange& range : numbers) {
            out.insert(out.end(), {range.low, range.high});
        }
        return out;
    }

    Contents& contents_;
    Diagnostics& diagnostics_;
    std::set<const Addresses*> address_contents_;
    std::set<std::vector<uint32_t>> number_contents_;
    std::set<std::vector<uint32_t>> byte_contents_;
    std::set<std::string> mac_lists_;
    // Number 0 of each is "no list".
    Lists address_lists_{PC_ADDR_LISTS_MAX - 1, "addresses"};
    Lists number_lists_{PC_NUMBER_SETS_MAX - 1, "ports, lengths and VLAN ids"};
    Lists byte_lists_{PC_BYTE_SETS_MAX - 1, "protocols, types, flags and TTLs"};
    std::vector<std::pair<const Addresses*, Location>> lists_;
    size_t entries_ = 0; // at most: counted per list
    size_t macs_ = 0;
};

} // namespace

void check_limits(const RuleSet& rules, const Environment& environment, Contents& contents,
                  Diagnostics& diagnostics) {
    Limits limits(contents, diagnostics);
    for (const Rule& rule : rules.rules) {
        if (!is_active(rule, environment)) {
            continue;
        }
        const Match& match = rule.match;
        limits.addresses(match.src);
        limits.addresses(match.dst);
        for (const auto* items : {&match.sport, &match.dport, &match.len}) {
            limits.numbers(*items, UINT16_MAX);
        }
        limits.numbers(match.vlan, PC_VLAN_NONE);
        for (const auto* items : {&match.proto, &match.ttl, &match.icmp_type, &match.icmp_code}) {
            limits.bytes(*items);
        }
        limits.flags(match.tcp_flags);
        limits.macs(match.src_mac);
    }
    limits.check_entries();
}

} // namespace pc
