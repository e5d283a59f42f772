// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/apply.h"

#include <catch2/catch.hpp>

#include "tests/support/memory_router.h"

using namespace pc;
using namespace pc::daemon;
using namespace pc::test;

TEST_CASE("a commit flips to the other generation and says its number") {
    Router router;
    REQUIRE(router.apply(router.plan(first_rules), 1).ok());
    CHECK(router.control().active == 1);
    CHECK(router.control().abi_version == PC_ABI_VERSION);
    CHECK(router.control().inspect_veth == 9);
    CHECK(router.control().bypass_mark == 0x10000000);
    CHECK(router.head().number == 1);
    CHECK(router.head().records == 2);
    REQUIRE(router.apply(router.plan(second_rules), 2).ok());
    CHECK(router.control().active == 0);
    CHECK(router.head().number == 2);
    CHECK(router.head().records == 3);
}

TEST_CASE("only interfaces of zones are attached, and those that left are detached") {
    Router router;
    REQUIRE(router.apply(router.plan(first_rules), 1).ok());
    CHECK(router.attached == std::set<uint32_t>{2, 3, 4});
    CHECK(router.iface(2).zone == 1);
    CHECK(router.iface(3).zone == 2);
    CHECK(router.iface(5).zone == 0);
    const uint16_t slot = router.iface(4).slot;
    REQUIRE(router.apply(router.plan(second_rules), 2).ok());
    CHECK(router.attached == std::set<uint32_t>{2, 4});
    CHECK(router.iface(3).zone == 0);
    CHECK(router.iface(4).slot == slot);
    const pc_iface lan = router.iface(2);
    REQUIRE(lan.vlan_table != 0);
    const auto zones = value_at<pc_vlan_zones>(
        router.maps.vlan_zones, router.control().active * PC_VLAN_TABLES_MAX + lan.vlan_table);
    CHECK(zones.zone[10] == 1);
    CHECK(zones.zone[20] == 2);
    CHECK(zones.zone[PC_VLAN_NONE] == 0);
}

TEST_CASE("an interface above a zone's interface has the zone of its VLAN, and is not attached") {
    Router router;
    Link above = link("lan0.20", 6);
    above.parent = 2;
    above.vlan = 20;
    router.links.push_back(above);
    REQUIRE(router.apply(router.plan(second_rules), 1).ok());
    CHECK(router.iface(6).zone == 2);
    CHECK(router.iface(6).slot == 0);
    CHECK_FALSE(router.attached.contains(6));
}

TEST_CASE("counters of a rule live on, and a rule that gets a used id starts at zero") {
    Router router;
    REQUIRE(router.apply(router.plan(first_rules), 1).ok());
    router.count("ssh", 5);
    router.count("drop-list", 7);
    REQUIRE(router.apply(router.plan(second_rules), 2).ok());
    CHECK(router.counted("ssh") == 5);
    CHECK(router.counted("phones") == 0);
    CHECK(router.counted("new-drop-list") == 0);
}

TEST_CASE("a failure of any operation leaves everything that packets meet as it was") {
    size_t operations = 0;
    {
        Router router;
        REQUIRE(router.apply(router.plan(first_rules), 1).ok());
        const auto plan = router.plan(second_rules);
        router.maps.faults.start(0);
        REQUIRE(router.apply(plan, 2).ok());
        operations = router.maps.faults.operations;
    }
    REQUIRE(operations > 20);
    for (size_t n = 1; n <= operations; ++n) {
        INFO("operation " << n << " of " << operations);
        Router router;
        REQUIRE(router.apply(router.plan(first_rules), 1).ok());
        router.count("ssh", 5);
        const Seen before = router.seen();
        const auto plan = router.plan(second_rules);
        router.maps.faults.start(n);
        const auto applied = router.apply(plan, 2);
        router.maps.faults.start(0);
        REQUIRE_FALSE(applied.ok());
        REQUIRE(router.seen() == before);

        // The next commit works as if nothing had been.
        REQUIRE(router.apply(router.plan(second_rules), 3).ok());
        CHECK(router.head().number == 3);
        CHECK(router.attached == std::set<uint32_t>{2, 4});
        CHECK(router.counted("ssh") == 5);
    }
}

TEST_CASE("after a commit that failed the next one writes the same as on a fresh router") {
    Router fresh;
    REQUIRE(fresh.apply(fresh.plan(first_rules), 1).ok());
    REQUIRE(fresh.apply(fresh.plan(second_rules), 2).ok());
    for (size_t n = 1; n < 60; n += 7) {
        Router router;
        REQUIRE(router.apply(router.plan(first_rules), 1).ok());
        const auto plan = router.plan(second_rules);
        router.maps.faults.start(n);
        (void)router.apply(plan, 2); // ignoring: made to fail, or there are fewer operations
        router.maps.faults.start(0);
        const uint32_t active = router.control().active;
        REQUIRE(router.apply(router.plan(second_rules), 2).ok());
        if (active == 1) {
            CHECK(router.seen() == fresh.seen());
        }
    }
}

TEST_CASE("an interface that cannot be attached refuses a commit, but not a start") {
    Router router;
    router.refuses = 3;
    const Seen before = router.seen();
    CHECK_FALSE(router.apply(router.plan(first_rules), 1).ok());
    CHECK(router.seen() == before);
    CHECK(router.attached.empty());
    REQUIRE(router.apply(router.plan(first_rules), 1, OnAttachError::go_on).ok());
    CHECK(router.attached == std::set<uint32_t>{2, 4});
    CHECK(router.applier.interfaces().at(3).problem == "made to fail");
}

TEST_CASE("a commit is what packets meet") {
    using Names = std::vector<std::string>;
    Router router;
    REQUIRE(router.apply(router.plan(first_rules), 1).ok());
    CHECK(router.matches(packet_from("192.0.2.255", 2, 80)) == Names{"drop-list"});
    CHECK(router.matches(packet_from("192.0.3.0", 2, 80)).empty());
    CHECK(router.matches(packet_from("2001:db8::9", 2, 80)) == Names{"drop-list"});
    CHECK(router.matches(packet_from("10.0.0.1", 2, 8100)) == Names{"ssh"});
    CHECK(router.matches(packet_from("10.0.0.1", 1, 8100)).empty());
    REQUIRE(router.apply(router.plan(second_rules), 2).ok());
    CHECK(router.matches(packet_from("192.0.2.255", 3, 80)).empty());
    CHECK(router.matches(packet_from("198.51.100.7", 3, 80)) == Names{"new-drop-list"});
    CHECK(router.matches(packet_from("10.0.0.1", 2, 8100)) == Names{"phones"});
}

TEST_CASE("a daemon that starts over maps in use knows the rule ids and the counter slots") {
    Router router;
    REQUIRE(router.apply(router.plan(first_rules), 4).ok());
    router.count("ssh", 5);
    const uint16_t slot = router.iface(4).slot;
    const RuleIds ids = router.applier.generations().ids();

    Applier next(router.maps.maps(),
                 Attaching{[&](const WantedInterface& wanted) { return router.attach(wanted); },
                           [](uint32_t) -> Result<void> { return {}; }});
    REQUIRE(next.generations().adopt().ok());
    CHECK(next.generations().ids() == ids);
    CHECK(next.generations().active_number().value() == 4);
    REQUIRE(
        next.apply({router.plan(first_rules), 4, router.links, {}, {}, OnAttachError::go_on}).ok());
    CHECK(router.control().active == 0);
    CHECK(router.head().number == 4);
    CHECK(router.counted("ssh") == 5);
    CHECK(router.iface(4).slot == slot);
}

TEST_CASE("a configuration with errors has no plan and says that nothing was changed") {
    const Candidate candidate =
        prepare({SourceFile{"x.toml", "schema = 1\n[[rule]]\nname = \"a\"\naction = \"dorp\"\n"}},
                Environment{}, {});
    CHECK_FALSE(candidate.ok());
    CHECK(candidate.text.find("nothing was changed") != std::string::npos);
    CHECK_FALSE(prepare({}, Environment{}, {}).ok());
}
