// SPDX-License-Identifier: GPL-3.0-or-later
// Where a flow comes from: TC egress remembered it in the map `flows`, or `insp_udp`, under the
// tuple that leaves the WAN.
#pragma once

#include <cstdint>

#include "ctl/inspect/tproxy.h"
#include "ctl/kern/map_store.h"
#include "rules/abi.h"
#include "rules/result.h"

namespace pc::inspect {

struct Origin {
    Endpoint client; // before NAT
    Endpoint nat;    // as the WAN sees the client; the same where nothing is masqueraded
    Endpoint server; // the original destination
    uint32_t rule = 0;
    uint32_t inspect = 0;
    uint32_t isn = 0;        // of the client's SYN, where the connection is only looked at
    bool released = false;   // likewise: it was let go
    uint32_t in_ifindex = 0; // where the client's packets enter; 0: the router's own flow
};

[[nodiscard]] pc_flow_key flow_key(uint8_t proto, const Endpoint& from, const Endpoint& to);

// Without an entry the policy for the flow is not known: an error, and the flow must not go on.
[[nodiscard]] Result<Origin> find_origin(const MapStore& flows, uint8_t proto, const Endpoint& peer,
                                         const Endpoint& local);

// Tells TC egress that there is no room for this UDP flow: for PC_OVERLOAD_NS from `now_ns` on.
[[nodiscard]] Result<void> turn_away(MapStore& flows, const Endpoint& peer, const Endpoint& local,
                                     pc_flow_verdict verdict, uint64_t now_ns);

} // namespace pc::inspect
