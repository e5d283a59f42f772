// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/diff.h"

#include <cstring>

#include <catch2/catch.hpp>

namespace pc {
namespace {

// What a slot holds, by map and key.
using Slot = std::map<MapName, std::map<std::vector<uint8_t>, std::vector<uint8_t>>>;

void apply_to(Slot& slot, const std::vector<MapOperation>& operations) {
    bool fresh_addresses = false;
    bool fresh_macs = false;
    for (const MapOperation& operation : operations) {
        REQUIRE(operation.kind == MapOperation::Kind::put);
        bool& fresh = operation.map == MapName::macs ? fresh_macs : fresh_addresses;
        if ((operation.map == MapName::addr_sets || operation.map == MapName::macs) && !fresh) {
            slot[operation.map].clear();
            fresh = true;
        }
        slot[operation.map][operation.key] = operation.value;
    }
}

size_t count(const std::vector<MapOperation>& operations, MapName map) {
    size_t number = 0;
    for (const MapOperation& operation : operations) {
        number += operation.map == map ? 1 : 0;
    }
    return number;
}

Rule rule(const std::string& name, const std::vector<std::string>& sources, uint32_t port) {
    Rule rule;
    rule.name = name;
    rule.action = Action::drop;
    for (const std::string& source : sources) {
        rule.match.src.push_back({.negated = false,
                                  .set = {},
                                  .range = range_of(parse_prefix(source).prefix),
                                  .at = {}});
    }
    if (port != 0) {
        rule.match.dport = {{.negated = false, .set = {}, .range = {port, port}, .at = {}},
                            {.negated = false, .set = {}, .range = {9, 9}, .at = {}}};
        rule.match.proto = {{.negated = false, .set = {}, .range = {6, 6}, .at = {}}};
    }
    return rule;
}

Plan plan_of(const std::vector<Rule>& rules, const RuleIds& previous = {}) {
    RuleSet set;
    set.rules = rules;
    return compile(set, {}, previous).take();
}

TEST_CASE("nothing is done where nothing changed") {
    const Plan plan = plan_of({rule("a", {"10.0.0.0/8", "192.0.2.0/24"}, 80), rule("b", {}, 22)});
    CHECK(diff(&plan, plan).empty());
}

TEST_CASE("everything is put into a slot that is not known") {
    const Plan plan = plan_of({rule("a", {"10.0.0.0/8", "192.0.2.0/24"}, 80), rule("b", {}, 22)});
    const std::vector<MapOperation> operations = diff(nullptr, plan);
    CHECK(count(operations, MapName::addr_sets) == 2);
    CHECK(count(operations, MapName::number_sets) == 2);
    CHECK(count(operations, MapName::byte_sets) == 1);
    CHECK(count(operations, MapName::records) == 2);
    CHECK(count(operations, MapName::generations) == 1);
    CHECK(operations.back().map == MapName::generations);
    pc_addr_key key{};
    std::memcpy(&key, operations.front().key.data(), sizeof(key));
    CHECK(key.prefixlen == 40);
    const std::array<uint8_t, 8> family_and_ten{0, 0, 0, 4, 10, 0, 0, 0};
    CHECK(std::memcmp(&key.family, family_and_ten.data(), 8) == 0);
}

TEST_CASE("only the record of the rule that changed is put") {
    const Plan before = plan_of({rule("a", {"10.0.0.0/8"}, 0), rule("b", {"10.0.0.0/9"}, 0)});
    const Plan after =
        plan_of({rule("a", {"10.0.0.0/8"}, 0), rule("b", {"10.0.0.0/10"}, 0)}, rule_ids(before));
    const std::vector<MapOperation> operations = diff(&before, after);
    REQUIRE(operations.size() == 1);
    CHECK(operations.front().map == MapName::records);
    CHECK(operations.front().key == std::vector<uint8_t>{1, 0, 0, 0});
}

TEST_CASE("address lists are put as a whole when they differ") {
    const Plan before = plan_of({rule("a", {"10.0.0.0/8", "192.0.2.0/24"}, 0)});
    const Plan after = plan_of({rule("a", {"10.0.0.0/8", "198.51.100.0/24"}, 0)});
    const std::vector<MapOperation> operations = diff(&before, after);
    CHECK(count(operations, MapName::addr_sets) == 2);
    CHECK(operations.size() == 2);
}

TEST_CASE("a slot that held one plan holds the other afterwards, as far as records reach") {
    std::vector<Plan> plans{
        plan_of({rule("a", {"10.0.0.0/8", "192.0.2.0/24"}, 80), rule("b", {}, 22)}),
        plan_of({rule("b", {}, 22)}),
        plan_of({rule("c", {"2001:db8::/32", "10.1.0.0/16"}, 443), rule("a", {"10.0.0.0/8"}, 80),
                 rule("b", {}, 22), rule("d", {"192.0.2.0/24", "192.0.9.0/24"}, 0)}),
        plan_of({}),
    };
    plans[3].macs = {{.set = 1, .addr = {2, 0, 0, 0, 0, 1}}};
    for (const Plan& before : plans) {
        for (const Plan& after : plans) {
            Slot slot;
            apply_to(slot, diff(nullptr, before));
            apply_to(slot, diff(&before, after));
            Slot expected;
            apply_to(expected, diff(nullptr, after));
            for (const auto& [map, entries] : expected) {
                for (const auto& [key, value] : entries) {
                    CHECK(slot[map][key] == value);
                }
                if (map == MapName::addr_sets || map == MapName::macs) {
                    CHECK(slot[map].size() == entries.size());
                }
            }
        }
    }
}

} // namespace
} // namespace pc
