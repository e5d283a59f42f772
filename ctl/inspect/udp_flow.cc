// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/udp_flow.h"

#include <array>
#include <cstring>

namespace pc::inspect {

namespace {

constexpr uint16_t dns_port = 53;

uint64_t mixed(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    return hash ^ (hash >> 29);
}

uint64_t mixed(uint64_t hash, const Endpoint& endpoint) {
    std::array<uint64_t, 2> words{};
    static_assert(sizeof(words) == sizeof(endpoint.address.bytes));
    memcpy(words.data(), endpoint.address.bytes.data(), sizeof(words));
    return mixed(mixed(mixed(hash, words[0]), words[1]), endpoint.port);
}

} // namespace

size_t UdpFlowHash::operator()(const UdpFlowId& id) const {
    return mixed(mixed(seed, id.client), id.server);
}

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
