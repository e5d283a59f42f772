// SPDX-License-Identifier: GPL-3.0-or-later
// How an ordered list of overlapping rules becomes nftables verdict maps that decide the same.
//
// A set of concatenated ranges takes an element only if neither its first nor its last point lies
// within an element that is already there. Of overlapping elements that it took, small sets answer
// with the one that was added first, but those of more than 256 elements do not always (kernel 6.18
// with AVX2). So overlapping rules of different verdicts stand in different maps, which are asked
// one after the other: each rule goes into the first map behind those of the earlier rules that it
// must not hide and that takes it. What an earlier rule holds whole is left out.
#pragma once

#include "tests/bench/rule_file.h"

namespace pc::bench {

inline constexpr int never_asked = -1;

// For each rule the number of its map. Rules with a set have 0: they come first, by themselves.
[[nodiscard]] std::vector<int> order(const Rules& rules);

} // namespace pc::bench
