// SPDX-License-Identifier: GPL-3.0-or-later
// Every byte that reaches a map is in this text, and only what differs from "no condition": two
// plans with the same text fill the maps alike.
#include <span>

#include "rules/fields.h"
#include "rules/print.h"
#include "rules/words.h"

namespace pc {

namespace {

// The numbers of the bits that are set, as ranges: "0-3, 9".
template <typename Word>
std::string bits_text(const Word* bits, size_t size) {
    std::vector<std::string> words;
    const size_t end = size * 64;
    const auto is_set = [&](size_t bit) {
        return bit < end && ((bits[bit / 64] >> (bit % 64)) & 1U) != 0;
    };
    for (size_t bit = 0; bit < end; ++bit) {
        if (!is_set(bit)) {
            continue;
        }
        const size_t first = bit;
        while (is_set(bit + 1)) {
            ++bit;
        }
        words.push_back(first == bit ? std::to_string(bit)
                                     : std::to_string(first) + "-" + std::to_string(bit));
    }
    return words.empty() ? "none" : join(words, ", ");
}

std::string bits_text(uint64_t bits) {
    return bits_text(&bits, 1);
}

std::string hex(uint32_t value) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text = "0x";
    for (int shift = 28; shift >= 0; shift -= 4) {
        text += digits[(value >> static_cast<unsigned>(shift)) & 15U];
    }
    return text;
}

std::string decimal(uint64_t value) {
    return std::to_string(value);
}

// Four words in network order, as the bytes that they are.
Address address_of(const __be32 (&words)[4], Family family) {
    Address address{family, {}};
    for (size_t i = 0; i < address.bytes.size(); ++i) {
        const auto* bytes = reinterpret_cast<const unsigned char*>(words);
        address.bytes.at(i) = bytes[i];
    }
    return address;
}

std::string_view log_word(uint8_t log) {
    return log == PC_LOG_NONE ? "none" : log == PC_LOG_SAMPLED ? "sampled" : "all";
}

std::string_view action_word(uint8_t action) {
    return to_string(static_cast<Action>(action));
}

void line(std::string& text, std::string_view name, const std::string& value) {
    text += "  " + std::string(name) + " " + value + "\n";
}

// ---- the head

void print_generation(std::string& text, const Plan& plan) {
    const pc_generation& head = plan.generation;
    text += "generation\n";
    line(text, "records", decimal(head.records));
    std::vector<std::string> flags;
    for (const auto& [bit, word] :
         {std::pair{PC_GEN_TC, "tc"}, std::pair{PC_GEN_INSPECT, "inspect"},
          std::pair{PC_GEN_FLOWS, "flows"}}) {
        if ((head.flags & static_cast<uint32_t>(bit)) != 0) {
            flags.emplace_back(word);
        }
    }
    line(text, "flags", flags.empty() ? "none" : join(flags, " "));
    line(text, "sample", decimal(head.sample_per_second));
    line(text, "fragments",
         head.fragments == PC_FRAGMENTS_ACCEPT         ? "accept"
         : head.fragments == PC_FRAGMENTS_ACCEPT_FIRST ? "accept-first"
                                                       : "drop");
    line(text, "unparseable", head.unparseable_accept != 0 ? "accept" : "drop");
    line(text, "non_ip", head.non_ip_accept != 0 ? "accept" : "drop");
    line(text, "log", std::string(log_word(head.log)));
    line(text, "default", std::string(action_word(head.zone_default[0])));
    line(text, "bypass_mark", hex(plan.bypass_mark));
    text += "\n";
}

// What is all zero where flows are not followed.
void print_flows(std::string& text, const Plan& plan) {
    const pc_flow_policy& flows = plan.generation.flows;
    if ((plan.generation.flags & PC_GEN_FLOWS) == 0) {
        return;
    }
    text += "flows\n";
    line(text, "max", decimal(plan.flows_max));
    line(text, "established_zones", bits_text(flows.established_zones));
    line(text, "new",
         "interval " + decimal(flows.new_interval) + " burst " + decimal(flows.new_burst));
    std::vector<std::string> ticks;
    for (const uint32_t timeout : std::span(flows.timeouts).first<PC_FLOW_STATES>()) {
        ticks.push_back(decimal(timeout));
    }
    line(text, "timeouts", join(ticks, " "));
    line(text, "per_source", decimal(flows.per_source));
    line(text, "loose", flows.loose != 0 ? "true" : "false");
    line(text, "syn_protect",
         decimal(flows.syn_protect) + " trigger " + decimal(flows.syn_trigger));
    line(text, "log", std::string(log_word(static_cast<uint8_t>(plan.flows_log))));
    text += "\n";
}

void print_guard(std::string& text, const Plan& plan) {
    const PlanGuard& guard = plan.guard;
    if (guard.mode == PC_GUARD_OFF) {
        return;
    }
    const pc_flow_policy& flows = plan.generation.flows;
    text += "guard\n";
    line(text, "mode", flows.guard == PC_GUARD_LOG ? "log" : "block");
    line(text, "prefix", decimal(flows.guard_prefix4) + " " + decimal(flows.guard_prefix6));
    line(text, "above", decimal(guard.above_pps) + " packets/s");
    line(text, "block_for", decimal(guard.block_for_s) + " s");
    text += "\n";
}

void print_limits(std::string& text, const Plan& plan) {
    for (size_t i = 1; i < plan.limits.size(); ++i) {
        const pc_limit& limit = plan.limits[i];
        text += "limit " + decimal(i) + " id " + decimal(limit.stable) + " " +
                plan.limit_names[i].name + "\n";
        line(text, "per", decimal(limit.per));
        line(text, "prefixes",
             decimal(limit.src4) + " " + decimal(limit.src6) + " " + decimal(limit.dst4) + " " +
                 decimal(limit.dst6));
        line(text, "of",
             limit.of == PC_LIMIT_PACKETS ? "packets"
             : limit.of == PC_LIMIT_BYTES ? "bytes"
                                          : "flows");
        line(text, "interval", decimal(limit.interval));
        line(text, "burst", decimal(limit.burst) + (limit.coarse != 0 ? " coarse" : ""));
        line(text, "over",
             limit.over == PC_OVER_DROP     ? "drop"
             : limit.over == PC_OVER_REJECT ? "reject"
             : limit.over == PC_OVER_LOG    ? "log"
                                         : "mark " + hex(limit.mark) + "/" + hex(limit.mark_mask));
        text += "\n";
    }
}

void print_fields(std::string& text, const Fields& fields, const Fields& fresh,
                  std::string_view indent) {
    for (const Field& field : without_defaults(fields, fresh, {"action"})) {
        if (field.key != "name" && field.key != "on_down" && field.key != "client") {
            text += indent;
            text += field.key + " " + values_text(field, " ") + "\n";
        }
    }
}

void print_inspect(std::string& text, const PlanInspect& inspect) {
    print_fields(text, fields_of(inspect.policy), fields_of(Inspect{}), "  ");
    if (const auto& upstream = inspect.policy.upstream) {
        text += "  upstream\n";
        print_fields(text, fields_of(*upstream), fields_of(Upstream{}), "    ");
        print_fields(text, fields_of(upstream->health), fields_of(HealthChecks{}), "    health ");
    }
    for (size_t i = 0; i < inspect.policy.rules.size(); ++i) {
        const InspectRule& rule = inspect.policy.rules[i];
        line(text, "rule", decimal(i + 1) + " " + name_of(rule, i));
        print_fields(text, fields_of(rule), fields_of(InspectRule{}), "    ");
        for (const AddressRange& range : ranges_of(inspect.clients[i])) {
            text += rule.client.empty() ? "" : "    client " + to_string(range) + "\n";
        }
    }
}

void print_zones_and_inspects(std::string& text, const Plan& plan) {
    for (const PlanZone& zone : plan.zones) {
        text += "zone " + decimal(zone.id) + " " + zone.name + "\n";
        line(text, "interfaces", join(zone.interfaces, " "));
        std::vector<std::string> vlans;
        for (const uint32_t vlan : zone.vlans) {
            vlans.push_back(word_of(vlan, NumberKind::vlan));
        }
        line(text, "vlan", vlans.empty() ? "any" : join(vlans, " "));
        line(text, "mode",
             zone.mode == XdpMode::automatic ? "auto"
             : zone.mode == XdpMode::native  ? "native"
                                             : "generic");
        if (zone.frags) {
            line(text, "frags", "true");
        }
        line(text, "default",
             std::string(action_word(plan.generation.zone_default[zone.id % PC_ZONES_MAX])));
        text += "\n";
    }
    for (const PlanInspect& inspect : plan.inspects) {
        text += "inspect " + decimal(inspect.id) + " " + inspect.name + "\n";
        const uint8_t on_down = plan.generation.inspect_on_down[inspect.id % PC_INSPECTS_MAX];
        line(text, "on_down", on_down == PC_ON_DOWN_PASS ? "pass" : "drop");
        print_inspect(text, inspect);
        text += "\n";
    }
}

// ---- records

void print_address(std::string& text, std::string_view name, const __be32 (&address)[4],
                   const __be32 (&mask)[4], uint16_t set, uint8_t families) {
    if (set != 0) {
        line(text, name, "in address list " + decimal(set));
        return;
    }
    const Family family = families == PC_IPV4 ? Family::v4 : Family::v6;
    const Address mask_bytes = address_of(mask, Family::v6);
    const auto is_set = [&](size_t bit) {
        return bit < 128 && (mask_bytes.bytes.at(bit / 8) & (0x80U >> (bit % 8))) != 0;
    };
    size_t length = 0;
    while (is_set(length)) {
        ++length;
    }
    bool has_holes = false;
    for (size_t bit = length; bit < 128; ++bit) {
        has_holes = has_holes || is_set(bit);
    }
    const Address value = address_of(address, family);
    if (has_holes) {
        line(text, name, to_string(value) + " mask " + to_string(mask_bytes));
    } else if (length != 0) {
        line(text, name, to_string(Prefix{value, static_cast<uint8_t>(length)}));
    }
}

void print_number(std::string& text, std::string_view name, uint16_t low, uint16_t high,
                  uint8_t set) {
    if (set != 0) {
        line(text, name, "in number list " + decimal(set));
    } else if (low != 0 || high != UINT16_MAX) {
        line(text, name, decimal(low) + "-" + decimal(high));
    }
}

void print_byte(std::string& text, std::string_view name, uint16_t set) {
    if (set != 0) {
        line(text, name, "in byte list " + decimal(set));
    }
}

std::string record_flags(const pc_record& record) {
    std::vector<std::string> words;
    for (const auto& [bit, word] :
         {std::pair{PC_NEEDS_PORTS, "needs-ports"}, std::pair{PC_NEEDS_ICMP, "needs-icmp"},
          std::pair{PC_NEEDS_TCP_FLAGS, "needs-tcp-flags"}, std::pair{PC_AT_TC, "at-tc"},
          std::pair{PC_MAC_NEGATED, "mac-negated"}, std::pair{PC_KEEP_FLOWS, "keep-flows"}}) {
        if ((record.flags & static_cast<unsigned>(bit)) != 0) {
            words.emplace_back(word);
        }
    }
    return join(words, " ");
}

void print_conditions(std::string& text, const pc_record& record) {
    const unsigned families = record.families;
    if (families != (PC_IPV4 | PC_IPV6)) {
        line(text, "families",
             families == PC_IPV4   ? "ipv4"
             : families == PC_IPV6 ? "ipv6"
                                   : "none");
    }
    if (record.in_zones != UINT64_MAX) {
        line(text, "in_zones", bits_text(record.in_zones));
    }
    if (record.out_zones != UINT64_MAX) {
        line(text, "out_zones", bits_text(record.out_zones));
    }
    if (record.states != PC_STATES_ALL) {
        std::vector<std::string> words;
        for (const std::string& name : state_names()) {
            if ((record.states & parse_state(name).value_or(PC_STATES_ALL)) != 0) {
                words.push_back(name);
            }
        }
        line(text, "states", words.empty() ? "none" : join(words, " "));
    }
    print_byte(text, "proto", record.proto_set);
    print_number(text, "sport", record.sport.low, record.sport.high, record.sport_set);
    print_number(text, "dport", record.dport.low, record.dport.high, record.dport_set);
    print_byte(text, "icmp_type", record.icmp_type_set);
    print_byte(text, "icmp_code", record.icmp_code_set);
    print_byte(text, "tcp_flags", record.tcp_flags_set);
    print_address(text, "saddr", record.saddr, record.smask, record.saddr_set, record.families);
    print_address(text, "daddr", record.daddr, record.dmask, record.daddr_set, record.families);
    if (record.frags != (PC_FRAG_NONE | PC_FRAG_FIRST | PC_FRAG_LATER)) {
        line(text, "frags", join(fragment_words(record.frags), " "));
    }
    print_number(text, "len", record.len.low, record.len.high, record.len_set);
    if (record.dscp != UINT64_MAX) {
        line(text, "dscp", bits_text(record.dscp));
    }
    print_byte(text, "ttl", record.ttl_set);
    print_number(text, "vlan", record.vlan.low, record.vlan.high, record.vlan_set);
    if (record.mac_set != 0) {
        line(text, "mac", "in mac list " + decimal(record.mac_set));
    }
}

void print_records(std::string& text, const Plan& plan) {
    for (size_t i = 0; i < plan.records.size(); ++i) {
        const pc_record& record = plan.records[i];
        const std::string name = i < plan.rules.size() ? plan.rules[i].name : "?";
        text += "record " + decimal(i) + " rule " + decimal(record.rule_id) + " " + name + "\n";
        line(text, "action", std::string(action_word(record.action)));
        if (record.action == PC_ACTION_MARK) {
            line(text, "mark", hex(record.mark) + "/" + hex(record.mark_mask));
        }
        if (record.action == PC_ACTION_INSPECT) {
            line(text, "inspect", decimal(record.inspect));
        }
        if (record.limit != 0) {
            line(text, "limit", decimal(record.limit));
        }
        if (record.log != PC_LOG_NONE) {
            line(text, "log", std::string(log_word(record.log)));
        }
        if (record.flags != 0) {
            line(text, "flags", record_flags(record));
        }
        print_conditions(text, record);
        text += "\n";
    }
}

// ---- lists

void print_addresses(std::string& text, const std::string& name, const AddressList& addresses) {
    for (const Family family : {Family::v4, Family::v6}) {
        std::vector<WidePrefix> prefixes;
        for (const WideRange& range : family == Family::v4 ? addresses.v4 : addresses.v6) {
            append_prefixes(prefixes, range);
        }
        for (const WidePrefix& prefix : prefixes) {
            text += name + ": " + to_string(narrow(family, prefix)) + "\n";
        }
    }
}

void print_lists(std::string& text, const Plan& plan) {
    for (size_t i = 1; i < plan.number_sets.size(); ++i) {
        text += "number list " + decimal(i) + ": " +
                bits_text(plan.number_sets[i].bits, 65536 / 64) + "\n";
    }
    for (size_t i = 1; i < plan.byte_sets.size(); ++i) {
        text +=
            "byte list " + decimal(i) + ": " + bits_text(plan.byte_sets[i].bits, 256 / 64) + "\n";
    }
    for (size_t i = 1; i < plan.mac_lists.size(); ++i) {
        for (const MacAddress& mac : plan.mac_lists[i]) {
            text += "mac list " + decimal(i) + ": " + to_string(mac) + "\n";
        }
    }
    for (size_t i = 1; i < plan.lists.size(); ++i) {
        for (const PlanList::Dynamic& dynamic : plan.lists[i].dynamic) {
            text += "address list " + decimal(i) + ": " + (dynamic.negated ? "not in " : "in ") +
                    "dynamic set " + dynamic.set + "\n";
        }
        print_addresses(text, "address list " + decimal(i), plan.lists[i].addresses);
    }
    print_addresses(text, "guard except", plan.guard.except);
}

} // namespace

std::string print_plan(const Plan& plan) {
    std::string text;
    print_generation(text, plan);
    print_flows(text, plan);
    print_guard(text, plan);
    print_zones_and_inspects(text, plan);
    print_limits(text, plan);
    print_records(text, plan);
    print_lists(text, plan);
    while (text.ends_with("\n\n")) {
        text.pop_back();
    }
    return text;
}

} // namespace pc
