// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstring>

#include <catch2/catch.hpp>

#include "rules/print.h"

using namespace pc;

namespace {

void put_address(__be32 (&words)[4], const char* text) {
    const Address address = parse_address(text).value();
    std::memcpy(words, address.bytes.data(), sizeof(words));
}

// A record without a condition.
pc_record open_record() {
    pc_record record{};
    record.in_zones = record.out_zones = record.dscp = UINT64_MAX;
    record.sport.high = record.dport.high = record.len.high = record.vlan.high = UINT16_MAX;
    record.families = PC_IPV4 | PC_IPV6;
    record.frags = PC_FRAG_NONE | PC_FRAG_FIRST | PC_FRAG_LATER;
    record.states = PC_STATES_ALL;
    return record;
}

// Only the part about records, of a plan that holds this one.
std::string record_text(const pc_record& record) {
    Plan plan;
    plan.records = {record};
    plan.rules = {{"x", record.rule_id, Hook::xdp, {}}};
    const std::string text = print_plan(plan);
    return text.substr(text.find("record 0"));
}

} // namespace

TEST_CASE("a record without conditions is short") {
    pc_record record = open_record();
    record.rule_id = 7;
    record.action = PC_ACTION_DROP;
    CHECK(record_text(record) == "record 0 rule 7 x\n  action drop\n");
}

TEST_CASE("each condition of a record has its line") {
    pc_record record = open_record();
    record.families = PC_IPV4;
    record.in_zones = 0b1010;
    record.out_zones = 0b100;
    record.dscp = 1;
    record.frags = PC_FRAG_NONE;
    record.sport_set = 3;
    record.dport.low = 80;
    record.dport.high = 90;
    record.len.low = 400;
    record.proto_set = 1;
    record.ttl_set = 2;
    record.icmp_type_set = 4;
    record.icmp_code_set = 5;
    record.tcp_flags_set = 6;
    record.vlan.low = record.vlan.high = 30;
    record.mac_set = 1;
    record.daddr_set = 9;
    put_address(record.saddr, "10.1.0.0");
    put_address(record.smask, "255.255.0.0");
    record.action = PC_ACTION_MARK;
    record.mark = 0x10;
    record.mark_mask = 0xff;
    record.log = PC_LOG_SAMPLED;
    record.flags = PC_NEEDS_PORTS | PC_AT_TC | PC_MAC_NEGATED;
    CHECK("\n" + record_text(record) == R"(
record 0 rule 0 x
  action mark
  mark 0x00000010/0x000000ff
  log sampled
  flags needs-ports at-tc mac-negated
  families ipv4
  in_zones 1, 3
  out_zones 2
  proto in byte list 1
  sport in number list 3
  dport 80-90
  icmp_type in byte list 4
  icmp_code in byte list 5
  tcp_flags in byte list 6
  saddr 10.1.0.0/16
  daddr in address list 9
  frags none
  len 400-65535
  dscp 0
  ttl in byte list 2
  vlan 30-30
  mac in mac list 1
)");
}

TEST_CASE("IPv6 prefixes, and masks that are none") {
    pc_record record = open_record();
    record.families = PC_IPV6;
    put_address(record.saddr, "2001:db8::");
    put_address(record.smask, "ffff:ffff::");
    put_address(record.daddr, "::1");
    put_address(record.dmask, "::ffff");
    const std::string text = record_text(record);
    CHECK(text.find("  saddr 2001:db8::/32\n") != std::string::npos);
    CHECK(text.find("  daddr ::1 mask ::ffff\n") != std::string::npos);
}

TEST_CASE("the head, zones, inspectors and lists of a plan") {
    Plan plan;
    plan.generation.records = 0;
    plan.generation.flags = PC_GEN_TC | PC_GEN_INSPECT;
    plan.generation.sample_per_second = 100;
    plan.generation.fragments = PC_FRAGMENTS_DROP;
    plan.generation.zone_default[0] = PC_ACTION_DROP;
    plan.generation.inspect_on_down[1] = PC_ON_DOWN_DROP;
    plan.bypass_mark = bypass_mark_default;
    plan.zones = {{"lan", 1, {"eth1", "eth2*"}, {PC_VLAN_NONE, 30}, XdpMode::native, true}};
    plan.inspects = {{"web", 1}};
    plan.number_sets.resize(2);
    plan.number_sets[1].bits[0] = 0b1110;
    plan.number_sets[1].bits[1023] = 1ULL << 63U;
    plan.byte_sets.resize(2);
    plan.byte_sets[1].bits[0] = 1U << 6U;
    plan.mac_lists = {{}, {parse_mac("02:00:00:00:00:01").value()}};
    plan.lists.resize(3);
    append(plan.lists[1].addresses, range_of(parse_prefix("10.0.0.0/8").prefix));
    append(plan.lists[1].addresses, range_of(parse_prefix("2001:db8::/32").prefix));
    append(plan.lists[2].addresses, parse_address_range("10.0.0.1-10.0.0.4").value());
    plan.lists[2].dynamic = {{.set = "scrub", .negated = false}, {.set = "safe", .negated = true}};
    CHECK("\n" + print_plan(plan) == R"(
generation
  records 0
  flags tc inspect
  sample 100
  fragments drop
  unparseable drop
  non_ip drop
  log none
  default drop
  bypass_mark 0x10000000

zone 1 lan
  interfaces eth1 eth2*
  vlan untagged 30
  mode native
  frags true
  default accept

inspect 1 web
  on_down drop

number list 1: 1-3, 65535
byte list 1: 6
mac list 1: 02:00:00:00:00:01
address list 1: 10.0.0.0/8
address list 1: 2001:db8::/32
address list 2: in dynamic set scrub
address list 2: not in dynamic set safe
address list 2: 10.0.0.1/32
address list 2: 10.0.0.2/31
address list 2: 10.0.0.4/32
)");
}

TEST_CASE("actions have the words of the rule file") {
    CHECK(to_string(Action::accept) == "accept");
    CHECK(to_string(Action::count) == "count");
}
