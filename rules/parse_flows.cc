// SPDX-License-Identifier: GPL-3.0-or-later
// [flows] and [guard].
#include "rules/parse_sections.h"

namespace pc {

namespace {

constexpr uint32_t seconds_per_day = 24 * 3600;

std::optional<uint32_t> read_seconds(Reading& reading, const TomlEntry& entry, uint32_t longest,
                                     const std::string& help) {
    const auto text = read_string(reading, entry, help);
    if (!text) {
        return std::nullopt;
    }
    const auto seconds = parse_seconds(*text, longest);
    if (!seconds) {
        reading.error("E039", entry.value.at,
                      "'" + *text + "' is no time between 1s and " +
                          std::to_string(longest / seconds_per_day) + "d",
                      help);
    }
    return seconds;
}

void read_flows_max(Reading& reading, Flows& flows, const TomlEntry& entry) {
    if (const auto max = read_integer(reading, entry, PC_FLOWS_MIN, PC_FLOWS_MAX)) {
        flows.max = static_cast<uint32_t>(*max);
    }
}

void read_loose(Reading& reading, Flows& flows, const TomlEntry& entry) {
    flows.loose = read_boolean(reading, entry).value_or(false);
}

void read_per_source(Reading& reading, Flows& flows, const TomlEntry& entry) {
    if (const auto number = read_integer(reading, entry, 0, PC_FLOWS_MAX)) {
        flows.per_source = static_cast<uint32_t>(*number);
    }
}

void read_new(Reading& reading, Flows& flows, const TomlEntry& entry) {
    const std::string help = "new = \"50000/s\", or 0: any number";
    const TomlNode& value = entry.value;
    if ((value.kind == TomlKind::integer && value.integer == 0) ||
        (value.kind == TomlKind::string && (value.text == "0/s" || value.text == "0"))) {
        flows.new_rate.count = 0;
        return;
    }
    const auto rate = read_rate(reading, entry, help);
    if (rate && rate->of != Rate::Of::flows) {
        reading.error("E039", value.at, "'" + value.text + "' is no rate of new flows", help);
    } else if (rate) {
        flows.new_rate = *rate;
    }
}

template <pc_flow_state state>
void read_timeout(Reading& reading, Flows& flows, const TomlEntry& entry) {
    const auto seconds = read_seconds(reading, entry, flow_timeout_max_s, entry.key + " = \"2m\"");
    flows.timeouts_s.at(state) = seconds.value_or(flow_timeouts_default.at(state));
}

void read_flows_log(Reading& reading, Flows& flows, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"none", "sampled", "all"})) {
        flows.log = static_cast<Log>(*word);
    }
}

template <pc_flow_state state>
constexpr Key<Flows> timeout_key() {
    return {flow_timeout_keys.at(state), read_timeout<state>};
}

constexpr Key<Flows> flows_keys[] = {{"max", read_flows_max},
                                     {"loose", read_loose},
                                     {"per_source", read_per_source},
                                     {"new", read_new},
                                     timeout_key<PC_FLOW_TCP_SYN_SENT>(),
                                     timeout_key<PC_FLOW_TCP_SYN_RECEIVED>(),
                                     timeout_key<PC_FLOW_TCP_ESTABLISHED>(),
                                     timeout_key<PC_FLOW_TCP_CLOSING>(),
                                     timeout_key<PC_FLOW_TCP_TIME_WAIT>(),
                                     timeout_key<PC_FLOW_TCP_CLOSED>(),
                                     timeout_key<PC_FLOW_UDP_NEW>(),
                                     timeout_key<PC_FLOW_UDP_REPLIED>(),
                                     timeout_key<PC_FLOW_ICMP_NEW>(),
                                     timeout_key<PC_FLOW_ICMP_REPLIED>(),
                                     timeout_key<PC_FLOW_OTHER_NEW>(),
                                     timeout_key<PC_FLOW_OTHER_REPLIED>(),
                                     {"log", read_flows_log}};

void read_syn_protect(Reading& reading, Guard& guard, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"off", "auto", "on"})) {
        guard.syn_protect = static_cast<pc_syn_protect>(*word);
    }
}

void read_syn_trigger(Reading& reading, Guard& guard, const TomlEntry& entry) {
    if (const auto number = read_integer(reading, entry, 1, PC_FLOWS_MAX)) {
        guard.syn_trigger = static_cast<uint32_t>(*number);
    }
}

void read_sources(Reading& reading, Guard& guard, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"off", "log", "block"})) {
        guard.sources = static_cast<pc_guard_mode>(*word);
    }
}

void read_sources_above(Reading& reading, Guard& guard, const TomlEntry& entry) {
    const std::string help = "sources_above = \"100000pps\"";
    const auto rate = read_rate(reading, entry, help);
    if (rate && (rate->of != Rate::Of::packets || rate->seconds != 1)) {
        reading.error("E039", entry.value.at,
                      "'" + entry.value.text + "' is no rate of packets a second", help);
    } else if (rate) {
        guard.sources_above = *rate;
    }
}

void read_block_for(Reading& reading, Guard& guard, const TomlEntry& entry) {
    const auto seconds = read_seconds(reading, entry, dynamic_ttl_max_s, "block_for = \"10m\"");
    guard.block_for_s = seconds.value_or(guard.block_for_s);
}

void read_guard_prefix(Reading& reading, Guard& guard, const TomlEntry& entry) {
    guard.prefix = read_source_prefix(reading, entry).value_or(PrefixLengths{});
}

void read_except(Reading& reading, Guard& guard, const TomlEntry& entry) {
    guard.except = read_addresses(reading, entry, {false, true}, EmptyList::allowed);
}

constexpr Key<Guard> guard_keys[] = {{"syn_protect", read_syn_protect},
                                     {"syn_trigger", read_syn_trigger},
                                     {"sources", read_sources},
                                     {"sources_above", read_sources_above},
                                     {"block_for", read_block_for},
                                     {"prefix", read_guard_prefix},
                                     {"except", read_except}};

} // namespace

void read_flows(Reading& reading, const TomlEntry& entry) {
    if (check_table(reading, entry, "[flows]")) {
        reading.rules.flows.written = true;
        read_keys<Flows>(reading, reading.rules.flows, entry.value, flows_keys, "[flows]");
    }
}

void read_guard(Reading& reading, const TomlEntry& entry) {
    if (check_table(reading, entry, "[guard]")) {
        read_keys<Guard>(reading, reading.rules.guard, entry.value, guard_keys, "[guard]");
    }
}

} // namespace pc
