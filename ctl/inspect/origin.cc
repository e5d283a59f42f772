// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/origin.h"

#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

namespace pc::inspect {

pc_flow_key flow_key(const Endpoint& from, const Endpoint& to) {
    pc_flow_key key{};
    memcpy(key.saddr, from.address.bytes.data(), sizeof(key.saddr));
    memcpy(key.daddr, to.address.bytes.data(), sizeof(key.daddr));
    key.sport = htons(from.port);
    key.dport = htons(to.port);
    key.proto = IPPROTO_TCP;
    key.family = static_cast<__u8>(from.address.family);
    return key;
}

Result<Origin> find_origin(const MapStore& flows, const Endpoint& peer, const Endpoint& local) {
    const pc_flow_key key = flow_key(peer, local);
    const std::vector<std::byte> value = TRY(flows.get(bytes_of(key)));
    pc_flow flow{};
    if (value.size() != sizeof(flow)) {
        return Error{0, fmt::format("map flows: a value has {} bytes", value.size())};
    }
    memcpy(&flow, value.data(), sizeof(flow));
    Origin origin{peer, peer, local, flow.rule_id, flow.inspect, flow.in_ifindex};
    if (flow.ct_found != 0) {
        memcpy(origin.client.address.bytes.data(), flow.client, sizeof(flow.client));
        origin.client.port = ntohs(flow.client_port);
    }
    return origin;
}

} // namespace pc::inspect
