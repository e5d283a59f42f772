// SPDX-License-Identifier: GPL-3.0-or-later
// Where the entries of dynamic sets go: what packets are asked against. The list that people see,
// with its wall-clock times and comments, is dynamic_sets.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "rules/net.h"
#include "rules/result.h"

namespace pc::daemon {

// The deadline is the latest of the entry's own and those of all entries of the set that cover it:
// a longer prefix never hides a shorter one that lives on.
struct TimedPrefix {
    Prefix prefix;
    uint64_t deadline_jiffies = 0; // 0: for good

    bool operator==(const TimedPrefix&) const = default;
};

// What holds now for the addresses of one prefix.
struct DynamicChange {
    Prefix prefix;
    // Of the addresses that no longer prefix in `inside` holds; none: these are not in the set.
    std::optional<uint64_t> deadline_jiffies;
    // The entries that are this prefix or inside of it, an outer one before those it covers.
    std::span<const TimedPrefix> inside;
};

class DynamicSink {
public:
    virtual ~DynamicSink() = default;

    // After an Error things are to be as they were.
    [[nodiscard]] virtual Result<void> changed(const std::string& set,
                                               const DynamicChange& change) = 0;

    // These entries and no others: at the daemon's start, when a set is cleared, and when a commit
    // brings a set or takes it away. In the order of `inside`.
    [[nodiscard]] virtual Result<void> replaced(const std::string& set,
                                                std::span<const TimedPrefix> entries) = 0;

    // Packets that the entry has decided by itself; none where that is not counted.
    [[nodiscard]] virtual std::optional<uint64_t> packets(const std::string& set,
                                                          const Prefix& prefix) const = 0;
};

} // namespace pc::daemon
