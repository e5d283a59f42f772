// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/address_rows.h"

#include <algorithm>

namespace pc {

namespace {

// `what`: a bit, or from the number of bits on a list.
struct Event {
    WideAddress at = 0;
    uint32_t what = 0;
    int32_t step = 0;
};

bool before(const Event& a, const Event& b) {
    return a.at < b.at;
}

void add_range(std::vector<Event>& events, const WideRange& range, uint32_t what) {
    events.push_back({.at = range.first, .what = what, .step = 1});
    if (range.last != ~WideAddress{0}) {
        events.push_back({.at = range.last + 1, .what = what, .step = -1});
    }
}

// A number for each bit, so that the sum of those that are set names a class; two of them, because
// a class that is taken for another one would be a wrong verdict.
struct Name {
    uint64_t a = 0;
    uint64_t b = 0;

    bool operator==(const Name&) const = default;
};

struct NameHash {
    size_t operator()(const Name& name) const { return name.a; }
};

uint64_t scramble(uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}

class Sweep {
public:
    Sweep(RowTable& rows, const std::vector<AddressRegion>& lists)
        : rows_(rows), lists_(lists), counts_(rows.words() * 64), bits_(rows.words()) {
        names_.reserve(counts_.size());
        for (uint64_t bit = 0; bit < counts_.size(); bit++) {
            names_.push_back({scramble(2 * bit + 1), scramble(~bit * 0x9e3779b97f4a7c15ULL)});
        }
    }

    void apply(const Event& event) {
        if (event.what < counts_.size()) {
            count(event.what, event.step);
            return;
        }
        for (const uint32_t bit : lists_[event.what - counts_.size()].bits) {
            count(bit, event.step);
        }
    }

    [[nodiscard]] Result<uint32_t> ref() {
        const auto known = refs_.find(name_);
        if (known != refs_.end()) {
            return known->second;
        }
        const uint32_t place = TRY(rows_.place_of(bits_));
        refs_.emplace(name_, place >> 3);
        return place >> 3; // PC_REF_ROW is 0
    }

private:
    void count(uint32_t bit, int32_t step) {
        const bool held = counts_[bit] != 0;
        counts_[bit] += static_cast<uint32_t>(step);
        const bool holds = counts_[bit] != 0;
        if (held != holds) {
            name_.a ^= names_[bit].a;
            name_.b ^= names_[bit].b;
            set_bit(bits_, bit, holds);
        }
    }

    RowTable& rows_;
    const std::vector<AddressRegion>& lists_;
    std::vector<uint32_t> counts_;
    RowBits bits_;
    std::vector<Name> names_;
    Name name_;
    std::unordered_map<Name, uint32_t, NameHash> refs_;
};

std::vector<Event> events_of(const std::vector<AddressBit>& prefixes,
                             const std::vector<AddressRegion>& lists, size_t bits) {
    size_t count = prefixes.size() * 2;
    for (const AddressRegion& list : lists) {
        count += list.ranges->size() * 2;
    }
    std::vector<Event> events;
    events.reserve(count);
    for (const AddressBit& prefix : prefixes) {
        add_range(events, prefix.range, prefix.bit);
    }
    std::sort(events.begin(), events.end(), before);
    for (size_t i = 0; i < lists.size(); i++) {
        const auto sorted = static_cast<ptrdiff_t>(events.size());
        for (const WideRange& range : *lists[i].ranges) {
            add_range(events, range, static_cast<uint32_t>(bits + i));
        }
        std::inplace_merge(events.begin(), events.begin() + sorted, events.end(), before);
    }
    return events;
}

} // namespace

Result<uint32_t> build_address_rows(AddressTable& table, RowTable& rows,
                                    std::vector<AddressBit> prefixes,
                                    const std::vector<AddressRegion>& lists) {
    std::sort(prefixes.begin(), prefixes.end());
    prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
    std::vector<AddressSegment> segments;
    {
        const std::vector<Event> events = events_of(prefixes, lists, rows.words() * 64);
        Sweep sweep(rows, lists);
        segments.reserve(events.size() + 1);
        for (size_t i = 0; i < events.size() || segments.empty();) {
            const WideAddress at = segments.empty() ? 0 : events[i].at;
            for (; i < events.size() && events[i].at == at; i++) {
                sweep.apply(events[i]);
            }
            const uint32_t ref = TRY(sweep.ref());
            if (segments.empty() || segments.back().ref != ref) {
                segments.push_back({.first = at, .ref = ref});
            }
        }
    }
    return table.build(segments);
}

} // namespace pc
