// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/membership.h"

#include "tests/support/rules_text.h"

using namespace pc;
using namespace pc::test;

namespace {

std::optional<Found> in_set(const RuleSet& rules, const std::string& name, const char* address) {
    return find_in_set(rules, {}, name, parse_address(address).value());
}

AddressItem item(const char* prefix, bool negated = false) {
    return {negated, {}, range_of(parse_prefix(prefix).prefix), {}};
}

AddressItem named(const char* set, bool negated = false) {
    return {negated, set, {}, {}};
}

Set set_of(const char* name, std::vector<AddressItem> items) {
    Set set;
    set.name = name;
    set.addresses = std::move(items);
    return set;
}

} // namespace

TEST_CASE("a set says which element and which sets held an address") {
    const RuleSet rules = rules_of("[set.a]\nitems = [\"10.0.0.0/8\", \"10.1.0.0/16\"]\n"
                                   "[set.b]\nitems = [\"192.0.2.1\", \"@a\"]\n");
    CHECK(in_set(rules, "a", "10.1.0.1") == Found{"10.0.0.0/8", "set a"});
    CHECK(in_set(rules, "b", "10.1.0.1") == Found{"10.0.0.0/8", "set b, set a"});
    CHECK(in_set(rules, "b", "192.0.2.1") == Found{"192.0.2.1", "set b"});
    CHECK_FALSE(in_set(rules, "b", "192.0.2.2"));
    CHECK_FALSE(in_set(rules, "c", "192.0.2.2"));
}

TEST_CASE("lines of files count as items, exclude takes away from both") {
    const RuleSet rules = rules_of("[set.a]\nitems = [\"10.0.0.0/8\"]\nfile = \"a.txt\"\n"
                                   "exclude = [\"10.9.0.0/16\", \"192.0.2.128/25\"]\n",
                                   {{"a.txt", "192.0.2.0/24\n"}});
    CHECK(in_set(rules, "a", "192.0.2.127") == Found{"192.0.2.0/24", "set a"});
    CHECK_FALSE(in_set(rules, "a", "192.0.2.128"));
    CHECK(in_set(rules, "a", "10.8.255.255"));
    CHECK_FALSE(in_set(rules, "a", "10.9.0.0"));
}

TEST_CASE("an empty set holds nothing, also negated: then all others match") {
    RuleSet rules;
    rules.sets.push_back(set_of("empty", {}));
    CHECK_FALSE(in_set(rules, "empty", "10.0.0.1"));
    const Address address = parse_address("10.0.0.1").value();
    CHECK(find_in_list(rules, {}, {named("empty", true)}, address));
    CHECK_FALSE(find_in_list(rules, {}, {named("empty")}, address));
    CHECK_FALSE(find_in_list(rules, {}, {}, address));
}

TEST_CASE("a set that consists of negated items holds all others, with a file only its lines") {
    RuleSet rules;
    rules.sets.push_back(set_of("others", {item("10.0.0.0/8", true)}));
    CHECK(in_set(rules, "others", "11.0.0.1") == Found{"all others", "set others"});
    CHECK(in_set(rules, "others", "::1"));
    CHECK_FALSE(in_set(rules, "others", "10.0.0.1"));
    rules.sets[0].files = {"empty.txt"};
    CHECK_FALSE(in_set(rules, "others", "11.0.0.1"));
}

TEST_CASE("a dynamic set holds what the environment says, by its name") {
    const RuleSet rules = rules_of("[set.scrub]\ndynamic = true\n[set.other]\ndynamic = true\n");
    Environment environment;
    environment.dynamic["scrub"] = {range_of(parse_prefix("192.0.2.0/24").prefix)};
    environment.dynamic["blocks"] = {range_of(parse_prefix("198.51.100.0/24").prefix)};
    environment.dynamic["gone"] = {range_of(parse_prefix("203.0.113.0/24").prefix)};
    const auto in = [&](const std::string& name, const char* address) {
        return find_in_set(rules, environment, name, parse_address(address).value());
    };
    CHECK(in("scrub", "192.0.2.255") == Found{"192.0.2.0/24", "set scrub"});
    CHECK_FALSE(in("scrub", "192.0.3.0"));
    CHECK_FALSE(in("other", "192.0.2.255"));
    CHECK(in("blocks", "198.51.100.1") == Found{"198.51.100.0/24", "@blocks"});
    CHECK_FALSE(in("gone", "203.0.113.1")); // the rules have no such set
    CHECK_FALSE(in_set(rules, "scrub", "192.0.2.1"));
}

TEST_CASE("a set that holds itself ends") {
    RuleSet rules;
    rules.sets.push_back(set_of("a", {named("b"), item("10.0.0.0/8")}));
    rules.sets.push_back(set_of("b", {named("a")}));
    CHECK(in_set(rules, "a", "10.0.0.1"));
    CHECK_FALSE(in_set(rules, "a", "11.0.0.1"));
    Set ports;
    ports.name = "p";
    ports.type = SetType::port;
    ports.numbers = {{false, "p", {}, {}}};
    rules.sets.push_back(ports);
    CHECK_FALSE(number_in_item(rules, {false, "p", {}, {}}, SetType::port, 80));
}

TEST_CASE("sets are of one type") {
    const RuleSet rules = rules_of("[set.web]\ntype = \"port\"\nitems = [80, 443]\n"
                                   "[set.l4]\ntype = \"proto\"\nitems = [\"tcp\"]\n");
    CHECK(number_in_item(rules, {false, "web", {}, {}}, SetType::port, 443));
    CHECK_FALSE(number_in_item(rules, {false, "web", {}, {}}, SetType::port, 444));
    CHECK_FALSE(number_in_item(rules, {false, "web", {}, {}}, SetType::proto, 80));
    CHECK(number_in_item(rules, {false, "l4", {}, {}}, SetType::proto, 6));
    CHECK(number_in_item(rules, {false, "any", {}, {}}, SetType::port, 1));
    CHECK_FALSE(in_set(rules, "web", "0.0.0.80"));
}
