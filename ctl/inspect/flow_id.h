// SPDX-License-Identifier: GPL-3.0-or-later
// What tells the flows of one protocol apart.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ctl/inspect/socket_address.h"

namespace pc::inspect {

// As the inspector sees it: who sends (after NAT), and to where.
struct FlowId {
    Endpoint client, server;

    bool operator==(const FlowId&) const = default;
};

// Seeded, because clients choose their ports.
struct FlowIdHash {
    uint64_t seed = 0;
    [[nodiscard]] size_t operator()(const FlowId& id) const;
};

} // namespace pc::inspect
