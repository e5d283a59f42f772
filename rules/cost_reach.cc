// SPDX-License-Identifier: GPL-3.0-or-later
// Tested by tests/unit/cost_test.cc.
#include "rules/cost_reach.h"

#include <algorithm>

namespace pc {

namespace {

constexpr size_t values_max = 4096;       // of one tuple in one field
constexpr size_t values_of_all = 1 << 20; // and of all tuples
constexpr uint32_t run_max = 64;          // ports of one class that are spelled out
constexpr std::array<uint8_t, 5> port_protos{6, 17, 33, 132, 136};

enum Field : size_t { src, dst, sport, dport, proto, zone };

constexpr size_t field_of(Side side) {
    return side == Side::src ? src : dst;
}

template <typename Use>
void for_each_tuple(const uint64_t* row, size_t words, const Use& use) {
    for (size_t word = 0; word < words; word++) {
        for (uint64_t left = row[word]; left != 0; left &= left - 1) {
            use(static_cast<uint32_t>(word * 64 + static_cast<size_t>(__builtin_ctzll(left))));
        }
    }
}

uint32_t number_of(uint32_t index) {
    return index < PC_PORT_ICMP ? index : index < PC_PORT_NONE ? index - PC_PORT_ICMP : 0;
}

uint32_t at(uint32_t table, size_t index, size_t size) {
    return static_cast<uint32_t>(table + index * size);
}

} // namespace

// Rows by where they are, and by what they are: equal ones count once.
class CostReach::RowIndex {
public:
    RowIndex(const CostReach& reach, CostField& field, std::vector<uint64_t> always)
        : reach_(reach), field_(field), always_(std::move(always)) {}

    size_t add(uint32_t place, WideAddress point) {
        const auto known = by_place_.find(place);
        const size_t index = known != by_place_.end() ? known->second : add_place(place);
        CostField::Points& points = field_.points[index];
        if (points.count < CostField::points_max) {
            points.value.at(points.count++) = point;
        }
        return index;
    }

    [[nodiscard]] const uint64_t* row(size_t index) const {
        return &field_.rows[index * reach_.words()];
    }

private:
    size_t add_place(uint32_t place) {
        std::vector<uint64_t> bits = reach_.row_at(place);
        uint64_t hash = 0;
        for (size_t word = 0; word < bits.size(); word++) {
            bits[word] |= always_.empty() ? 0 : always_[word];
            hash = (hash ^ bits[word]) * 0xd6e8feb86659fd93ULL;
            hash ^= hash >> 32;
        }
        size_t index = field_.points.size();
        const auto [first, last] = by_hash_.equal_range(hash);
        for (auto same = first; same != last; ++same) {
            if (std::equal(bits.begin(), bits.end(), row(same->second))) {
                index = same->second;
            }
        }
        if (index == field_.points.size()) {
            field_.rows.insert(field_.rows.end(), bits.begin(), bits.end());
            field_.points.emplace_back();
            by_hash_.emplace(hash, index);
        }
        by_place_.emplace(place, index);
        return index;
    }

    const CostReach& reach_;
    CostField& field_;
    std::vector<uint64_t> always_;
    std::unordered_map<uint32_t, size_t> by_place_;
    std::unordered_multimap<uint64_t, size_t> by_hash_;
};

CostReach::CostReach(const Classifier& classifier, Family family)
    : classifier_(classifier), image_(classifier.image()), family_(family),
      tables_(classifier.tables(family).tables()), seed_(classifier.seed()) {
    if (tables_.words == 0) {
        return;
    }
    read_tuples();
    read_addresses(Side::src);
    read_addresses(Side::dst);
    read_ports(Side::src);
    read_ports(Side::dst);
    read_others();
    read_chains();
    weigh_tuples();
}

void CostReach::read_tuples() {
    const size_t count = size_t{tables_.words} * 64;
    for (size_t i = 0; i < count; i++) {
        tuples_.push_back(image_.read<pc_tuple>(at(tables_.tuples, i, sizeof(pc_tuple))));
        const auto best = image_.read<pc_best>(at(tables_.bests, i, sizeof(pc_best)));
        used_.push_back(best.own != PC_PRIORITY_NONE);
    }
    values_left_ = values_of_all;
    for (size_t field = src; field <= zone; field++) {
        values_.at(field).resize(count);
        open_.at(field).assign(tables_.words, 0);
        for (uint32_t tuple = 0; tuple < count; tuple++) {
            const pc_tuple& masks = tuples_[tuple];
            const WideAddress mask = field <= dst
                                         ? address_mask(tuple, field == src ? Side::src : Side::dst)
                                     : field == sport ? masks.sport
                                     : field == dport ? masks.dport
                                     : field == proto ? masks.rest & 0xff
                                                      : masks.rest >> 8 & 0xff;
            if (mask == 0) {
                values_.at(field)[tuple].list = {0}; // whatever the packet has
            } else if (used_[tuple]) {
                open_.at(field)[tuple / 64] |= 1ULL << (tuple % 64);
            }
        }
    }
}

std::vector<uint64_t> CostReach::row_at(uint32_t place) const {
    std::vector<uint64_t> row(words());
    std::memcpy(row.data(), image_.bytes(place, row.size() * 8).data(), row.size() * 8);
    return row;
}

// What an entry of a dynamic set adds to the row of any address: the bound holds whatever they
// hold.
std::vector<uint64_t> CostReach::dynamic_tuples(Side side) const {
    std::vector<uint64_t> row(words());
    const std::vector<PlanList>& lists = classifier_.address_lists();
    for (size_t list = 1; list < lists.size(); list++) {
        const auto& dynamic = lists[list].dynamic;
        const bool adds = std::any_of(dynamic.begin(), dynamic.end(),
                                      [](const PlanList::Dynamic& set) { return !set.negated; });
        if (!adds) {
            continue;
        }
        for (const uint32_t tuple :
             classifier_.tables(family_).tuples_of_list(side, static_cast<uint16_t>(list))) {
            row[tuple / 64] |= 1ULL << (tuple % 64);
        }
    }
    return row;
}

WideAddress CostReach::address_mask(uint32_t tuple, Side side) const {
    const auto& addr = tuples_[tuple].addr;
    if (family_ == Family::v4) {
        const uint64_t mask = side == Side::src ? addr[0] >> 32 : addr[0] & 0xffffffff;
        return WideAddress{mask} << 96;
    }
    const size_t first = side == Side::src ? 0 : 2;
    return WideAddress{addr[first]} << 64 | addr[first + 1];
}

void CostReach::add_value(size_t field, uint32_t tuple, WideAddress value) {
    Values& values = values_.at(field)[tuple];
    std::vector<WideAddress>& list = values.list;
    if (values.too_many || (!list.empty() && list.back() == value)) {
        return;
    }
    list.push_back(value);
    values_left_ -= std::min<size_t>(values_left_, 1);
    if (list.size() > 2 * values_max) {
        std::sort(list.begin(), list.end());
        list.erase(std::unique(list.begin(), list.end()), list.end());
    }
    if (list.size() > values_max || values_left_ == 0) {
        values.too_many = true;
        list.clear();
        open_.at(field)[tuple / 64] &= ~(1ULL << (tuple % 64));
    }
}

void CostReach::add_range(uint32_t tuple, Side side, const WideRange& range) {
    const WideAddress mask = address_mask(tuple, side);
    const WideAddress step = mask & -mask;
    WideAddress value = range.first & mask;
    for (uint32_t i = 0; i < run_max; i++) {
        add_value(field_of(side), tuple, value);
        if ((range.last & mask) == value) {
            return;
        }
        value += step;
    }
    Values& values = values_.at(field_of(side))[tuple];
    values.too_many = true;
    values.list.clear();
    open_.at(field_of(side))[tuple / 64] &= ~(1ULL << (tuple % 64));
}

void CostReach::read_addresses(Side side) {
    CostField& field = addresses_.at(field_of(side));
    RowIndex index(*this, field, dynamic_tuples(side));
    const std::vector<uint64_t>& open = open_.at(field_of(side));
    std::vector<uint64_t> asked(words());
    const auto add_row = [&](uint32_t place, const WideRange& range) {
        const uint64_t* row = index.row(index.add(place, range.first));
        for (size_t word = 0; word < asked.size(); word++) {
            asked[word] = row[word] & open[word];
        }
        for_each_tuple(asked.data(), asked.size(),
                       [&](uint32_t tuple) { add_range(tuple, side, range); });
    };
    const auto add = [&](uint32_t leaf, const WideRange& range) {
        // Each of the rows that hold until a deadline, and the one that does then.
        for (; PC_REF_TYPE(leaf) == PC_REF_TIMED;) {
            const auto timed = image_.read<pc_timed>(PC_REF_PLACE8(leaf));
            add_row(PC_REF_PLACE8(timed.live), range);
            leaf = timed.expired;
        }
        add_row(PC_REF_PLACE8(leaf), range);
    };
    std::optional<AddressSegment> before;
    const AddressTable::Visit visit{.leaf =
                                        [&](WideAddress first, uint32_t leaf) {
                                            if (before && before->ref == leaf) {
                                                return;
                                            }
                                            if (before) {
                                                add(before->ref,
                                                    {.first = before->first, .last = first - 1});
                                            }
                                            before = AddressSegment{.first = first, .ref = leaf};
                                        },
                                    .block = [](uint32_t, size_t) {}};
    const uint32_t root = tables_.addr[field_of(side)];
    classifier_.tables(family_).addresses(side).visit(root, visit);
    add(before->ref, {.first = before->first, .last = ~WideAddress{0}});
}

void CostReach::add_numbers(size_t field, const uint64_t* row, uint32_t first, uint32_t last,
                            uint64_t labels) {
    std::vector<uint64_t> asked(words());
    for (size_t word = 0; word < asked.size(); word++) {
        asked[word] = row[word] & open_.at(field)[word];
    }
    for_each_tuple(asked.data(), asked.size(), [&](uint32_t tuple) {
        const uint64_t mask = field == sport ? tuples_[tuple].sport : tuples_[tuple].dport;
        const uint32_t end = (mask & 0xffff) != 0 ? std::min(last, first + run_max) : first;
        for (uint32_t number = first; number <= end; number++) {
            add_value(field, tuple, (labels | number_of(number)) & mask);
        }
        if ((mask & 0xffff) != 0 && end < last) {
            Values& values = values_.at(field)[tuple];
            values.too_many = true;
            values.list.clear();
            open_.at(field)[tuple / 64] &= ~(1ULL << (tuple % 64));
        }
    });
}

void CostReach::read_ports(Side side) {
    const size_t number = field_of(side);
    constexpr std::array<std::pair<uint32_t, uint32_t>, kinds> ranges{
        {{0, PC_PORT_ICMP}, {PC_PORT_ICMP, PC_PORT_NONE}, {PC_PORT_NONE, PC_PORT_NONE + 1}}};
    std::vector<uint16_t> classes(PC_PORT_INDEXES);
    const size_t bytes = classes.size() * sizeof(uint16_t);
    std::memcpy(classes.data(), image_.bytes(tables_.ports[number], bytes).data(), bytes);
    for (size_t kind = 0; kind < kinds; kind++) {
        RowIndex index(*this, ports_.at(number).at(kind), {});
        const auto [begin, end] = ranges.at(kind);
        for (uint32_t first = begin, last = begin; first < end; first = last + 1) {
            for (last = first; last + 1 < end && classes[last + 1] == classes[first]; last++) {
            }
            const auto found = image_.read<pc_port_class>(
                at(tables_.port_classes[number], classes[first], sizeof(pc_port_class)));
            const size_t row = index.add(found.row, first);
            add_numbers(sport + number, index.row(row), first, last, found.labels);
        }
    }
}

void CostReach::read_others() {
    for (size_t kind = 0; kind < kinds; kind++) {
        RowIndex index(*this, protos_.at(kind), {});
        for (uint32_t number = 0; number < 256; number++) {
            const bool ports =
                std::find(port_protos.begin(), port_protos.end(), number) != port_protos.end();
            const bool icmp = number == (family_ == Family::v4 ? 1 : 58);
            if ((kind == 0 && !ports) || (kind == 1 && !icmp)) {
                continue;
            }
            const auto place = image_.read<uint32_t>(at(tables_.protos, number, 4));
            const uint64_t* row = index.row(index.add(place, number));
            for_each_tuple(row, words(), [&](uint32_t tuple) {
                if (kind == kinds - 1 && (tuples_[tuple].rest & 0xff) != 0) {
                    add_value(proto, tuple, number);
                }
            });
        }
    }
    RowIndex index(*this, zones_, {});
    for (uint32_t number = 0; number < PC_ZONES_MAX; number++) {
        const auto place = image_.read<uint32_t>(at(tables_.zones, number, 4));
        const uint64_t* row = index.row(index.add(place, number));
        for_each_tuple(row, words(), [&](uint32_t tuple) {
            if ((tuples_[tuple].rest >> 8 & 0xff) != 0) {
                add_value(zone, tuple, number);
            }
        });
    }
}

} // namespace pc
