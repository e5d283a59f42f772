// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/plan.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include <catch2/catch.hpp>

#include "rules/parse.h"

namespace pc {
namespace {

RuleSet parsed(const std::string& toml) {
    const ReadFiles none = [](std::string_view,
                              std::string_view) -> Result<std::vector<SourceFile>> {
        return Error{.err = 0, .message = "no files here"};
    };
    const Parsed parsed = parse({.path = "rules.toml", .text = "schema = 1\n" + toml}, none);
    INFO(render(parsed.diagnostics, parsed.rules.files, ""));
    REQUIRE_FALSE(parsed.diagnostics.has_errors());
    return parsed.rules;
}

Plan plan_of(const std::string& toml, const Environment& environment = {},
             const RuleIds& previous = {}) {
    Result<Plan> plan = compile(parsed(toml), environment, previous);
    INFO((plan.ok() ? "" : plan.error().message));
    REQUIRE(plan.ok());
    return plan.take();
}

std::string rule(const std::string& name, const std::string& lines = "") {
    return "[[rule]]\nname = \"" + name + "\"\naction = \"drop\"\n" + lines + "\n";
}

const std::string two_zones =
    "[zone.wan]\ninterfaces = \"wan0\"\n[zone.lan]\ninterfaces = \"lan0\"\ndefault = \"accept\"\n";

TEST_CASE("a rule that names nothing concerns every packet") {
    const Plan plan = plan_of(rule("r"));
    REQUIRE(plan.records.size() == 1);
    const pc_record& record = plan.records.front();
    pc_record expected{};
    expected.in_zones = ~0ULL;
    expected.out_zones = ~0ULL;
    expected.dscp = ~0ULL;
    expected.sport.high = expected.dport.high = expected.len.high = expected.vlan.high = 65535;
    expected.families = PC_IPV4 | PC_IPV6;
    expected.frags = PC_FRAG_NONE | PC_FRAG_FIRST | PC_FRAG_LATER;
    expected.rule_id = 1;
    expected.action = PC_ACTION_DROP;
    expected.states = PC_STATES_ALL;
    expected.death = UINT32_MAX;
    CHECK(std::memcmp(&record, &expected, sizeof(record)) == 0);
    CHECK(plan.lists.size() == 1);
    CHECK(plan.generation.records == 1);
    CHECK(plan.generation.flags == 0);
    CHECK(plan.bypass_mark == bypass_mark_default);
}

TEST_CASE("an inline prefix restricts the family, because masks alone do not know it") {
    const Plan plan =
        plan_of(rule("v4", "src = \"192.0.2.0/24\"") + rule("v6", "dst = \"2001:db8::/33\"") +
                rule("both", "src = \"10.0.0.0/8\"\ndst = \"2001:db8::/32\""));
    CHECK(plan.records[0].families == PC_IPV4);
    const std::array<uint8_t, 16> saddr{192, 0, 2, 0};
    const std::array<uint8_t, 16> smask{255, 255, 255, 0};
    CHECK(std::memcmp(plan.records[0].saddr, saddr.data(), 16) == 0);
    CHECK(std::memcmp(plan.records[0].smask, smask.data(), 16) == 0);
    CHECK(plan.records[1].families == PC_IPV6);
    const std::array<uint8_t, 16> dmask{255, 255, 255, 255, 128};
    CHECK(std::memcmp(plan.records[1].dmask, dmask.data(), 16) == 0);
    CHECK(plan.records[2].families == 0);
}

TEST_CASE("zones: bit 0 only for rules that do not name them") {
    const Plan plan =
        plan_of(two_zones + rule("in", "in = \"lan\"") + rule("not", "in = \"!lan\"") +
                rule("out", "out = [\"wan\", \"lan\"]"));
    CHECK(plan.records[0].in_zones == 1ULL << 2);
    CHECK(plan.records[0].out_zones == ~0ULL);
    CHECK(plan.records[1].in_zones == (~0ULL & ~(1ULL << 2) & ~1ULL));
    CHECK(plan.records[2].out_zones == ((1ULL << 1) | (1ULL << 2)));
    CHECK(plan.records[0].flags == 0);
    CHECK(plan.records[2].flags == PC_AT_TC);
    CHECK(plan.rules[2].hook == Hook::tc);
    CHECK(plan.generation.flags == PC_GEN_TC);
    CHECK(plan.generation.zone_default[1] == PC_ACTION_ACCEPT);
    CHECK(plan_of("[defaults]\naction = \"drop\"\n" + two_zones).generation.zone_default[1] ==
          PC_ACTION_DROP);
    CHECK(plan_of("[defaults]\naction = \"drop\"\n" + two_zones).generation.zone_default[2] ==
          PC_ACTION_ACCEPT);
    CHECK(plan.zones.at(1).name == "lan");
    CHECK(plan.zones.at(1).id == 2);
}

TEST_CASE("flags say which fields a packet must have") {
    const Plan plan = plan_of(rule("ports", "proto = \"udp\"\ndport = \"!53\"") +
                              rule("type", "proto = \"icmp\"\nicmp_type = 8") +
                              rule("flags", "proto = \"tcp\"\ntcp_flags = \"syn,!ack\"") +
                              rule("mac", "src_mac = \"!02:00:00:00:00:01\""));
    CHECK(plan.records[0].flags == PC_NEEDS_PORTS);
    CHECK(plan.records[0].dport_set == 1);
    CHECK(plan.records[1].flags == PC_NEEDS_ICMP);
    CHECK(plan.records[2].flags == PC_NEEDS_TCP_FLAGS);
    const pc_byte_set& flags = plan.byte_sets.at(plan.records[2].tcp_flags_set);
    int held = 0;
    for (uint32_t value = 0; value < 256; value++) {
        const bool holds = (flags.bits[value / 64] >> (value % 64) & 1) != 0;
        CHECK(holds == ((value & 0x12) == 0x02));
        held += holds ? 1 : 0;
    }
    CHECK(held == 64);
    CHECK(plan.records[3].flags == PC_MAC_NEGATED);
    CHECK(plan.records[3].mac_set == 1);
}

TEST_CASE("the generation knows by which zones datagrams that are inspected leave") {
    const auto zones_of = [](const std::string& match) {
        return plan_of("[inspect.web]\n" + two_zones + "[[rule]]\nname = \"look\"\n" + match +
                       "action = \"inspect\"\ninspect = \"web\"\n")
            .generation.datagram_zones;
    };
    CHECK(zones_of("proto = \"tcp\"\n") == 0);
    CHECK(zones_of("proto = \"udp\"\n") == ~0ULL);
    CHECK(zones_of("proto = [\"tcp\", \"udp\"]\nout = \"wan\"\n") == 1ULL << 1);
    CHECK(plan_of(two_zones + rule("out", "proto = \"udp\"\nout = \"wan\""))
              .generation.datagram_zones == 0);
}

TEST_CASE("inspect takes the excluded addresses out of both ends") {
    const Plan plan = plan_of(
        "[inspect.web]\nmode = \"terminate\"\nexclude = \"10.0.0.0/8\"\non_down = \"drop\"\nmark = 0x40000000\n" +
        two_zones +
        "[[rule]]\nname = \"look\"\nproto = \"tcp\"\naction = \"inspect\"\n"
        "inspect = \"web\"\n");
    const pc_record& record = plan.records.front();
    CHECK(record.inspect == 1);
    CHECK(record.saddr_set == 1);
    CHECK(record.daddr_set == 1);
    CHECK(record.flags == PC_AT_TC);
    CHECK(plan.generation.flags == (PC_GEN_TC | PC_GEN_INSPECT));
    CHECK(plan.generation.inspect_on_down[1] == PC_ON_DOWN_DROP);
    CHECK(plan.bypass_mark == 0x40000000);
    REQUIRE(plan.lists.size() == 2);
    CHECK(plan.lists[1].addresses.v4.size() == 2); // below 10/8 and above it
    CHECK(plan.lists[1].addresses.v6.size() == 1);
}

TEST_CASE("a list with dynamic sets has their names, and what no entry adds") {
    const std::string sets = "[set.scrub]\ndynamic = true\n[set.safe]\ntype = \"prefix\"\n"
                             "items = [\"10.0.0.0/24\"]\n";
    const Plan plan = plan_of(
        sets + rule("in", "src = [\"@scrub\", \"192.0.2.0/24\", \"!@safe\", \"!10.9.0.0/16\"]") +
        rule("not", "dst = \"!@scrub\"") + rule("again", "dst = \"!@scrub\""));
    REQUIRE(plan.lists.size() == 3);
    const PlanList& in = plan.lists[plan.records[0].saddr_set];
    CHECK(in.dynamic == std::vector<PlanList::Dynamic>{{.set = "scrub", .negated = false}});
    CHECK(single_prefix(in.addresses) == parse_prefix("192.0.2.0/24").prefix);
    CHECK(in.never.v4.size() == 2);
    const PlanList& negated = plan.lists[plan.records[1].daddr_set];
    CHECK(negated.dynamic == std::vector<PlanList::Dynamic>{{.set = "scrub", .negated = true}});
    CHECK(negated.addresses == every_address());
    CHECK(plan.records[1].daddr_set == plan.records[2].daddr_set);
    CHECK(in.written != negated.written);
    CHECK(plan.records[0].families == (PC_IPV4 | PC_IPV6));
}

TEST_CASE("rules that are disabled or over are left out") {
    Environment environment;
    environment.today = Date{.year = 2026, .month = 11, .day = 23};
    const Plan plan = plan_of(rule("off", "disabled = true") + rule("over", "until = 2026-11-22") +
                                  rule("today", "until = 2026-11-23"),
                              environment);
    REQUIRE(plan.rules.size() == 1);
    CHECK(plan.rules.front().name == "today");
}

TEST_CASE("rules keep their ids; new ones get the smallest that nobody had") {
    const RuleIds previous{{"b", 1}, {"gone", 3}, {"c", 4}};
    const Plan plan = plan_of(rule("a") + rule("b") + rule("c") + rule("d"), {}, previous);
    CHECK(rule_ids(plan) == RuleIds{{"a", 2}, {"b", 1}, {"c", 4}, {"d", 5}});
    for (size_t i = 0; i < plan.rules.size(); i++) {
        CHECK(plan.records[i].rule_id == plan.rules[i].id);
    }
    // Ids that cannot be are not kept.
    const RuleIds broken{{"a", 0}, {"b", PC_RULE_IDS_MAX}, {"c", 7}, {"d", 7}};
    CHECK(rule_ids(plan_of(rule("a") + rule("b") + rule("c") + rule("d"), {}, broken)) ==
          RuleIds{{"a", 1}, {"b", 2}, {"c", 7}, {"d", 3}});
}

TEST_CASE("a rule has its states, its limit and whether its flows are kept") {
    const std::string limits = "[limit.a]\nrate = \"1pps\"\n[limit.b]\nrate = \"2pps\"\n";
    const Plan plan =
        plan_of(limits + rule("none") + rule("b", "limit = \"b\"") +
                rule("state", "state = [\"new\", \"invalid\"]") +
                rule("never", "state = [\"new\", \"!new\"]") +
                "[[rule]]\nname = \"kept\"\naction = \"accept\"\nkeep_flows = true\n");
    CHECK(plan.records[0].states == PC_STATES_ALL);
    CHECK(plan.records[0].limit == 0);
    CHECK(plan.records[1].limit == 2);
    CHECK(plan.limit_names.at(2).name == "b");
    CHECK(plan.records[2].states == (PC_STATE_NEW | PC_STATE_INVALID));
    CHECK(plan.records[3].families == 0);
    CHECK(plan.records[4].flags == PC_KEEP_FLOWS);
}

TEST_CASE("limits as the kernel counts them") {
    const Plan plan = plan_of("[limit.a]\nrate = \"25pps\"\nburst = 1\nper = \"src/24+dst\"\n"
                              "[limit.b]\nrate = \"26pps\"\nburst = 1\nover = \"reject\"\n"
                              "[limit.c]\nrate = \"80mbit\"\nover = \"mark\"\nmark = \"1/3\"\n");
    const uint64_t ms = 1'000'000ULL << PC_LIMIT_UNIT_SHIFT;
    REQUIRE(plan.limits.size() == 4);
    const pc_limit& a = plan.limits[1];
    CHECK(a.interval == 40 * ms);
    CHECK(a.burst == 40 * ms);
    CHECK(a.coarse == 1);
    CHECK(a.per == PC_PER_SRC_DST);
    CHECK(a.of == PC_LIMIT_PACKETS);
    CHECK(a.over == PC_OVER_DROP);
    CHECK(a.src4 == 24);
    CHECK(a.src6 == 64);
    CHECK(a.dst4 == 32);
    CHECK(a.dst6 == 128);
    CHECK(plan.limits[2].coarse == 0);
    CHECK(plan.limits[2].over == PC_OVER_REJECT);
    CHECK(plan.limits[2].src4 == 0);
    CHECK(plan.limits[3].of == PC_LIMIT_BYTES);
    CHECK(plan.limits[3].burst / ms == 100);
    CHECK(plan.limits[3].mark == 1);
    CHECK(plan.limits[3].mark_mask == 3);
}

TEST_CASE("limits keep their stable ids, whatever their numbers are") {
    const auto limit = [](const std::string& name) {
        return "[limit." + name + "]\nrate = \"1pps\"\n";
    };
    const RuleIds previous{{"b", 1}, {"gone", 3}};
    const auto plan = compile(parsed(limit("a") + limit("b") + limit("c")), {}, {},
                              {.limits = previous, .zones = {}, .inspects = {}});
    REQUIRE(plan.ok());
    CHECK(limit_ids(plan.value()) == RuleIds{{"a", 2}, {"b", 1}, {"c", 4}});
    for (size_t i = 1; i < plan.value().limits.size(); i++) {
        CHECK(plan.value().limits[i].stable == plan.value().limit_names[i].id);
    }
    CHECK(limit_ids(plan_of(rule("r"))).empty());
}

TEST_CASE("zones keep their ids, until there are no others left") {
    const auto zones = [](size_t from, size_t count) {
        std::string text;
        for (size_t i = from; i < from + count; i++) {
            text += "[zone.z" + std::to_string(i) + "]\ninterfaces = [\"e" + std::to_string(i) +
                    "\"]\n";
        }
        return parsed(text);
    };
    const RuleIds previous{{"z1", 1}, {"z2", 2}, {"gone", 3}};
    const auto plan =
        compile(zones(0, 3), {}, {}, {.limits = {}, .zones = previous, .inspects = {}});
    REQUIRE(plan.ok());
    CHECK(zone_ids(plan.value()) == RuleIds{{"z0", 4}, {"z1", 1}, {"z2", 2}});
    const auto all = compile(zones(0, PC_ZONES_MAX - 1), {}, {},
                             {.limits = {}, .zones = previous, .inspects = {}});
    REQUIRE(all.ok());
    CHECK(zone_ids(all.value()).at("z1") == 1);
    CHECK(zone_ids(all.value()).size() == PC_ZONES_MAX - 1);
}

TEST_CASE("flows are followed where something asks for them, and only there") {
    const auto follows = [](const std::string& toml) {
        return (plan_of(toml).generation.flags & PC_GEN_FLOWS) != 0;
    };
    const std::string limits = "[limit.p]\nrate = \"1pps\"\n[limit.f]\nrate = \"1/s\"\n";
    const std::string zone = "[zone.lan]\ninterfaces = \"lan0\"\n";
    CHECK_FALSE(follows(zone + limits + rule("r", "limit = \"p\"")));
    CHECK_FALSE(follows("[guard]\nsources = \"log\"\n"));
    CHECK(follows("[guard]\nsources = \"block\"\n"));
    CHECK_FALSE(follows(rule("r", "state = \"new\"\ndisabled = true")));
    CHECK_FALSE(follows(rule("r", "state = [\"new\", \"established\", \"related\", \"invalid\"]")));
    CHECK(follows("[flows]\n"));
    CHECK(follows(zone + "established = true\n"));
    CHECK(follows(rule("r", "state = \"new\"")));
    CHECK(follows(limits + rule("r", "limit = \"f\"")));
    CHECK(follows("[[rule]]\nname = \"r\"\naction = \"accept\"\nkeep_flows = true\n"));
    CHECK(follows("[guard]\nsyn_protect = \"auto\"\n"));
    const pc_flow_policy nothing{};
    const Plan plan = plan_of(zone + limits + rule("r", "limit = \"p\""));
    CHECK(std::memcmp(&plan.generation.flows, &nothing, sizeof(nothing)) == 0);
}

TEST_CASE("timeouts are ticks of this router's kernel, rounded up") {
    Environment environment;
    const std::string flows = two_zones + "established = true\n[flows]\nmax = 4096\n"
                                          "tcp_closed = \"1s\"\nnew = \"200/s\"\nloose = true\n";
    environment.hz = 1000;
    CHECK(plan_of(flows, environment).generation.flows.timeouts[PC_FLOW_TCP_CLOSED] == 63);
    environment.hz = 250;
    const Plan plan = plan_of(flows, environment);
    const pc_flow_policy& policy = plan.generation.flows;
    CHECK(policy.timeouts[PC_FLOW_TCP_CLOSED] == 16);
    CHECK(policy.timeouts[PC_FLOW_TCP_ESTABLISHED] == 6750000);
    CHECK(policy.established_zones == 1ULL << 2);
    CHECK(policy.per_source == 1024);
    CHECK(policy.new_burst == 200 * policy.new_interval);
    CHECK(policy.loose == 1);
    CHECK(policy.judgement == 0);
    CHECK(plan.flows_max == 4096);
    CHECK(plan_of("[flows]\nnew = 0\n").generation.flows.new_interval == 0);
}

TEST_CASE("the daemon gets what it needs to watch sources") {
    const Plan plan =
        plan_of("[set.own]\nitems = [\"192.0.2.0/24\"]\n[guard]\nsources = \"block\"\n"
                "prefix = \"src/24\"\nexcept = [\"@own\", \"2001:db8::1\"]\n");
    CHECK(plan.guard.mode == PC_GUARD_BLOCK);
    CHECK(plan.guard.above_pps == 100000);
    CHECK(plan.guard.block_for_s == 600);
    CHECK(plan.guard.except.v4.size() == 1);
    CHECK(plan.guard.except.v6.size() == 1);
    CHECK(plan.generation.flows.guard == PC_GUARD_BLOCK);
    CHECK(plan.generation.flows.guard_prefix4 == 24);
    CHECK(plan.generation.flows.guard_prefix6 == 64);
    CHECK(empty(plan_of("[guard]\nsources = \"log\"\n").guard.except));
}

TEST_CASE("one rule over the limit is an error") {
    RuleSet rules;
    for (uint32_t i = 0; i < PC_RULES_MAX; i++) {
        Rule next;
        next.name = "r" + std::to_string(i);
        next.priority = i;
        rules.rules.push_back(next);
    }
    CHECK(compile(rules, {}, {}).ok());
    rules.rules.push_back(rules.rules.back());
    const Result<Plan> plan = compile(rules, {}, {});
    REQUIRE_FALSE(plan.ok());
    CHECK(plan.error().message == "131073 active rules; the limit is 131072");
}

TEST_CASE("an error names the rule") {
    RuleSet rules;
    Rule wrong;
    wrong.name = "wrong";
    wrong.match.src.push_back({.negated = false, .set = "nowhere", .range = {}, .at = {}});
    rules.rules.push_back(wrong);
    CHECK(compile(rules, {}, {}).error().message == "rule wrong: no set is named nowhere");
    rules.rules.front().match.src.clear();
    rules.rules.front().limit = "nothing";
    CHECK(compile(rules, {}, {}).error().message == "rule wrong: no limit is named nothing");
}

// The bound is far above what it takes (half a second of CPU), because machines that test are busy.
TEST_CASE("a million prefixes compile in seconds") {
    RuleSet rules;
    Set set;
    set.name = "big";
    set.files = {"big.txt"};
    uint64_t state = 1;
    for (uint32_t i = 0; i < 1000000; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        Prefix prefix{.address = {.family = i % 4 == 0 ? Family::v6 : Family::v4}, .length = 32};
        for (size_t byte = 0; byte < 4; byte++) {
            prefix.address.bytes[byte] = static_cast<uint8_t>(state >> (32 + 8 * byte));
        }
        set.file_addresses.push_back(range_of(prefix));
    }
    rules.sets.push_back(set);
    for (const char* name : {"one", "two"}) {
        Rule drop;
        drop.name = name;
        drop.match.src.push_back({.negated = false, .set = "big", .range = {}, .at = {}});
        rules.rules.push_back(drop);
    }
    const auto start = std::chrono::steady_clock::now();
    const Result<Plan> plan = compile(rules, {}, {});
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    REQUIRE(plan.ok());
    REQUIRE(plan.value().lists.size() == 2);
    CHECK(plan.value().lists[1].addresses.v4.size() > 740000);
    CHECK(plan.value().lists[1].addresses.v6.size() > 240000);
    CHECK(plan.value().records[0].saddr_set == plan.value().records[1].saddr_set);
    INFO(seconds.count() << " s");
    CHECK(seconds.count() < 10);
}

} // namespace
} // namespace pc
