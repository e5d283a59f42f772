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

const PlanAddress* entry(const Plan& plan, const char* prefix) {
    for (const PlanAddress& address : plan.addresses) {
        if (to_string(address.prefix) == prefix) {
            return &address;
        }
    }
    return nullptr;
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

TEST_CASE("an entry knows the lists of all prefixes that cover it") {
    const RuleSet rules;
    const Environment environment;
    PlanLists lists(rules, environment);
    const auto broad =
        lists.addresses({prefix_item("10.0.0.0/8"), prefix_item("2001:db8::/32")}, {}).take().set;
    const auto narrow = lists
                            .addresses({prefix_item("10.1.2.0/24"), prefix_item("10.1.2.128/25"),
                                        prefix_item("192.0.2.0/24")},
                                       {})
                            .take()
                            .set;
    const auto single =
        lists.addresses({prefix_item("10.1.2.3/32"), prefix_item("11.0.0.0/8")}, {}).take().set;
    Plan plan;
    REQUIRE(lists.move_to(plan).ok());
    CHECK(plan.addresses.size() == 6);
    const auto bit = [](uint16_t set) { return 1ULL << set; };
    CHECK(entry(plan, "10.0.0.0/8")->sets[0] == bit(broad));
    CHECK(entry(plan, "10.1.2.0/24")->sets[0] == (bit(broad) | bit(narrow)));
    CHECK(entry(plan, "10.1.2.3/32")->sets[0] == (bit(broad) | bit(narrow) | bit(single)));
    CHECK(entry(plan, "11.0.0.0/8")->sets[0] == bit(single));
    CHECK(entry(plan, "192.0.2.0/24")->sets[0] == bit(narrow));
    CHECK(entry(plan, "2001:db8::/32")->sets[0] == bit(broad));
    CHECK(std::is_sorted(plan.addresses.begin(), plan.addresses.end(),
                         [](const PlanAddress& left, const PlanAddress& right) {
                             return left.prefix < right.prefix;
                         }));
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
    REQUIRE(lists.move_to(plan).ok());
    CHECK(plan.macs.size() == 1);
}

TEST_CASE("one list too many is an error that says which limit") {
    const RuleSet rules;
    const Environment environment;
    PlanLists lists(rules, environment);
    for (uint32_t i = 1; i < PC_ADDR_SETS_MAX; i++) {
        const std::string text = "10." + std::to_string(i / 256) + "." + std::to_string(i % 256);
        REQUIRE(
            lists.addresses({prefix_item(text + ".1/32"), prefix_item(text + ".9/32")}, {}).ok());
    }
    const auto address = lists.addresses({prefix_item("10.0.0.0/9"), prefix_item("::/1")}, {});
    REQUIRE_FALSE(address.ok());
    CHECK(address.error().message == "more than 511 different address lists");
    for (uint32_t i = 1; i < PC_NUMBER_SETS_MAX; i++) {
        REQUIRE(lists.numbers({number_item(0, 0), number_item(i + 1, i + 1)}, 65535).ok());
    }
    const auto number = lists.numbers({number_item(0, 0), number_item(9999, 9999)}, 65535);
    REQUIRE_FALSE(number.ok());
    CHECK(number.error().message == "more than 127 different lists of ports, lengths and VLANs");
}

} // namespace
} // namespace pc
