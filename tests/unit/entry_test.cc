// SPDX-License-Identifier: GPL-3.0-or-later
// What a rule becomes in the classifier, against the oracle: no entry may miss a packet that the
// rule matches, and one that is not checked may hold no other.
#include "rules/entry.h"

#include <catch2/catch.hpp>

#include "tests/support/verdicts.h"

namespace pc::test {
namespace {

bool in_ranges(const std::vector<WideRange>& ranges, WideAddress address) {
    return std::any_of(ranges.begin(), ranges.end(), [&](const WideRange& range) {
        return range.first <= address && address <= range.last;
    });
}

bool side_holds(const EntryAddress& side, const Address& address, const Plan& plan) {
    const WideAddress wide = test::wide({address, address}).first;
    if (side.list != 0) {
        const AddressList& list = plan.lists.at(side.list).addresses;
        return in_ranges(address.family == Family::v4 ? list.v4 : list.v6, wide);
    }
    return side.length == 0 || (wide ^ side.address) >> (128 - side.length) == 0;
}

bool port_holds(const PortSpec& spec, std::optional<uint16_t> port, std::optional<uint8_t> icmp) {
    if (spec.is_any()) {
        return true;
    }
    const bool is_port = spec.kind == PortSpec::Kind::port;
    if (is_port ? !port : !icmp) {
        return false;
    }
    const uint16_t value = is_port ? *port : *icmp;
    return std::any_of(spec.ranges.begin(), spec.ranges.end(), [&](const auto& range) {
        return range.first <= value && value <= range.second;
    });
}

bool holds(const Entry& entry, const Packet& packet, const Plan& plan) {
    const pc_host_question question = question_of(packet, plan);
    return entry.family == packet.src.family && side_holds(entry.src, packet.src, plan) &&
           side_holds(entry.dst, packet.dst, plan) &&
           port_holds(entry.sport, packet.sport, packet.icmp_type) &&
           port_holds(entry.dport, packet.dport, packet.icmp_code) &&
           (entry.protos[packet.proto / 64] >> (packet.proto % 64) & 1) != 0 &&
           (!entry.proto || *entry.proto == packet.proto) &&
           (entry.zones >> question.in_zone & 1) != 0 &&
           (!entry.zone || *entry.zone == question.in_zone);
}

} // namespace

TEST_CASE("entries hold every packet of their rule, and unchecked ones no other") {
    size_t matched = 0;
    size_t unchecked = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        RandomCase world = random_rules(seed, {.rules_max = 20,
                                               .out_rules = seed % 2 == 0,
                                               .inspect_rules = seed % 3 == 0,
                                               .loose = seed % 5 == 0,
                                               .zoneless = seed % 4 != 0});
        Dice dice(seed);
        const std::vector<Rule> all = world.rules.rules;
        for (const Rule& rule : all) {
            world.rules.rules = {rule};
            const auto plan = compile(world.rules, world.environment, {});
            REQUIRE(plan.ok());
            const EntryLists lists{.numbers = plan.value().number_sets,
                                   .bytes = plan.value().byte_sets};
            for (int i = 0; i < 60; i++) {
                const Packet packet = random_packet(dice, world);
                const std::vector<Entry> entries =
                    plan.value().records.empty()
                        ? std::vector<Entry>()
                        : entries_of(plan.value().records.front(), lists, packet.src.family);
                const bool matches = !expected(world, packet).empty();
                size_t held = 0;
                bool sure = false;
                for (const Entry& entry : entries) {
                    if (holds(entry, packet, plan.value())) {
                        held++;
                        sure = sure || !entry.check;
                    }
                }
                INFO("seed " << seed << "\n" << describe(world, packet));
                REQUIRE((!matches || held > 0));
                REQUIRE((!sure || matches));
                matched += matches ? 1 : 0;
                unchecked += sure ? 1 : 0;
            }
        }
    }
    CHECK(matched > 2000);
    CHECK(unchecked > 500);
}

TEST_CASE("short lists are spelled out, long ones are asked of the record") {
    pc_record record{};
    record.in_zones = record.out_zones = record.dscp = ~0ULL;
    record.sport.high = record.dport.high = record.len.high = record.vlan.high = 65535;
    record.families = PC_IPV4;
    record.states = PC_STATES_ALL;
    record.frags = PC_FRAG_NONE | PC_FRAG_FIRST | PC_FRAG_LATER;
    record.flags = PC_NEEDS_PORTS;
    record.dport_set = 1;
    std::vector<pc_number_set> numbers(2);
    numbers[1].bits[0] = 0b10101;
    const std::vector<pc_byte_set> bytes(1);
    const auto short_list = entries_of(record, {.numbers = numbers, .bytes = bytes}, Family::v4);
    CHECK(short_list.size() == 3);
    for (const Entry& entry : short_list) {
        CHECK(entry.dport.is_exact());
        CHECK_FALSE(entry.check);
    }
    numbers[1].bits[0] = 0x5555555555555555;
    const auto long_list = entries_of(record, {.numbers = numbers, .bytes = bytes}, Family::v4);
    REQUIRE(long_list.size() == 1);
    CHECK(long_list.front().check);
    CHECK(entries_of(record, {.numbers = numbers, .bytes = bytes}, Family::v6).empty());
    numbers[1].bits[0] = 1;
    const auto asks = [&] {
        return entries_of(record, {.numbers = numbers, .bytes = bytes}, Family::v4).front().check;
    };
    CHECK_FALSE(asks());
    record.states = PC_STATE_NEW;
    CHECK(asks());
    record.states = PC_STATES_ALL;
    record.limit = 1;
    CHECK(asks());
    record.limit = 0;
    record.flags |= PC_KEEP_FLOWS;
    CHECK(asks());
    record.flags = PC_NEEDS_PORTS | PC_NEEDS_ICMP; // no packet has both
    CHECK(entries_of(record, {.numbers = numbers, .bytes = bytes}, Family::v4).empty());
}

TEST_CASE("the word of a rule says what is done without its record") {
    pc_record record{};
    record.out_zones = ~0ULL;
    record.action = PC_ACTION_MARK;
    record.log = PC_LOG_ALL;
    CHECK(PC_RULE_ACTION(rule_word_of(record)) == PC_ACTION_MARK);
    CHECK(PC_RULE_LOG(rule_word_of(record)) == PC_LOG_ALL);
    CHECK(PC_RULE_RECORD(rule_word_of(record)) == 0);
    CHECK((rule_word_of(record) & (PC_RULE_AT_TC | PC_RULE_NAMES_OUT | PC_RULE_CHECK)) == 0);
    record.flags = PC_AT_TC;
    record.out_zones = 2;
    CHECK((rule_word_of(record) & PC_RULE_AT_TC) != 0);
    CHECK((rule_word_of(record) & PC_RULE_NAMES_OUT) != 0);
}

} // namespace pc::test
