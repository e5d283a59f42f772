// SPDX-License-Identifier: GPL-3.0-or-later
// Tested by tests/unit/check_test.cc.
#include "rules/contents.h"

#include <algorithm>
#include <type_traits>

namespace pc {

namespace {

constexpr size_t ranges_max = size_t{8} << 20;

const Address& low(const AddressRange& range) {
    return range.first;
}

const Address& high(const AddressRange& range) {
    return range.last;
}

uint32_t low(const NumberRange& range) {
    return range.low;
}

uint32_t high(const NumberRange& range) {
    return range.high;
}

Address after(const Address& address) {
    return next_address(address);
}

uint32_t after(uint32_t number) {
    return number + 1;
}

Address before(const Address& address) {
    return previous_address(address);
}

uint32_t before(uint32_t number) {
    return number - 1;
}

// Whether `b` goes on where `a` ends, without a wrap at the end of the family.
bool touches(const AddressRange& a, const AddressRange& b) {
    return a.last.family == b.first.family && a.last < b.first && next_address(a.last) == b.first;
}

bool touches(const NumberRange& a, const NumberRange& b) {
    return a.high < b.low && a.high + 1 == b.low;
}

template <typename Range>
std::vector<Range> unite(std::vector<Range> ranges) {
    std::sort(ranges.begin(), ranges.end());
    size_t kept = 0;
    for (const Range& range : ranges) {
        if (kept == 0) {
            ranges[kept++] = range;
            continue;
        }
        Range& last = ranges[kept - 1];
        if (low(range) <= high(last) || touches(last, range)) {
            if (high(last) < high(range)) {
                last = Range{low(last), high(range)};
            }
        } else {
            ranges[kept++] = range;
        }
    }
    ranges.resize(kept);
    return ranges;
}

template <typename Range>
std::vector<Range> subtract(const std::vector<Range>& from, const std::vector<Range>& what) {
    std::vector<Range> left;
    size_t next = 0;
    for (Range rest : from) {
        while (next < what.size() && high(what[next]) < low(rest)) {
            ++next;
        }
        bool gone = false;
        for (size_t i = next; i < what.size() && !gone && low(what[i]) <= high(rest); ++i) {
            if (low(rest) < low(what[i])) {
                left.push_back(Range{low(rest), before(low(what[i]))});
            }
            gone = high(rest) <= high(what[i]);
            if (!gone) {
                rest = Range{after(high(what[i])), high(rest)};
            }
        }
        if (!gone) {
            left.push_back(rest);
        }
    }
    return left;
}

template <typename Range>
bool holds(const std::vector<Range>& outer, const std::vector<Range>& inner) {
    auto at = outer.begin();
    for (const Range& range : inner) {
        at = std::partition_point(at, outer.end(),
                                  [&](const Range& o) { return high(o) < low(range); });
        if (at == outer.end() || low(range) < low(*at) || high(*at) < high(range)) {
            return false;
        }
    }
    return true;
}

void append(std::vector<AddressRange>& to, const std::vector<AddressRange>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

template <typename T>
void add_bytes(std::string& key, const T& value) {
    static_assert(std::has_unique_object_representations_v<T>);
    key.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// What tells the item from every other one.
void add_key(std::string& key, const AddressItem& item) {
    key += item.negated ? '!' : '=';
    key += item.set;
    key += '\0';
    if (item.set.empty()) {
        add_bytes(key, item.range);
    }
}

std::vector<AddressRange> ranges_of(const std::vector<AddressItem>& items) {
    std::vector<AddressRange> ranges;
    for (const AddressItem& item : items) {
        if (item.set.empty()) {
            ranges.push_back(item.range);
        }
    }
    return ranges;
}

} // namespace

Numbers united(Numbers ranges) {
    return unite(std::move(ranges));
}

Numbers without(const Numbers& from, const Numbers& what) {
    return subtract(from, what);
}

bool covers(const Numbers& outer, const Numbers& inner) {
    return holds(outer, inner);
}

std::vector<AddressRange> united(std::vector<AddressRange> ranges) {
    return unite(std::move(ranges));
}

std::vector<AddressRange> without(const std::vector<AddressRange>& from,
                                  const std::vector<AddressRange>& what) {
    return subtract(from, what);
}

bool covers(const std::vector<AddressRange>& outer, const std::vector<AddressRange>& inner) {
    return holds(outer, inner);
}

const std::vector<AddressRange>& all_addresses() {
    static const std::vector<AddressRange> all{range_of(Prefix{Address{Family::v4, {}}, 0}),
                                               range_of(Prefix{Address{Family::v6, {}}, 0})};
    return all;
}

Contents::Contents(const RuleSet& rules, const Environment& environment)
    : rules_(rules), environment_(environment) {
    for (const Set& set : rules.sets) {
        by_name_.emplace(set.name, &set);
    }
}

const Set* Contents::find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

const Addresses& Contents::addresses(const std::vector<AddressItem>& items) {
    if (items.size() == 1 && !items.front().negated && !items.front().set.empty()) {
        return address_set(items.front().set);
    }
    std::string key;
    for (const AddressItem& item : items) {
        add_key(key, item);
    }
    const auto [entry, added] = lists_.try_emplace(std::move(key));
    if (!added) {
        return entry->second;
    }
    if (items.size() == 1 && !items.front().negated) {
        entry->second.ranges = {items.front().range};
        count(entry->second);
        return entry->second;
    }
    std::vector<AddressItem> in;
    std::vector<AddressItem> out;
    for (const AddressItem& item : items) {
        (item.negated ? out : in).push_back(item);
    }
    Addresses held = in.empty() ? Addresses{all_addresses(), true} : positive(in, {});
    if (!out.empty()) {
        const Addresses excluded = positive(out, {});
        held.ranges = without(held.ranges, excluded.ranges);
        held.known = held.known && excluded.known;
    }
    count(held);
    entry->second = std::move(held);
    return entry->second;
}

const Numbers& Contents::numbers(const std::vector<NumberItem>& items, const NumberRange& all) {
    std::string key;
    add_bytes(key, all);
    for (const NumberItem& item : items) {
        key += item.negated ? '!' : '=';
        key += item.set;
        key += '\0';
        add_bytes(key, item.range);
    }
    const auto [entry, added] = number_lists_.try_emplace(std::move(key));
    if (!added) {
        return entry->second;
    }
    Numbers in;
    Numbers out;
    bool positive = false;
    for (const NumberItem& item : items) {
        Numbers& side = item.negated ? out : in;
        positive = positive || !item.negated;
        if (item.set.empty()) {
            side.push_back(item.range);
        } else {
            const Numbers& held = number_set(item.set);
            side.insert(side.end(), held.begin(), held.end());
        }
    }
    entry->second =
        without(positive ? united(std::move(in)) : Numbers{all}, united(std::move(out)));
    return entry->second;
}

const Numbers& Contents::flags(const std::vector<TcpFlagsItem>& items) {
    std::string key = "flags";
    for (const TcpFlagsItem& item : items) {
        key += static_cast<char>(item.mask);
        key += static_cast<char>(item.value);
    }
    const auto [entry, added] = number_lists_.try_emplace(std::move(key));
    for (uint32_t flags = 0; added && flags <= UINT8_MAX; ++flags) {
        if (std::any_of(items.begin(), items.end(), [&](const TcpFlagsItem& item) {
                return (flags & item.mask) == item.value;
            })) {
            entry->second.push_back({flags, flags});
        }
    }
    if (added) {
        entry->second = united(std::move(entry->second));
    }
    return entry->second;
}

const Addresses& Contents::address_set(std::string_view name) {
    const auto [entry, added] = addresses_.try_emplace(std::string(name));
    if (!added) {
        return entry->second;
    }
    const Set* set = find(name);
    Addresses held;
    if (name == blocks_set || (set != nullptr && set->dynamic)) {
        held = {united(entries_of(environment_, name)), false}; // until the next entry
    } else if (set == nullptr) {
        held = built_in(name);
    } else if (set->type == SetType::prefix) {
        held = positive(set->addresses, set->file_addresses);
        if (!set->exclude.empty()) {
            const Addresses excluded = positive(set->exclude, {});
            held.ranges = without(held.ranges, excluded.ranges);
            held.known = held.known && excluded.known;
        }
    }
    count(held);
    entry->second = std::move(held);
    return entry->second;
}

const Numbers& Contents::number_set(std::string_view name) {
    const auto [entry, added] = numbers_.try_emplace(std::string(name));
    const Set* set = find(name);
    if (!added || set == nullptr || set->type == SetType::prefix || set->type == SetType::name) {
        return entry->second;
    }
    const auto held_by = [&](const std::vector<NumberItem>& items, Numbers more) {
        for (const NumberItem& item : items) {
            if (item.set.empty()) {
                more.push_back(item.range);
            } else {
                const Numbers& inner = number_set(item.set);
                more.insert(more.end(), inner.begin(), inner.end());
            }
        }
        return united(std::move(more));
    };
    entry->second =
        without(held_by(set->numbers, set->file_numbers), held_by(set->exclude_numbers, {}));
    return entry->second;
}

Addresses Contents::built_in(std::string_view name) const {
    if (name == "any") {
        return {all_addresses(), true};
    }
    if (name == "bogons") {
        return {united(bogons()), true};
    }
    if (name == "management") {
        return {united(ranges_of(rules_.host.management)), true};
    }
    if (name == "self") {
        return {united(environment_.self), !environment_.self.empty()};
    }
    if (name == "local") {
        const bool given = !rules_.host.local.empty();
        std::vector<AddressRange> ranges =
            given ? ranges_of(rules_.host.local) : environment_.local;
        for (const Zone& zone : rules_.zones) {
            append(ranges, ranges_of(zone.prefixes));
        }
        return {united(std::move(ranges)), given || !environment_.local.empty()};
    }
    return {{}, true};
}

Addresses Contents::positive(const std::vector<AddressItem>& items,
                             const std::vector<AddressRange>& more) {
    Addresses held{more, true};
    for (const AddressItem& item : items) {
        if (item.set.empty()) {
            held.ranges.push_back(item.range);
        } else {
            const Addresses& inner = address_set(item.set);
            append(held.ranges, inner.ranges);
            held.known = held.known && inner.known;
        }
    }
    held.ranges = united(std::move(held.ranges));
    return held;
}

// Sets that hold sets that hold sets: beyond the limit we rather know nothing.
void Contents::count(Addresses& addresses) {
    ranges_ += addresses.ranges.size();
    if (ranges_ > ranges_max) {
        addresses = Addresses{{}, false};
    }
}

} // namespace pc
