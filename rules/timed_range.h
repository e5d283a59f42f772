// SPDX-License-Identifier: GPL-3.0-or-later
// What a dynamic set says of addresses, as the classifier takes it.
#pragma once

#include "rules/address_list.h"

namespace pc {

// An entry of a dynamic set. While it lives, all addresses of the range are in the list.
struct TimedRange {
    Family family = Family::v4;
    WideRange range;
    uint16_t list = 0;     // of Plan::lists; 0: @blocks, of the source only
    bool negated = false;  // not in the list while it lives
    uint64_t deadline = 0; // bpf_jiffies64(); UINT64_MAX: for good
    uint32_t hits = 0;     // of @blocks: index into block_hits, not 0
};

} // namespace pc
