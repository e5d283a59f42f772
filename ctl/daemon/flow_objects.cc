// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/flow_objects.h"

#include <algorithm>
#include <cerrno>

namespace pc::daemon {
namespace {

constexpr uint64_t tick_jiffies = 1U << PC_FLOW_TICK_SHIFT;

template <typename Key>
Json name_or_null(const std::map<Key, std::string>& names, Key key) {
    const auto found = names.find(key);
    return found == names.end() ? Json() : Json(found->second);
}

const char* verdict_word(uint32_t verdict) {
    switch (verdict) {
    case PC_DECISION_ACCEPT:
        return "accept";
    case PC_DECISION_DROP:
        return "drop";
    case PC_DECISION_INSPECT:
        return "inspect";
    case PC_DECISION_JUDGED:
    case PC_DECISION_RELEASED:
        return "released";
    default:
        return "none";
    }
}

Json flags_of(const pc_flow_entry& entry) {
    Json flags = Json::array();
    const auto add = [&](uint8_t flag, const char* word) {
        if ((entry.flags & flag) != 0) {
            flags.push_back(word);
        }
    };
    add(PC_FLOW_SEEN_0, "seen-0");
    add(PC_FLOW_SEEN_1, "seen-1");
    add(PC_FLOW_BORN_AT_TC, "outgoing");
    add(PC_FLOW_LOOSE, "loose");
    add(PC_FLOW_PROXIED, "syn-cookie");
    return flags;
}

Json side_object(const pc_flow_entry& entry, uint8_t side) {
    return {{"end", entry.end[side]},
            {"window_end", entry.maxend[side]},
            {"acked", entry.acked[side]},
            {"window", entry.maxwin[side]},
            {"scale", entry.sides[side] & PC_SIDE_SCALE},
            {"fin", (entry.sides[side] & PC_SIDE_FIN) != 0},
            {"scales", (entry.sides[side] & PC_SIDE_SCALES) != 0}};
}

} // namespace

double FlowClock::age_s(uint32_t tick) const {
    const auto ticks = static_cast<double>(static_cast<int32_t>(now - tick));
    return ticks * static_cast<double>(tick_jiffies) / static_cast<double>(jiffies_per_second);
}

int64_t FlowClock::realtime_of(uint32_t tick) const {
    return realtime_ns - static_cast<int64_t>(age_s(tick) * 1e9);
}

uint32_t FlowClock::last_packet(const pc_flow_entry& entry) const {
    const uint32_t timeout = entry.state < timeouts.size() ? timeouts.at(entry.state) : 0;
    const uint32_t last = entry.deadline - timeout;
    // A flow that was cut ends at once; a commit may have changed the timeout.
    const bool is_odd = static_cast<int32_t>(last - entry.created) < 0;
    const uint32_t end = is_odd ? entry.deadline : last;
    return static_cast<int32_t>(now - end) < 0 ? now : end;
}

Result<FlowOrder> flow_order(const std::string& word) {
    if (word.empty() || word == "bytes") {
        return FlowOrder::bytes;
    }
    if (word == "packets") {
        return FlowOrder::packets;
    }
    if (word == "age") {
        return FlowOrder::age;
    }
    return Error{EINVAL, "flows cannot be sorted by '" + word + "'"};
}

uint64_t FlowRows::key_of(const SeenFlow& flow) const {
    switch (order_) {
    case FlowOrder::bytes:
        return flow.entry.bytes[0] + flow.entry.bytes[1];
    case FlowOrder::packets:
        return flow.entry.packets[0] + flow.entry.packets[1];
    case FlowOrder::age:
        return now_ - flow.entry.created;
    }
    return 0;
}

void FlowRows::add(const SeenFlow& flow) {
    ++added_;
    rows_.push_back(flow);
    if (rows_.size() >= 2 * (limit_ + 1)) {
        keep_first();
    }
}

void FlowRows::keep_first() {
    std::stable_sort(rows_.begin(), rows_.end(), [this](const SeenFlow& a, const SeenFlow& b) {
        return key_of(a) > key_of(b);
    });
    rows_.resize(std::min(rows_.size(), limit_));
}

std::vector<SeenFlow> FlowRows::take() {
    keep_first();
    return std::move(rows_);
}

Json flow_object(const SeenFlow& flow, const FlowNames& names, const FlowClock& clock) {
    const pc_flow_entry& entry = flow.entry;
    const auto from = static_cast<uint8_t>(PC_WHERE_ORIGIN(entry.where));
    const auto to = static_cast<uint8_t>(1 - from);
    Json object{
        {"src", to_string(flow_address(entry, from))},
        {"dst", to_string(flow_address(entry, to))},
        {"proto", protocol_name(entry.proto)},
        {"family", PC_WHERE_FAMILY(entry.where) == 6 ? "ipv6" : "ipv4"},
        {"state", std::string(flow_state_word(entry.state))},
        {"zone", name_or_null(names.zones, static_cast<uint8_t>(PC_WHERE_ZONE(entry.where)))},
        {"rule", name_or_null(names.rules, uint32_t{PC_DECISION_RULE(entry.decision)})},
        {"packets", entry.packets[0] + entry.packets[1]},
        {"packets_sent", entry.packets[from]},
        {"packets_received", entry.packets[to]},
        {"bytes", entry.bytes[0] + entry.bytes[1]},
        {"bytes_sent", entry.bytes[from]},
        {"bytes_received", entry.bytes[to]},
        {"age_s", std::max(0.0, clock.age_s(entry.created))},
        {"idle_s", std::max(0.0, clock.age_s(clock.last_packet(entry)))},
        {"expires_s", std::max(0.0, -clock.age_s(entry.deadline))}};
    if (has_ports(entry)) {
        object["sport"] = entry.port[from];
        object["dport"] = entry.port[to];
    } else if (entry.proto == 1 || entry.proto == 58) {
        object["icmp_id"] = entry.port[from];
    }
    return object;
}

Json flow_detail(const SeenFlow& flow, const FlowNames& names, const FlowClock& clock) {
    const pc_flow_entry& entry = flow.entry;
    const auto from = static_cast<uint8_t>(PC_WHERE_ORIGIN(entry.where));
    Json object = flow_object(flow, names, clock);
    object["verdict"] = verdict_word(PC_DECISION_VERDICT(entry.decision));
    object["keep"] = PC_DECISION_KEEP(entry.decision) != 0;
    object["judgement"] = PC_DECISION_JUDGEMENT(entry.decision);
    object["tc_judged"] = entry.tc_judged;
    object["answer_judged"] = entry.answer_judged;
    object["flags"] = flags_of(entry);
    if (entry.proto == 6) {
        object["tcp"] = {{"src", side_object(entry, from)},
                         {"dst", side_object(entry, static_cast<uint8_t>(1 - from))}};
    }
    return object;
}

Json table_object(const FlowStatistics& statistics) {
    Json object{{"live", statistics.live},
                {"half_open", statistics.half_open},
                {"capacity", statistics.capacity},
                {"memory_bytes", statistics.memory_bytes}};
    if (statistics.flows == 0) {
        return object;
    }
    Json states = Json::object();
    Json protocols = Json::object();
    for (uint8_t state = 0; state < PC_FLOW_STATES; ++state) {
        const uint64_t flows = statistics.states.at(state);
        const std::string word(flow_state_word(state));
        if (flows != 0) {
            states[word] = states.value(word, uint64_t{0}) + flows;
        }
    }
    for (size_t proto = 0; proto < statistics.protocols.size(); ++proto) {
        if (const uint64_t flows = statistics.protocols.at(proto); flows != 0) {
            protocols[protocol_name(static_cast<uint8_t>(proto))] = flows;
        }
    }
    object["states"] = std::move(states);
    object["protocols"] = std::move(protocols);
    return object;
}

} // namespace pc::daemon
