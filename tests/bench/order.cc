// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/order.h"

#include <algorithm>

namespace pc::bench {
namespace {

template <typename Range>
bool meet(const Range& a, const Range& b) {
    return a.first <= b.last && b.first <= a.last;
}

bool meet(const NumberRange& a, const NumberRange& b) {
    return a.low <= b.high && b.low <= a.high;
}

bool contains(const WideRange& outer, WideAddress address) {
    return outer.first <= address && address <= outer.last;
}

bool contains(const NumberRange& outer, uint32_t number) {
    return outer.low <= number && number <= outer.high;
}

bool meet(const Box& a, const Box& b) {
    return meet(a.src, b.src) && meet(a.dst, b.dst) && meet(a.proto, b.proto) &&
           meet(a.sport, b.sport) && meet(a.dport, b.dport);
}

bool contains_first(const Box& outer, const Box& box) {
    return contains(outer.src, box.src.first) && contains(outer.dst, box.dst.first) &&
           contains(outer.proto, box.proto.low) && contains(outer.sport, box.sport.low) &&
           contains(outer.dport, box.dport.low);
}

bool contains_last(const Box& outer, const Box& box) {
    return contains(outer.src, box.src.last) && contains(outer.dst, box.dst.last) &&
           contains(outer.proto, box.proto.high) && contains(outer.sport, box.sport.high) &&
           contains(outer.dport, box.dport.high);
}

// The addresses' top halves alone, side by side: most pairs of 100,000 rules are told apart here.
struct Outlines {
    explicit Outlines(const std::vector<Box>& boxes) {
        for (const Box& box : boxes) {
            src_first.push_back(top(box.src.first));
            src_last.push_back(top(box.src.last));
            dst_first.push_back(top(box.dst.first));
            dst_last.push_back(top(box.dst.last));
        }
    }

    static uint64_t top(WideAddress address) { return static_cast<uint64_t>(address >> 64); }

    [[nodiscard]] bool may_meet(size_t a, size_t b) const {
        const bool src = (src_first[a] <= src_last[b]) & (src_first[b] <= src_last[a]);
        const bool dst = (dst_first[a] <= dst_last[b]) & (dst_first[b] <= dst_last[a]);
        return src & dst;
    }

    std::vector<uint64_t> src_first, src_last, dst_first, dst_last;
};

// What the rule `earlier`, in map number `map`, asks of the map of `later`.
int map_after(const Box& earlier, int map, const Box& later) {
    const bool first = contains_first(earlier, later);
    const bool last = contains_last(earlier, later);
    if (earlier.flags_mask != 0) {
        // Its element jumps to a chain that asks the flags and comes back, past this map. Equal
        // ones share element and chain.
        const bool same =
            first && last && contains_first(later, earlier) && contains_last(later, earlier);
        return same ? map : map + 1;
    }
    if (first && last) {
        return never_asked;
    }
    if (first || last) {
        return map + 1;
    }
    return earlier.action == later.action && later.flags_mask == 0 ? 0 : map + 1;
}

} // namespace

std::vector<int> order(const Rules& rules) {
    const std::vector<Box>& boxes = rules.boxes;
    const Outlines outlines(boxes);
    std::vector<int> maps(boxes.size(), 0);
    for (size_t later = 0; later < boxes.size(); later++) {
        for (size_t i = 0; i < later && maps[later] != never_asked; i++) {
            if (!outlines.may_meet(i, later) || boxes[i].src_set != 0 || maps[i] == never_asked ||
                !meet(boxes[i], boxes[later])) {
                continue;
            }
            const int map = map_after(boxes[i], maps[i], boxes[later]);
            maps[later] = map == never_asked ? never_asked : std::max(maps[later], map);
        }
    }
    return maps;
}

} // namespace pc::bench
