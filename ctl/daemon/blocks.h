// SPDX-License-Identifier: GPL-3.0-or-later
// The dynamic set @blocks: prefixes dropped at XDP, for a time or for good. Kept in the map
// `blocks`, which works without the daemon, and in STATE-DIR/blocks.json, which outlives a reboot.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "ctl/kern/map_store.h"
#include "rules/abi.h"
#include "rules/net.h"

namespace pc::daemon {

struct Block {
    int64_t until = 0; // UTC seconds; 0: for good
    int64_t since = 0;
    std::string comment;
    std::string who;
};

// The two clocks: UTC seconds, and the kernel's ticks.
struct BlockClock {
    int64_t now = 0;
    uint64_t jiffies = 0;
    uint64_t jiffies_per_second = 100;
};

class Blocks {
public:
    Blocks(MapStore& map, std::string path) : map_(map), path_(std::move(path)) {}

    // Reads the file, makes the map the same. Blocks that ended meanwhile are left out.
    [[nodiscard]] Result<void> load(const BlockClock& clock);

    [[nodiscard]] Result<void> add(const Prefix& prefix, const Block& block,
                                   const BlockClock& clock);

    // ENOENT if there is no such block. The value: packets it dropped.
    [[nodiscard]] Result<uint64_t> remove(const Prefix& prefix, const BlockClock& clock);

    // Removes those that are over; how many. Packets never wait for this: a block ends by its
    // deadline.
    [[nodiscard]] Result<size_t> expire(const BlockClock& clock);

    [[nodiscard]] const std::map<Prefix, Block>& list() const { return blocks_; }

    [[nodiscard]] Result<uint64_t> packets(const Prefix& prefix) const;

private:
    // The deadline that stands in the map: the latest of all blocks that hold the prefix.
    [[nodiscard]] int64_t effective_until(const Prefix& prefix) const;
    [[nodiscard]] Result<void> write(const Prefix& prefix, const BlockClock& clock);
    [[nodiscard]] Result<void> write_inside(const Prefix& prefix, const BlockClock& clock);
    [[nodiscard]] Result<void> save() const;

    MapStore& map_;
    std::string path_;
    std::map<Prefix, Block> blocks_;
};

// Does `outer` hold all of `inner`?
[[nodiscard]] bool holds(const Prefix& outer, const Prefix& inner);

} // namespace pc::daemon
