// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/origin.h"

#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

namespace pc::inspect {

pc_flow_key flow_key(uint8_t proto, const Endpoint& from, const Endpoint& to) {
    pc_flow_key key{};
    memcpy(key.saddr, from.address.bytes.data(), sizeof(key.saddr));
    memcpy(key.daddr, to.address.bytes.data(), sizeof(key.daddr));
    key.sport = htons(from.port);
    key.dport = htons(to.port);
    key.proto = proto;
    key.family = static_cast<__u8>(from.address.family);
    return key;
}

namespace {

Result<pc_flow> find_flow(const MapStore& flows, const pc_flow_key& key) {
    const std::vector<std::byte> value = TRY(flows.get(bytes_of(key)));
    pc_flow flow{};
    if (value.size() != sizeof(flow)) {
        return Error{0, fmt::format("map of flows: a value has {} bytes", value.size())};
    }
    memcpy(&flow, value.data(), sizeof(flow));
    return flow;
}

} // namespace

Result<Origin> find_origin(const MapStore& flows, uint8_t proto, const Endpoint& peer,
                           const Endpoint& local) {
    const pc_flow flow = TRY(find_flow(flows, flow_key(proto, peer, local)));
    Origin origin{.client = peer,
                  .nat = peer,
                  .server = local,
                  .rule = flow.rule_id,
                  .inspect = flow.inspect,
                  .isn = flow.isn,
                  .released = flow.released != 0,
                  .in_ifindex = flow.in_ifindex};
    if (flow.ct_found != 0) {
        memcpy(origin.client.address.bytes.data(), flow.client, sizeof(flow.client));
        origin.client.port = ntohs(flow.client_port);
    }
    return origin;
}

Result<void> turn_away(MapStore& flows, const Endpoint& peer, const Endpoint& local,
                       pc_flow_verdict verdict, uint64_t now_ns) {
    const pc_flow_key key = flow_key(IPPROTO_UDP, peer, local);
    pc_flow flow = TRY(find_flow(flows, key));
    flow.verdict = static_cast<__u8>(verdict);
    flow.created_ns = now_ns;
    return flows.put(bytes_of(key), bytes_of(flow));
}

} // namespace pc::inspect
