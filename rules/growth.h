// SPDX-License-Identifier: GPL-3.0-or-later
// What an edit adds to a live classifier, for whoever bounds what packets cost.
#pragma once

#include <cstdint>
#include <functional>

#include "rules/result.h"

namespace pc {

// Rules that an edit takes away still count: they are found until the edit has settled.
struct Growth {
    struct Family {
        uint32_t tuples = 0;   // that rows may have got
        uint32_t overflow = 0; // buckets that chains have got
        uint32_t longest = 1;  // chain that there is then
        uint32_t entries = 0;  // that ask their records from now on
    };

    Family v4, v6;
    bool in_tables = false; // the tables have it already, where nobody finds it yet
};

// Asked when an edit stands ready and packets see nothing of it yet. An Error: it does not happen.
using Judge = std::function<Result<void>(const Growth& growth)>;

} // namespace pc
