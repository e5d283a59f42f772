// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/judged_flows.h"

#include <functional>
#include <utility>

namespace pc::daemon {
namespace {

JudgedKey key_of(const protocol::InspectedFlow& flow) {
    return {flow.nat, flow.dst, flow.proto};
}

JudgedKey key_of(const pc_flow_entry& entry) {
    const auto from = static_cast<uint8_t>(PC_WHERE_ORIGIN(entry.where));
    const auto to = static_cast<uint8_t>(1 - from);
    return {{flow_address(entry, from), entry.port[from]},
            {flow_address(entry, to), entry.port[to]},
            entry.proto};
}

void count(protocol::InspectedFlow& flow, const pc_flow_entry& entry) {
    const auto from = static_cast<uint8_t>(PC_WHERE_ORIGIN(entry.where));
    flow.bytes_sent = entry.bytes[from];
    flow.bytes_received = entry.bytes[1 - from];
}

} // namespace

size_t JudgedKeyHash::operator()(const JudgedKey& key) const {
    std::string bytes;
    for (const protocol::FlowEnd* end : {&key.src, &key.dst}) {
        bytes.append(end->address.bytes.begin(), end->address.bytes.end());
        bytes += static_cast<char>(end->port >> 8);
        bytes += static_cast<char>(end->port & 0xff);
    }
    return std::hash<std::string>()(bytes);
}

bool is_judged(const pc_flow_entry& entry) {
    switch (PC_DECISION_VERDICT(entry.decision)) {
    case PC_DECISION_DROP:
    case PC_DECISION_RELEASED:
    case PC_DECISION_JUDGED:
        return true;
    default:
        return false;
    }
}

void JudgedFlows::add(protocol::InspectedFlow flow) {
    const JudgedKey key = key_of(flow);
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
        flows_.erase(known->second);
        by_key_.erase(known);
    } else if (by_key_.size() >= flows_max) {
        by_key_.erase(key_of(flows_.front()));
        flows_.pop_front();
    }
    flows_.push_back(std::move(flow));
    by_key_.emplace(key, std::prev(flows_.end()));
}

protocol::InspectedFlow JudgedFlows::look(const pc_flow_entry& entry, double age_s) const {
    const JudgedKey key = key_of(entry);
    protocol::InspectedFlow flow;
    flow.src = flow.nat = key.src;
    flow.dst = key.dst;
    flow.proto = key.proto;
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
        flow = *known->second;
    }
    const bool is_denied = PC_DECISION_VERDICT(entry.decision) == PC_DECISION_DROP;
    flow.way = is_denied ? protocol::InspectedWay::denied : protocol::InspectedWay::released;
    flow.verdict = is_denied ? "deny" : "allow";
    flow.age_s = age_s;
    count(flow, entry);
    return flow;
}

std::optional<protocol::InspectedFlow> JudgedFlows::take(const pc_flow_entry& entry) {
    const auto known = is_judged(entry) ? by_key_.find(key_of(entry)) : by_key_.end();
    if (known == by_key_.end()) {
        return std::nullopt;
    }
    protocol::InspectedFlow flow = std::move(*known->second);
    flows_.erase(known->second);
    by_key_.erase(known);
    count(flow, entry);
    names_.add(flow.name,
               {.bytes_to_server = flow.bytes_sent, .bytes_to_client = flow.bytes_received});
    return flow;
}

void JudgedFlows::tick() {
    names_.tick(++seconds_ * 1000);
}

} // namespace pc::daemon
