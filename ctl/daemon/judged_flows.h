// SPDX-License-Identifier: GPL-3.0-or-later
// What the inspector said about flows that it looked at and let go, or denied: it forgets them
// then, while the kernel's table knows their bytes and when they end. Remembered until that, in
// bounded memory: the oldest are forgotten first.
#pragma once

#include <list>
#include <optional>
#include <unordered_map>

#include "ctl/daemon/flow_filter.h"
#include "ctl/protocol/inspected_flow.h"
#include "ctl/protocol/top_names.h"

namespace pc::daemon {

// Of a flow as the WAN sees it, which is how the table has it.
struct JudgedKey {
    protocol::FlowEnd src, dst;
    uint8_t proto = 0;

    bool operator==(const JudgedKey&) const = default;
};

struct JudgedKeyHash {
    [[nodiscard]] size_t operator()(const JudgedKey& key) const;
};

// The inspector has judged it, and it goes on, or is remembered as denied, in the kernel's table.
[[nodiscard]] bool is_judged(const pc_flow_entry& entry);

class JudgedFlows {
public:
    static constexpr size_t flows_max = 65536;

    void add(protocol::InspectedFlow flow);

    // With the entry's bytes and age; of a flow that nothing was said about (the daemon has begun
    // anew since), what the entry itself tells. `age_s`: of the entry.
    [[nodiscard]] protocol::InspectedFlow look(const pc_flow_entry& entry, double age_s) const;

    // Of a flow that is over: the same, for the last time. None: nothing was said about it.
    [[nodiscard]] std::optional<protocol::InspectedFlow> take(const pc_flow_entry& entry);

    // Once a second.
    void tick();

    // Bytes of flows that are over, by name.
    [[nodiscard]] const protocol::TopNames& names() const { return names_; }

    [[nodiscard]] size_t size() const { return by_key_.size(); }

private:
    using Flows = std::list<protocol::InspectedFlow>; // the oldest first

    Flows flows_;
    std::unordered_map<JudgedKey, Flows::iterator, JudgedKeyHash> by_key_;
    protocol::TopNames names_;
    uint64_t seconds_ = 1;
};

} // namespace pc::daemon
