// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/resolve.h"

#include <catch2/catch.hpp>

namespace pc {
namespace {

AddressItem prefix_item(const char* text, bool negated = false) {
    return {.negated = negated, .set = {}, .range = range_of(parse_prefix(text).prefix), .at = {}};
}

AddressItem set_item(const char* name, bool negated = false) {
    return {.negated = negated, .set = name, .range = {}, .at = {}};
}

NumberItem number_item(uint32_t low, uint32_t high, bool negated = false) {
    return {.negated = negated, .set = {}, .range = {.low = low, .high = high}, .at = {}};
}

Set prefix_set(const char* name, std::vector<AddressItem> items) {
    Set set;
    set.name = name;
    set.addresses = std::move(items);
    return set;
}

bool holds(const AddressList& list, const char* text) {
    const Address address = parse_address(text).value();
    AddressList one;
    append(one, AddressRange{.first = address, .last = address});
    return empty(without(one, list));
}

struct World {
    RuleSet rules;
    Environment environment;

    [[nodiscard]] AddressList addresses(const std::vector<AddressItem>& items) const {
        return Resolver(rules, environment).addresses(items).take();
    }

    [[nodiscard]] std::string error(const std::vector<AddressItem>& items) const {
        return Resolver(rules, environment).addresses(items).error().message;
    }
};

TEST_CASE("a list that is not named, or only negates, starts from every address") {
    const World world;
    CHECK(world.addresses({}) == every_address());
    const AddressList list = world.addresses({prefix_item("10.0.0.0/8", true)});
    CHECK_FALSE(holds(list, "10.1.1.1"));
    CHECK(holds(list, "11.1.1.1"));
    CHECK(holds(list, "2001:db8::1"));
}

TEST_CASE("sets hold items, files and other sets, without what they exclude") {
    World world;
    Set inner = prefix_set("inner", {prefix_item("10.1.0.0/16"), prefix_item("10.1.9.0/24", true)});
    Set outer = prefix_set("outer", {set_item("inner"), prefix_item("2001:db8::/32")});
    outer.files = {"list.txt"};
    outer.file_addresses = {range_of(parse_prefix("192.0.2.0/24").prefix)};
    outer.exclude = {prefix_item("10.1.7.0/24"), prefix_item("192.0.2.5/32")};
    world.rules.sets = {outer, inner};
    const AddressList list = world.addresses({set_item("outer")});
    CHECK(holds(list, "10.1.1.1"));
    CHECK_FALSE(holds(list, "10.1.9.1"));
    CHECK_FALSE(holds(list, "10.1.7.1"));
    CHECK(holds(list, "192.0.2.6"));
    CHECK_FALSE(holds(list, "192.0.2.5"));
    CHECK(holds(list, "2001:db8::1"));
    CHECK(world.addresses({set_item("outer", true)}) == without(every_address(), list));
}

TEST_CASE("a set without items is empty") {
    World world;
    world.rules.sets = {prefix_set("none", {})};
    CHECK(empty(world.addresses({set_item("none")})));
    CHECK(world.addresses({set_item("none", true)}) == every_address());
}

TEST_CASE("the built-in sets come from the host and the environment") {
    World world;
    const auto range = [](const char* text) { return range_of(parse_prefix(text).prefix); };
    world.environment.self = {range("10.0.0.1/32")};
    world.environment.local = {range("10.0.0.0/24")};
    world.environment.dynamic["scrub"] = {range("192.0.2.9/32")};
    world.environment.dynamic["blocks"] = {range("192.0.2.1/32")};
    Zone zone;
    zone.name = "lan";
    zone.prefixes = {prefix_item("10.5.0.0/16")};
    world.rules.zones = {zone};
    CHECK(holds(world.addresses({set_item("self")}), "10.0.0.1"));
    CHECK_FALSE(holds(world.addresses({set_item("blocks")}), "192.0.2.1")); // comes and goes
    Set scrub;
    scrub.name = "scrub";
    scrub.dynamic.emplace();
    world.rules.sets.push_back(scrub);
    CHECK_FALSE(holds(world.addresses({set_item("scrub")}), "192.0.2.9")); // as above
    CHECK_FALSE(holds(world.addresses({set_item("scrub")}), "192.0.2.1"));
    CHECK(holds(world.addresses({set_item("scrub", true)}), "192.0.2.9"));
    CHECK(world.addresses({set_item("any")}) == every_address());
    CHECK(holds(world.addresses({set_item("bogons")}), "192.168.1.1"));
    CHECK(empty(world.addresses({set_item("management")})));
    AddressList local = world.addresses({set_item("local")});
    CHECK(holds(local, "10.0.0.9"));
    CHECK(holds(local, "10.5.1.1"));
    world.rules.host.local = {prefix_item("172.16.0.0/12")};
    world.rules.host.management = {prefix_item("10.7.0.0/16")};
    local = world.addresses({set_item("local")});
    CHECK_FALSE(holds(local, "10.0.0.9"));
    CHECK(holds(local, "172.16.0.1"));
    CHECK(holds(local, "10.5.1.1"));
    CHECK(holds(world.addresses({set_item("management")}), "10.7.0.1"));
}

TEST_CASE("sets that are missing, of another type or in a circle are errors") {
    World world;
    Set ports;
    ports.name = "ports";
    ports.type = SetType::port;
    world.rules.sets = {prefix_set("a", {set_item("b")}), prefix_set("b", {set_item("a", true)}),
                        ports};
    CHECK(world.error({set_item("nowhere")}) == "no set is named nowhere");
    CHECK(world.error({set_item("a")}) == "set a contains itself");
    CHECK(world.error({set_item("ports")}) == "set ports is of another type than its use asks for");
    NumberItem item;
    item.set = "a";
    CHECK(Resolver(world.rules, world.environment).numbers({item}, 65535).error().message ==
          "set a is of another type than its use asks for");
}

TEST_CASE("numbers are resolved as addresses are") {
    World world;
    Set web;
    web.name = "web";
    web.type = SetType::port;
    web.numbers = {number_item(80, 90), number_item(85, 85, true)};
    web.files = {"ports.txt"};
    web.file_numbers = {{.low = 443, .high = 443}};
    web.exclude_numbers = {number_item(90, 90)};
    world.rules.sets = {web};
    Resolver resolver(world.rules, world.environment);
    NumberItem item;
    item.set = "web";
    const pc_number_set numbers = resolver.numbers({item, number_item(8080, 8080)}, 65535).take();
    for (const uint32_t port : {80U, 84U, 86U, 89U, 443U, 8080U}) {
        CHECK(has_number(numbers, port));
    }
    for (const uint32_t port : {79U, 85U, 90U, 444U, 0U, 65535U}) {
        CHECK_FALSE(has_number(numbers, port));
    }
    item.negated = true;
    const pc_number_set others = resolver.numbers({item}, 65535).take();
    CHECK(has_number(others, 85));
    CHECK(has_number(others, 65535));
    CHECK_FALSE(has_number(others, 443));
    CHECK_FALSE(has_number(resolver.numbers({}, 255).take(), 256));
}

} // namespace
} // namespace pc
