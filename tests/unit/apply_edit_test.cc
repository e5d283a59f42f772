// SPDX-License-Identifier: GPL-3.0-or-later
// Commits that edit the rules that packets use, and the memory these are in.
#include <catch2/catch.hpp>

#include "ctl/daemon/apply.h"
#include "tests/support/memory_router.h"

using namespace pc;
using namespace pc::daemon;
using namespace pc::test;

TEST_CASE("rules for the same interfaces are an edit: one generation, and its number is the new") {
    Router router;
    REQUIRE(router.apply(router.plan(first_rules), 1).ok());
    router.count("ssh", 5);
    const uint32_t active = router.control().active;
    const size_t waits = router.maps.waits;
    REQUIRE(router.apply(router.plan(edited_rules), 2).ok());
    CHECK(router.control().active == active);
    CHECK(router.head().number == 2);
    CHECK(router.head().records == 3);
    CHECK(router.counted("ssh") == 5);
    CHECK(router.counted("https") == 0);
    CHECK(router.maps.waits == waits);
    CHECK(router.matches(packet_from("10.0.0.1", 2, 443)) == std::vector<std::string>{"https"});
    CHECK(router.matches(packet_from("10.0.0.1", 2, 8000)) == std::vector<std::string>{"count"});
    CHECK(router.matches(packet_from("10.0.0.1", 2, 22)) ==
          std::vector<std::string>{"count", "ssh"});
    CHECK(router.matches(packet_from("192.0.2.9", 2, 80)) == std::vector<std::string>{"count"});
    // What it replaced is freed once packets are through; that changes nothing they meet.
    const Seen before = router.seen();
    REQUIRE(router.applier.generations().settle().ok());
    CHECK(router.maps.waits == waits + 1);
    CHECK(router.seen() == before);
    REQUIRE(router.applier.generations().settle().ok());
    REQUIRE(router.apply(router.plan(first_rules), 3).ok());
    CHECK(router.head().records == 2);
    CHECK(router.matches(packet_from("192.0.2.9", 2, 80)) == std::vector<std::string>{"drop-list"});
}

// An edit that fails goes on as a new generation, which may yet succeed.
TEST_CASE("a failure of any operation of an edit ends in what was or in what is wanted") {
    size_t operations = 0;
    std::vector<std::vector<uint32_t>> wanted;
    {
        Router router;
        REQUIRE(router.apply(router.plan(first_rules), 1).ok());
        const auto plan = router.plan(edited_rules);
        router.maps.faults.start(0);
        REQUIRE(router.apply(plan, 2).ok());
        operations = router.maps.faults.operations;
        wanted = router.walks();
    }
    REQUIRE(operations > 5);
    for (size_t n = 1; n <= operations; ++n) {
        INFO("operation " << n << " of " << operations);
        Router router;
        REQUIRE(router.apply(router.plan(first_rules), 1).ok());
        router.count("ssh", 5);
        const Seen before = router.seen();
        const auto plan = router.plan(edited_rules);
        router.maps.faults.start(n);
        const auto applied = router.apply(plan, 2);
        router.maps.faults.start(0);
        if (applied.ok()) {
            CHECK(router.walks() == wanted);
            CHECK(router.head().number == 2);
        } else {
            CHECK(router.seen() == before);
        }
        CHECK(router.counted("ssh") == 5);
    }
}

TEST_CASE("an edit by itself that fails has not happened") {
    const std::vector<std::vector<uint32_t>> before = [] {
        Router router;
        REQUIRE(router.apply(router.plan(first_rules), 1).ok());
        return router.walks();
    }();
    size_t succeeded = 0;
    for (size_t n = 1; succeeded == 0; ++n) {
        INFO("operation " << n);
        REQUIRE(n < 100);
        Router router;
        REQUIRE(router.apply(router.plan(first_rules), 1).ok());
        const auto plan = router.plan(edited_rules);
        const auto slots = router.applier.generations().slots_of(router.links).take();
        const ZonesOnLinks zones = zones_on_links(*plan, router.links, slots, 9);
        router.maps.faults.start(n);
        const auto edited = router.applier.generations().edit(plan, 2, zones);
        router.maps.faults.start(0);
        if (edited.ok()) {
            ++succeeded;
            CHECK(router.head().number == 2);
            CHECK(router.walks() != before);
        } else {
            CHECK(router.head().number == 1);
            CHECK(router.walks() == before);
        }
    }
}

// The first arena is too small for the second generation beside the first.
TEST_CASE("the arena grows when two generations do not fit, and packets do not notice") {
    Router router(1 << 20);
    REQUIRE(router.apply(router.plan(first_rules), 1).ok());
    const auto before = router.walks();
    REQUIRE(router.maps.growths <= 1);
    const auto plan = router.plan(second_rules);
    size_t operations = 0;
    for (size_t n = 1; n <= 200; ++n) {
        INFO("operation " << n);
        router.maps.faults.start(n);
        const auto applied = router.apply(plan, 2);
        operations = router.maps.faults.operations;
        router.maps.faults.start(0);
        if (applied.ok()) {
            break;
        }
        REQUIRE(router.walks() == before);
    }
    CHECK(operations > 20);
    CHECK(router.maps.growths >= 1);
    CHECK(router.head().number == 2);
    CHECK(router.walks() != before);
    // The running rules moved with the memory: they can still be edited.
    REQUIRE(router.apply(router.plan(first_rules), 3).ok());
    CHECK(router.walks() == before);
    REQUIRE(router.apply(router.plan(edited_rules), 4).ok());
    REQUIRE(router.applier.generations().settle().ok());
    REQUIRE(router.apply(router.plan(first_rules), 5).ok());
    CHECK(router.walks() == before);
}

TEST_CASE("an arena that grew holds the rules that run, which are edited there") {
    Router router(1 << 20);
    REQUIRE(router.apply(router.plan(first_rules), 1).ok());
    const auto before = router.walks();
    const size_t size = router.maps.arena.size();
    router.refuses = 4;
    router.links.push_back(link("wan9", 8)); // another interface: a generation beside the first
    router.refuses = 8;
    REQUIRE_FALSE(router.apply(router.plan(first_rules), 2).ok());
    REQUIRE(router.maps.arena.size() > size);
    CHECK(router.walks() == before);
    router.links.pop_back();
    const uint32_t active = router.control().active;
    REQUIRE(router.apply(router.plan(edited_rules), 3).ok());
    CHECK(router.control().active == active);
    CHECK(router.matches(packet_from("10.0.0.1", 2, 443)) == std::vector<std::string>{"https"});
}

TEST_CASE("commits one after the other find room without end") {
    Router router;
    for (uint64_t number = 1; number < 60; ++number) {
        const char* text = number % 3 == 0   ? second_rules
                           : number % 3 == 1 ? first_rules
                                             : edited_rules;
        REQUIRE(router.apply(router.plan(text), number).ok());
        REQUIRE(router.head().number == number);
        REQUIRE(router.applier.generations().settle().ok());
    }
    CHECK(router.maps.arena.size() == PC_ARENA_MIN);
    CHECK(router.maps.growths == 0);
}

namespace {

// Commits with a budget, as the daemon does.
Result<void> apply_within(Router& router, std::shared_ptr<const Plan> plan, uint64_t number,
                          uint32_t budget) {
    RuleSet rules;
    rules.safety.lookup_budget = budget;
    const CostJudge judge = [&](const ClassifierCost& cost) {
        return judge_cost(cost, rules, *plan);
    };
    return router.applier.apply({plan,
                                 number,
                                 router.links,
                                 {0x10000000, 9, MacAddress{}},
                                 {},
                                 OnAttachError::refuse,
                                 {},
                                 judge});
}

} // namespace

TEST_CASE("rules over the budget are refused, and nothing changes") {
    Router router;
    REQUIRE(apply_within(router, router.plan(first_rules), 1, 100).ok());
    REQUIRE(router.applier.generations().known_cost());
    const uint32_t buckets = router.applier.generations().known_cost()->buckets();
    CHECK(buckets > 0);
    const Seen before = router.seen();
    for (const char* text : {edited_rules, second_rules}) {
        const auto refused = apply_within(router, router.plan(text), 2, 1);
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().err == err_over_budget);
        CHECK(refused.error().message.find("E073") != std::string::npos);
        CHECK(router.seen() == before);
    }
    // The budget that they keep to is enough.
    REQUIRE(apply_within(router, router.plan(first_rules), 3, buckets + 2).ok());
}

TEST_CASE("an edit is judged by a bound, and what packets cost is found out when it is asked") {
    Router router;
    REQUIRE(apply_within(router, router.plan(first_rules), 1, 100).ok());
    const uint32_t active = router.control().active;
    REQUIRE(apply_within(router, router.plan(edited_rules), 2, 100).ok());
    CHECK(router.control().active == active);
    const uint32_t bound = router.applier.generations().known_cost()->buckets();
    const uint32_t found = router.applier.generations().cost()->buckets();
    CHECK(found <= bound);
    CHECK(router.applier.generations().known_cost()->buckets() == found);
}

TEST_CASE("without a budget nothing is refused, and the cost is known when it is asked") {
    Router router;
    REQUIRE(router.apply(router.plan(first_rules), 1).ok());
    CHECK_FALSE(router.applier.generations().known_cost());
    CHECK(router.applier.generations().cost());
}
