// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/plan_lists.h"

#include <catch2/catch.hpp>

namespace pc {
namespace {

AddressItem prefix_item(const std::string& text, bool negated = false) {
    return {.negated = negated, .set = {}, .range = range_of(parse_prefix(text).prefix), .at = {}};
}

NumberItem number_item(uint32_t low, uint32_t high, bool negated = false) {
    return {.negated = negated, .set = {}, .range = {.low = low, .high = high}, .at = {}};
}

MacItem mac_item(const char* text, bool negated = false) {
    return {.negated = negated, .mac = parse_mac(text).value(), .at = {}};
}

TEST_CASE("what is everything, nothing or one prefix needs no list") {
    const RuleSet rules;
    const Environment environment;
    PlanLists lists(rules, environment);
    PlanLists::Addresses addresses = lists.addresses({}, {}).take();
    CHECK(addresses.set == 0);
    CHECK(addresses.prefix.length == 0);
    CHECK(addresses.families == (PC_IPV4 | PC_IPV6));
    addresses =
        lists.addresses({prefix_item("10.0.0.0/9"), prefix_item("10.128.0.0/9")}, {}).take();
    CHECK(addresses.set == 0);
    CHECK(to_string(addresses.prefix) == "10.0.0.0/8");
    CHECK(addresses.families == PC_IPV4);
    addresses = lists.addresses({prefix_item("10.0.0.0/8")}, {prefix_item("8.0.0.0/5")}).take();
    CHECK(addresses.families == 0);
    CHECK(lists.addresses({prefix_item("10.0.0.0/8", true)}, {}).take().set == 1);
}

TEST_CASE("equal lists share a number, however they are written") {
    const RuleSet rules;
    const Environment environment;
    PlanLists lists(rules, environment);
    const auto one =
        lists.addresses({prefix_item("10.0.0.0/8"), prefix_item("192.0.2.0/24")}, {}).take();
    const auto two = lists
                         .addresses({prefix_item("192.0.2.0/25"), prefix_item("192.0.2.128/25"),
                                     prefix_item("10.0.0.0/8"), prefix_item("10.3.0.0/16")},
                                    {})
                         .take();
    const auto three =
        lists.addresses({prefix_item("10.0.0.0/8"), prefix_item("192.0.3.0/24")}, {}).take();
    CHECK(one.set == 1);
    CHECK(two.set == 1);
    CHECK(three.set == 2);
}

TEST_CASE("a list holds exactly the addresses that were written, as ranges") {
    const RuleSet rules;
    const Environment environment;
    PlanLists lists(rules, environment);
    const auto broad =
        lists.addresses({prefix_item("10.0.0.0/8"), prefix_item("2001:db8::/32")}, {}).take().set;
    const auto narrow = lists
                            .addresses({prefix_item("10.1.2.0/24"), prefix_item("10.1.2.128/25"),
                                        prefix_item("192.0.2.0/24")},
                                       {prefix_item("10.1.2.7/32")})
                            .take()
                            .set;
    Plan plan;
    lists.move_to(plan);
    REQUIRE(plan.lists.size() == 3);
    AddressList expected;
    append(expected, range_of(parse_prefix("10.0.0.0/8").prefix));
    append(expected, range_of(parse_prefix("2001:db8::/32").prefix));
    CHECK(plan.lists.at(broad).addresses == expected);
    expected = {};
    for (const char* range :
         {"10.1.2.0-10.1.2.6", "10.1.2.8-10.1.2.255", "192.0.2.0-192.0.2.255"}) {
        append(expected, parse_address_range(range).value());
    }
    CHECK(plan.lists.at(narrow).addresses == expected);
    CHECK(plan.lists.at(narrow).dynamic.empty());
    CHECK(empty(plan.lists.at(narrow).never));
}

TEST_CASE("a list with a dynamic set is never inline, whatever else it has") {
    RuleSet rules;
    Set set;
    set.name = "scrub";
    set.dynamic = DynamicSet{};
    rules.sets.push_back(set);
    const Environment environment;
    PlanLists lists(rules, environment);
    const AddressItem in{.negated = false, .set = "scrub", .range = {}, .at = {}};
    AddressItem out = in;
    out.negated = true;
    CHECK(lists.addresses({in}, {}).take().set == 1);
    CHECK(lists.addresses({out}, {}).take().set == 2);
    CHECK(lists.addresses({in, prefix_item("10.0.0.0/8")}, {}).take().set == 3);
    CHECK(lists.addresses({in, prefix_item("10.0.0.0/8", true)}, {}).take().set == 4);
    CHECK(lists.addresses({in}, {}).take().set == 1);
    CHECK(lists.addresses({in}, {}).take().families == (PC_IPV4 | PC_IPV6));
    Plan plan;
    lists.move_to(plan);
    CHECK(empty(plan.lists.at(1).addresses));
    CHECK(plan.lists.at(2).addresses == every_address());
    CHECK_FALSE(empty(plan.lists.at(4).never));
}

TEST_CASE("numbers are a range where they are one, and share sets otherwise") {
    const RuleSet rules;
    const Environment environment;
    PlanLists lists(rules, environment);
    auto numbers = lists.numbers({}, 65535).take();
    CHECK((numbers.set == 0 && numbers.low == 0 && numbers.high == 65535));
    numbers = lists.numbers({number_item(80, 90), number_item(91, 91)}, 65535).take();
    CHECK((numbers.set == 0 && numbers.low == 80 && numbers.high == 91));
    CHECK(lists.numbers({number_item(80, 80), number_item(443, 443)}, 65535).take().set == 1);
    CHECK(lists.numbers({number_item(443, 443), number_item(80, 80)}, 65535).take().set == 1);
    CHECK(lists.numbers({number_item(53, 53, true)}, 65535).take().set == 2);
    CHECK(lists.numbers({number_item(0, 65535, true)}, 65535).take().empty);
    numbers = lists.vlans({number_item(PC_VLAN_NONE, PC_VLAN_NONE, true)}).take();
    CHECK((numbers.set == 0 && numbers.low == 0 && numbers.high == 4095));
    numbers = lists.vlans({number_item(PC_VLAN_NONE, PC_VLAN_NONE)}).take();
    CHECK((numbers.set == 0 && numbers.low == PC_VLAN_NONE && numbers.high == PC_VLAN_NONE));
}

TEST_CASE("bytes that say nothing need no set") {
    const RuleSet rules;
    const Environment environment;
    PlanLists lists(rules, environment);
    CHECK(lists.bytes({}).take().set == 0);
    CHECK(lists.bytes({number_item(0, 255)}).take().set == 0);
    CHECK(lists.bytes({number_item(0, 255, true)}).take().empty);
    CHECK(lists.bytes({number_item(6, 6)}).take().set == 1);
    CHECK(lists.tcp_flags({{.mask = 0x12, .value = 0x02, .at = {}}}).take().set == 2);
    CHECK(lists.bytes({number_item(6, 6)}).take().set == 1);
    CHECK(lists.dscp({}).take() == ~0ULL);
    CHECK(lists.dscp({number_item(46, 46)}).take() == 1ULL << 46);
    CHECK(lists.dscp({number_item(0, 62, true)}).take() == 1ULL << 63);
}

TEST_CASE("MAC lists negate as a whole or lose members") {
    const RuleSet rules;
    const Environment environment;
    PlanLists lists(rules, environment);
    CHECK(lists.macs({}).take().set == 0);
    const auto listed = lists
                            .macs({mac_item("02:00:00:00:00:01"), mac_item("02:00:00:00:00:02"),
                                   mac_item("02:00:00:00:00:02", true)})
                            .take();
    CHECK((listed.set == 1 && !listed.negated && !listed.empty));
    const auto negated = lists.macs({mac_item("02:00:00:00:00:01", true)}).take();
    CHECK((negated.set == 1 && negated.negated && !negated.empty));
    CHECK(lists.macs({mac_item("02:00:00:00:00:01"), mac_item("02:00:00:00:00:01", true)})
              .take()
              .empty);
    Plan plan;
    lists.move_to(plan);
    REQUIRE(plan.mac_lists.size() == 3); // the same one, listed and negated; and the empty one
    CHECK(plan.mac_lists[2].empty());
    CHECK(plan.mac_lists[1] == std::vector<MacAddress>{parse_mac("02:00:00:00:00:01").value()});
}

TEST_CASE("one list too many is an error that says which limit") {
    const RuleSet rules;
    const Environment environment;
    PlanLists lists(rules, environment);
    for (uint32_t i = 1; i < PC_ADDR_LISTS_MAX; i++) {
        const std::string text = "10." + std::to_string(i / 256) + "." + std::to_string(i % 256);
        REQUIRE(
            lists.addresses({prefix_item(text + ".1/32"), prefix_item(text + ".9/32")}, {}).ok());
    }
    const auto address = lists.addresses({prefix_item("10.0.0.0/9"), prefix_item("::/1")}, {});
    REQUIRE_FALSE(address.ok());
    CHECK(address.error().message == "more than 4095 different address lists");
    for (uint32_t i = 1; i < PC_NUMBER_SETS_MAX; i++) {
        REQUIRE(lists.numbers({number_item(0, 0), number_item(i + 1, i + 1)}, 65535).ok());
    }
    const auto number = lists.numbers({number_item(0, 0), number_item(9999, 9999)}, 65535);
    REQUIRE_FALSE(number.ok());
    CHECK(number.error().message == "more than 1023 different lists of ports, lengths and VLANs");
}

} // namespace
} // namespace pc
