// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/udp_flow.h"

namespace pc::inspect {

namespace {

constexpr uint16_t dns_port = 53;

} // namespace

uint64_t deadline_ms(const UdpFlow& flow) {
    const bool dns = flow.origin.server.port == dns_port;
    switch (flow.state) {
    case UdpFlow::State::undecided:
        return flow.began_ms + undecided_ms;
    case UdpFlow::State::denied:
        return flow.began_ms + denied_ms;
    case UdpFlow::State::allowed:
        break;
    }
    if (flow.answered) {
        return flow.active_ms + (dns ? dns_answered_ms : answered_ms);
    }
    return flow.active_ms + (dns ? dns_unanswered_ms : unanswered_ms);
}

} // namespace pc::inspect
