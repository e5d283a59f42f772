// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/plan.h"

#include <algorithm>

#include "rules/plan_flows.h"
#include "rules/plan_lists.h"
#include "rules/resolve.h"

namespace pc {

namespace {

using Names = std::map<std::string, uint8_t, std::less<>>;

constexpr uint64_t all_bits = ~0ULL;

Error limit(const std::string& what, size_t count, size_t highest) {
    return {.err = 0,
            .message =
                std::to_string(count) + " " + what + "; the limit is " + std::to_string(highest)};
}

class Compiler {
public:
    Compiler(const RuleSet& rules, const Environment& environment)
        : rules_(rules), environment_(environment), lists_(rules, environment) {}

    [[nodiscard]] Result<Plan> compile(const RuleIds& previous, const KeptIds& kept);

private:
    [[nodiscard]] Result<void> name_zones(const RuleIds& previous);
    [[nodiscard]] Result<void> name_inspects(const RuleIds& previous);
    void fill_generation();
    [[nodiscard]] Result<void> add_rule(const Rule& rule);
    [[nodiscard]] Result<void> add_zones(const Match& match, pc_record& record) const;
    [[nodiscard]] Result<uint64_t> zone_bits(const std::vector<ZoneItem>& items) const;
    [[nodiscard]] Result<void> add_addresses(const Rule& rule, pc_record& record);
    [[nodiscard]] Result<void> add_numbers(const Match& match, pc_record& record);
    [[nodiscard]] Result<void> add_bytes(const Match& match, pc_record& record);
    [[nodiscard]] Result<void> add_action(const Rule& rule, pc_record& record);
    [[nodiscard]] Result<void> give_ids(const RuleIds& previous);

    const RuleSet& rules_;
    const Environment& environment_;
    PlanLists lists_;
    Plan plan_;
    Names zones_;
    Names inspects_;
};

Result<void> Compiler::name_zones(const RuleIds& previous) {
    std::vector<std::string_view> names;
    for (const Zone& zone : rules_.zones) {
        names.push_back(zone.name);
    }
    const auto ids = kept_ids(names, previous, PC_ZONES_MAX);
    if (!ids) {
        return limit("zones", names.size(), PC_ZONES_MAX - 1);
    }
    for (const Zone& zone : rules_.zones) {
        const auto id = static_cast<uint8_t>((*ids)[plan_.zones.size()]);
        zones_.emplace(zone.name, id);
        plan_.zones.push_back({.name = zone.name,
                               .id = id,
                               .interfaces = zone.interfaces,
                               .vlans = zone.vlans,
                               .mode = zone.mode,
                               .frags = zone.frags});
    }
    return {};
}

Result<void> Compiler::name_inspects(const RuleIds& previous) {
    std::vector<std::string_view> names;
    for (const Inspect& inspect : rules_.inspects) {
        names.push_back(inspect.name);
    }
    const auto ids = kept_ids(names, previous, PC_INSPECTS_MAX);
    if (!ids) {
        return limit("inspectors", names.size(), PC_INSPECTS_MAX - 1);
    }
    plan_.bypass_mark = bypass_mark_default;
    Resolver resolver(rules_, environment_);
    for (const Inspect& inspect : rules_.inspects) {
        const auto id = static_cast<uint8_t>((*ids)[plan_.inspects.size()]);
        inspects_.emplace(inspect.name, id);
        plan_.inspects.push_back(
            {.name = inspect.name, .id = id, .policy = inspect, .clients = {}});
        for (const InspectRule& rule : inspect.rules) {
            plan_.inspects.back().clients.push_back(TRY(resolver.addresses(rule.client)));
        }
        plan_.bypass_mark = inspect.mark.value_or(plan_.bypass_mark);
    }
    return {};
}

pc_action by_default(Action action) {
    return action == Action::accept ? PC_ACTION_ACCEPT : PC_ACTION_DROP;
}

// `plan` has the byte sets already.
bool inspects_udp(const pc_record& record, const Plan& plan) {
    constexpr size_t udp = 17;
    return record.action == PC_ACTION_INSPECT &&
           (record.proto_set == 0 ||
            (plan.byte_sets[record.proto_set].bits[udp / 64] >> (udp % 64) & 1) != 0);
}

// After the records: the flags say what they ask for.
void Compiler::fill_generation() {
    const Defaults& defaults = rules_.defaults;
    pc_generation& generation = plan_.generation;
    generation.records = static_cast<uint32_t>(plan_.records.size());
    for (const pc_record& record : plan_.records) {
        generation.flags |= (record.flags & PC_AT_TC) != 0 ? PC_GEN_TC : 0;
        generation.flags |= record.action == PC_ACTION_INSPECT ? PC_GEN_INSPECT : 0;
        generation.datagram_zones |= inspects_udp(record, plan_) ? record.out_zones : 0;
    }
    generation.sample_per_second = defaults.sample_per_second;
    generation.fragments = static_cast<uint8_t>(defaults.fragments);
    generation.unparseable_accept = defaults.unparseable_accept ? 1 : 0;
    generation.non_ip_accept = defaults.non_ip_accept ? 1 : 0;
    generation.log = static_cast<uint8_t>(defaults.log);
    for (size_t i = 0; i < rules_.zones.size(); i++) {
        const Action action = rules_.zones[i].default_action.value_or(defaults.action);
        generation.zone_default[plan_.zones[i].id] = static_cast<uint8_t>(by_default(action));
    }
    for (size_t i = 0; i < rules_.inspects.size(); i++) {
        const uint64_t bit = uint64_t{1} << plan_.inspects[i].id;
        generation.inspect_peek |= peeks(rules_.inspects[i]) ? bit : 0;
        generation.inspect_on_down[plan_.inspects[i].id] =
            static_cast<uint8_t>(rules_.inspects[i].down_drops ? PC_ON_DOWN_DROP : PC_ON_DOWN_PASS);
    }
}

// A list that is named never holds bit 0: the router's own packets, or no zone to leave by.
Result<uint64_t> Compiler::zone_bits(const std::vector<ZoneItem>& items) const {
    if (items.empty()) {
        return all_bits;
    }
    uint64_t positive = 0;
    uint64_t negative = 1;
    bool any_positive = false;
    for (const ZoneItem& item : items) {
        const auto zone = zones_.find(item.zone);
        if (zone == zones_.end()) {
            return Error{.err = 0, .message = "no zone is named " + item.zone};
        }
        (item.negated ? negative : positive) |= 1ULL << zone->second;
        any_positive = any_positive || !item.negated;
    }
    return (any_positive ? positive : all_bits) & ~negative;
}

Result<void> Compiler::add_zones(const Match& match, pc_record& record) const {
    record.in_zones = TRY(zone_bits(match.in));
    record.out_zones = TRY(zone_bits(match.out));
    return {};
}

void copy_prefix(const Prefix& prefix, __be32 (&address)[4], __be32 (&mask)[4]) {
    std::array<uint8_t, 16> bits{};
    for (size_t i = 0; i < prefix.length; i++) {
        bits[i / 8] |= static_cast<uint8_t>(0x80 >> (i % 8));
    }
    std::copy(prefix.address.bytes.begin(), prefix.address.bytes.end(),
              static_cast<uint8_t*>(static_cast<void*>(address)));
    std::copy(bits.begin(), bits.end(), static_cast<uint8_t*>(static_cast<void*>(mask)));
}

Result<void> Compiler::add_addresses(const Rule& rule, pc_record& record) {
    // A packet from or to one of these is not inspected, whatever the rule names.
    std::vector<AddressItem> excluded;
    for (const Inspect& inspect : rules_.inspects) {
        if (rule.action == Action::inspect && inspect.name == rule.inspect) {
            excluded = inspect.exclude;
        }
    }
    const PlanLists::Addresses src = TRY(lists_.addresses(rule.match.src, excluded));
    const PlanLists::Addresses dst = TRY(lists_.addresses(rule.match.dst, excluded));
    record.saddr_set = src.set;
    record.daddr_set = dst.set;
    copy_prefix(src.prefix, record.saddr, record.smask);
    copy_prefix(dst.prefix, record.daddr, record.dmask);
    record.families &= src.families & dst.families;
    if (rule.family) {
        record.families &= *rule.family == Family::v4 ? PC_IPV4 : PC_IPV6;
    }
    return {};
}

// A list that holds nothing: the rule never matches.
void set_never(pc_record& record) {
    record.families = 0;
}

Result<void> Compiler::add_numbers(const Match& match, pc_record& record) {
    const PlanLists::Numbers sport = TRY(lists_.numbers(match.sport, 65535));
    const PlanLists::Numbers dport = TRY(lists_.numbers(match.dport, 65535));
    const PlanLists::Numbers len = TRY(lists_.numbers(match.len, 65535));
    const PlanLists::Numbers vlan = TRY(lists_.vlans(match.vlan));
    record.sport = {.low = sport.low, .high = sport.high};
    record.dport = {.low = dport.low, .high = dport.high};
    record.len = {.low = len.low, .high = len.high};
    record.vlan = {.low = vlan.low, .high = vlan.high};
    record.sport_set = sport.set;
    record.dport_set = dport.set;
    record.len_set = len.set;
    record.vlan_set = vlan.set;
    if (sport.empty || dport.empty || len.empty || vlan.empty) {
        set_never(record);
    }
    if (!match.sport.empty() || !match.dport.empty()) {
        record.flags |= PC_NEEDS_PORTS;
    }
    return {};
}

Result<void> Compiler::add_bytes(const Match& match, pc_record& record) {
    const PlanLists::Bytes proto = TRY(lists_.bytes(match.proto));
    const PlanLists::Bytes ttl = TRY(lists_.bytes(match.ttl));
    const PlanLists::Bytes type = TRY(lists_.bytes(match.icmp_type));
    const PlanLists::Bytes code = TRY(lists_.bytes(match.icmp_code));
    const PlanLists::Bytes flags = TRY(lists_.tcp_flags(match.tcp_flags));
    record.proto_set = proto.set;
    record.ttl_set = ttl.set;
    record.icmp_type_set = type.set;
    record.icmp_code_set = code.set;
    record.tcp_flags_set = flags.set;
    record.dscp = TRY(lists_.dscp(match.dscp));
    if (proto.empty || ttl.empty || type.empty || code.empty || flags.empty || record.dscp == 0) {
        set_never(record);
    }
    if (!match.icmp_type.empty() || !match.icmp_code.empty()) {
        record.flags |= PC_NEEDS_ICMP;
    }
    if (!match.tcp_flags.empty()) {
        record.flags |= PC_NEEDS_TCP_FLAGS;
    }
    return {};
}

Result<void> Compiler::add_action(const Rule& rule, pc_record& record) {
    record.action = static_cast<uint8_t>(rule.action);
    record.log = static_cast<uint8_t>(rule.log);
    if (hook_of(rule) == Hook::tc) {
        record.flags |= PC_AT_TC;
    }
    if (rule.action == Action::mark) {
        record.mark = rule.mark.value;
        record.mark_mask = rule.mark.mask;
    }
    if (rule.action == Action::inspect) {
        const auto inspect = inspects_.find(rule.inspect);
        if (inspect == inspects_.end()) {
            return Error{.err = 0, .message = "no inspector is named " + rule.inspect};
        }
        record.inspect = inspect->second;
    }
    if (!rule.limit.empty()) {
        record.limit = limit_number(plan_, rule.limit);
        if (record.limit == 0) {
            return Error{.err = 0, .message = "no limit is named " + rule.limit};
        }
    }
    record.flags |= rule.keep_flows ? PC_KEEP_FLOWS : 0;
    return {};
}

Result<void> Compiler::add_rule(const Rule& rule) {
    pc_record record{};
    record.death = UINT32_MAX; // from the start and for good, until an edit
    record.families = PC_IPV4 | PC_IPV6;
    record.states = PC_STATES_ALL;
    record.frags =
        rule.match.frags != 0 ? rule.match.frags : PC_FRAG_NONE | PC_FRAG_FIRST | PC_FRAG_LATER;
    record.states = state_bits(rule.match.states);
    if (record.states == 0) {
        set_never(record);
    }
    TRY(add_zones(rule.match, record));
    TRY(add_addresses(rule, record));
    TRY(add_numbers(rule.match, record));
    TRY(add_bytes(rule.match, record));
    const PlanLists::Macs macs = TRY(lists_.macs(rule.match.src_mac));
    record.mac_set = macs.set;
    record.flags |= macs.negated ? PC_MAC_NEGATED : 0;
    if (macs.empty) {
        set_never(record);
    }
    TRY(add_action(rule, record));
    plan_.records.push_back(record);
    plan_.rules.push_back({.name = rule.name, .id = 0, .hook = hook_of(rule), .at = rule.at});
    return {};
}

Result<void> Compiler::give_ids(const RuleIds& previous) {
    std::vector<std::string_view> names;
    names.reserve(plan_.rules.size());
    for (const PlanRule& rule : plan_.rules) {
        names.push_back(rule.name);
    }
    const auto ids = stable_ids(names, previous, PC_RULE_IDS_MAX);
    if (!ids) {
        return limit("rule ids in use", PC_RULE_IDS_MAX, PC_RULE_IDS_MAX - 1);
    }
    for (size_t i = 0; i < plan_.rules.size(); i++) {
        plan_.rules[i].id = (*ids)[i];
        plan_.records[i].rule_id = (*ids)[i];
    }
    return {};
}

Result<Plan> Compiler::compile(const RuleIds& previous, const KeptIds& kept) {
    TRY(name_zones(kept.zones));
    TRY(name_inspects(kept.inspects));
    TRY(add_limits(rules_, kept.limits, plan_));
    const auto active = static_cast<size_t>(
        std::count_if(rules_.rules.begin(), rules_.rules.end(),
                      [&](const Rule& rule) { return is_active(rule, environment_); }));
    if (active > PC_RULES_MAX) {
        return limit("active rules", active, PC_RULES_MAX);
    }
    for (const Rule& rule : rules_.rules) {
        if (!is_active(rule, environment_)) {
            continue;
        }
        auto added = add_rule(rule);
        if (!added.ok()) {
            return Error{.err = 0, .message = "rule " + rule.name + ": " + added.error().message};
        }
    }
    TRY(give_ids(previous));
    lists_.move_to(plan_);
    fill_generation();
    TRY(add_flows(rules_, environment_, plan_));
    return std::move(plan_);
}

} // namespace

Result<Plan> compile(const RuleSet& rules, const Environment& environment, const RuleIds& previous,
                     const KeptIds& kept) {
    return Compiler(rules, environment).compile(previous, kept);
}

RuleIds rule_ids(const Plan& plan) {
    RuleIds ids;
    for (const PlanRule& rule : plan.rules) {
        ids.emplace(rule.name, rule.id);
    }
    return ids;
}

RuleIds zone_ids(const Plan& plan) {
    RuleIds ids;
    for (const PlanZone& zone : plan.zones) {
        ids.emplace(zone.name, zone.id);
    }
    return ids;
}

RuleIds inspect_ids(const Plan& plan) {
    RuleIds ids;
    for (const PlanInspect& inspect : plan.inspects) {
        ids.emplace(inspect.name, inspect.id);
    }
    return ids;
}

RuleIds limit_ids(const Plan& plan) {
    RuleIds ids;
    for (const PlanLimit& limit : plan.limit_names) {
        if (limit.id != 0) {
            ids.emplace(limit.name, limit.id);
        }
    }
    return ids;
}

} // namespace pc
