// SPDX-License-Identifier: GPL-3.0-or-later
// What each kind of flow looks like to somebody who asks while it goes on.
#include "ctl/inspect/flows.h"
#include "ctl/inspect/peek_flows.h"
#include "ctl/inspect/udp_flows.h"

namespace pc::inspect {

std::optional<EveRecord> Flows::seen(size_t place) const {
    const Flow* flow = table_.at(place);
    if (flow == nullptr) {
        return std::nullopt;
    }
    EveRecord record = record_of(*flow, "");
    record.decided = flow->judged || flow->refused_ms != 0;
    return record;
}

std::optional<EveRecord> UdpFlows::seen(size_t place) const {
    const UdpFlow* flow = table_.at(place);
    if (flow == nullptr) {
        return std::nullopt;
    }
    EveRecord record = record_of(*flow, "");
    record.decided = flow->state != UdpFlow::State::undecided;
    return record;
}

// What was let go or denied is the daemon's to show: the kernel's table has its bytes.
std::optional<EveRecord> PeekFlows::seen(size_t place) const {
    const PeekFlow* flow = table_.at(place);
    if (flow == nullptr || flow->state != PeekFlow::State::undecided) {
        return std::nullopt;
    }
    EveRecord record = record_of(*flow, "");
    record.decided = false;
    return record;
}

} // namespace pc::inspect
