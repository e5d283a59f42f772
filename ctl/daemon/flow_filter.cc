// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/flow_filter.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "ctl/daemon/eve.h"
#include "ctl/protocol/inspected_flow.h"
#include "rules/packet.h"

namespace pc::daemon {
namespace {

constexpr std::array<std::string_view, PC_FLOW_STATES> state_words{
    "syn-sent", "syn-received", "established", "closing", "time-wait", "closed",
    "new",      "replied",      "new",         "replied", "new",       "replied"};

constexpr std::string_view half_open_word = "half-open";

Error unknown(const std::string& what, const std::string& word) {
    return Error{EINVAL, "there is no " + what + " '" + word + "'"};
}

Result<std::optional<Prefix>> prefix_in(const Json& words, const char* name) {
    return protocol::prefix_of_filter(TRY(text_parameter(words, name)));
}

Result<std::optional<uint16_t>> port_in(const Json& words, const char* name) {
    const auto number = TRY(number_parameter(words, name));
    if (number && *number > UINT16_MAX) {
        return unknown("port", std::to_string(*number));
    }
    return number ? std::optional(static_cast<uint16_t>(*number)) : std::nullopt;
}

// The key of a name.
template <typename Key>
Result<std::optional<Key>> key_in(const Json& words, const char* name,
                                  const std::map<Key, std::string>& names) {
    const std::string text = TRY(text_parameter(words, name));
    const auto found = std::find_if(names.begin(), names.end(),
                                    [&](const auto& each) { return each.second == text; });
    if (!text.empty() && found == names.end()) {
        return unknown(name, text);
    }
    return text.empty() ? std::nullopt : std::optional<Key>(found->first);
}

Result<uint32_t> states_in(const Json& words) {
    const std::string word = TRY(text_parameter(words, "state"));
    if (word.empty()) {
        return FlowFilter().states;
    }
    if (word == half_open_word) {
        return 1U << PC_FLOW_TCP_SYN_SENT | 1U << PC_FLOW_TCP_SYN_RECEIVED;
    }
    uint32_t states = 0;
    for (size_t state = 0; state < state_words.size(); ++state) {
        states |= state_words.at(state) == word ? 1U << state : 0;
    }
    if (states == 0) {
        return unknown("state of flows", word);
    }
    return states;
}

bool holds(const std::optional<Prefix>& prefix, const Address& address) {
    return !prefix || contains(*prefix, address);
}

template <typename T>
bool is(const std::optional<T>& wanted, T value) {
    return !wanted || *wanted == value;
}

} // namespace

bool makes_sense(const pc_flow_entry& entry) {
    return entry.state < PC_FLOW_STATES;
}

bool has_ports(const pc_flow_entry& entry) {
    return pc::has_ports(entry.proto);
}

Address flow_address(const pc_flow_entry& entry, uint8_t side) {
    return eve_address(entry.addr[side & 1], static_cast<uint8_t>(PC_WHERE_FAMILY(entry.where)));
}

FlowNames flow_names(const Plan& plan) {
    FlowNames names;
    for (const PlanRule& rule : plan.rules) {
        names.rules[rule.id] = rule.name;
    }
    for (const PlanZone& zone : plan.zones) {
        names.zones[zone.id] = zone.name;
    }
    return names;
}

std::string_view flow_state_word(uint8_t state) {
    return state < state_words.size() ? state_words.at(state) : "unknown";
}

bool FlowFilter::fits(const pc_flow_entry& entry) const {
    const auto from = static_cast<uint8_t>(PC_WHERE_ORIGIN(entry.where));
    const auto to = static_cast<uint8_t>(1 - from);
    if (!is(proto, uint8_t{entry.proto}) ||
        !is(zone, static_cast<uint8_t>(PC_WHERE_ZONE(entry.where))) ||
        !is(rule, uint32_t{PC_DECISION_RULE(entry.decision)}) ||
        !is(sport, uint16_t{entry.port[from]}) || !is(dport, uint16_t{entry.port[to]}) ||
        (states >> entry.state & 1) == 0) {
        return false;
    }
    if ((port || sport || dport) && !has_ports(entry)) {
        return false;
    }
    if (port && *port != entry.port[0] && *port != entry.port[1]) {
        return false;
    }
    const Address source = flow_address(entry, from);
    const Address destination = flow_address(entry, to);
    return is(family, source.family) && holds(src, source) && holds(dst, destination) &&
           (holds(host, source) || holds(host, destination));
}

Result<FlowFilter> flow_filter(const Json& words, const FlowNames& names) {
    FlowFilter filter;
    filter.host = TRY(prefix_in(words, "host"));
    filter.src = TRY(prefix_in(words, "src"));
    filter.dst = TRY(prefix_in(words, "dst"));
    filter.port = TRY(port_in(words, "port"));
    filter.sport = TRY(port_in(words, "sport"));
    filter.dport = TRY(port_in(words, "dport"));
    filter.zone = TRY(key_in(words, "zone", names.zones));
    filter.rule = TRY(key_in(words, "rule", names.rules));
    filter.states = TRY(states_in(words));
    const std::string proto = TRY(text_parameter(words, "proto"));
    if (!proto.empty()) {
        filter.proto = parse_protocol(proto);
        if (!filter.proto) {
            return unknown("protocol", proto);
        }
    }
    const std::string family = TRY(text_parameter(words, "family"));
    if (family != "" && family != "ipv4" && family != "ipv6") {
        return unknown("family", family);
    }
    if (!family.empty()) {
        filter.family = family == "ipv6" ? Family::v6 : Family::v4;
    }
    return filter;
}

} // namespace pc::daemon
