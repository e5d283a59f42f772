// SPDX-License-Identifier: GPL-3.0-or-later
// The audit finds nothing in what was built and edited, and names what was damaged by hand.
#include "rules/audit.h"

#include <catch2/catch.hpp>

#include "tests/support/host_lookup.h"
#include "tests/support/random_rules.h"

namespace pc::test {
namespace {

Plan plan_of(const RandomCase& world) {
    auto plan = compile(world.rules, world.environment, {});
    REQUIRE(plan.ok());
    return plan.take();
}

// A live classifier whose bytes a test may damage.
struct Damaged {
    HostClassifier host;

    explicit Damaged(const Plan& plan) { REQUIRE(host.build(plan, {}, 42).ok()); }

    [[nodiscard]] Image& image() {
        return const_cast<Image&>(host.classifier().image()); // NOLINT: that is the point
    }

    [[nodiscard]] std::string findings() {
        std::string all;
        for (const std::string& finding : audit(host.classifier()).findings) {
            all += finding + "\n";
        }
        return all;
    }
};

// The first bucket with an entry.
uint32_t used_bucket(const Image& image, const pc_tables& head) {
    for (uint32_t i = 0; i <= head.bucket_mask; i++) {
        const auto place = static_cast<uint32_t>(head.buckets + i * sizeof(pc_bucket));
        if (image.read<pc_bucket>(place).priority[0] != PC_PRIORITY_NONE) {
            return place;
        }
    }
    FAIL("no entry");
    return 0;
}

} // namespace

TEST_CASE("what was built and edited at random is sound") {
    for (uint64_t seed = 1; seed < 40; seed++) {
        RandomCase world = random_rules(seed, {.rules_max = 60, .out_rules = seed % 2 == 0});
        const Plan plan = plan_of(world);
        Damaged live(plan);
        INFO("seed " << seed);
        CHECK(live.findings().empty());
        if (world.rules.rules.size() < 2) {
            continue;
        }
        world.rules.rules.erase(world.rules.rules.begin());
        const auto less = compile(world.rules, world.environment, rule_ids(plan));
        REQUIRE(less.ok());
        if (live.host.classifier().update(less.value()).ok()) {
            CHECK(live.findings().empty());
            live.host.classifier().settle();
            CHECK(live.findings().empty());
        }
    }
}

TEST_CASE("damage is named") {
    const RandomCase world = random_rules(11, {.rules_max = 40});
    const Plan plan = plan_of(world);
    SECTION("an entry that is gone") {
        Damaged live(plan);
        const pc_tables& head = live.host.classifier().tables(Family::v4).tables();
        const uint32_t place = used_bucket(live.image(), head);
        live.image().write(place + uint32_t{offsetof(pc_bucket, priority)}, PC_PRIORITY_NONE);
        CHECK(live.findings().find("its key does not lead to one of its entries") !=
              std::string::npos);
    }
    SECTION("an entry with another key") {
        Damaged live(plan);
        const pc_tables& head = live.host.classifier().tables(Family::v4).tables();
        const uint32_t place = used_bucket(live.image(), head);
        live.image().write(place, live.image().read<uint64_t>(place) ^ 1);
        CHECK(live.findings().find("its key does not lead") != std::string::npos);
    }
    SECTION("an entry of nobody") {
        Damaged live(plan);
        const pc_tables& head = live.host.classifier().tables(Family::v4).tables();
        const uint32_t place = used_bucket(live.image(), head);
        const uint32_t at = place + uint32_t{offsetof(pc_bucket, priority)};
        live.image().write(at, live.image().read<uint32_t>(at) + 1);
        CHECK(live.findings().find("entry of no rule") != std::string::npos);
    }
    SECTION("rows that lack a tuple") {
        Damaged live(plan);
        for (const uint32_t place :
             live.host.classifier().tables(Family::v4).rows(Side::src).places()) {
            live.image().write(place, uint64_t{0});
        }
        CHECK(live.findings().find("lacks it") != std::string::npos);
    }
    SECTION("a row of a protocol that lacks a tuple") {
        Damaged live(plan);
        const pc_tables& head = live.host.classifier().tables(Family::v4).tables();
        for (uint32_t proto = 0; proto < 256; proto++) {
            const auto row = live.image().read<uint32_t>(head.protos + proto * 4);
            live.image().write(row, uint64_t{0});
        }
        CHECK(live.findings().find("the row of protocol") != std::string::npos);
    }
    SECTION("a tuple that claims to hold nothing good") {
        Damaged live(plan);
        const pc_tables& head = live.host.classifier().tables(Family::v4).tables();
        live.image().write(head.bests,
                           pc_best{.own = PC_PRIORITY_NONE, .suffix = PC_PRIORITY_NONE});
        CHECK(live.findings().find("holds nothing so good") != std::string::npos);
    }
    SECTION("a record that died") {
        Damaged live(plan);
        const auto& rule = *live.host.classifier().rules().front();
        const auto place = static_cast<uint32_t>(live.host.classifier().record_table() +
                                                 rule.slot * sizeof(pc_record));
        auto record = live.image().read<pc_record>(place);
        record.death = 1;
        live.image().write(place, record);
        CHECK(live.findings().find("is not that of a rule that holds") != std::string::npos);
    }
    SECTION("an address list that is not exact") {
        Damaged live(plan);
        REQUIRE(plan.lists.size() > 1);
        const FamilyTables& tables = live.host.classifier().tables(Family::v4);
        const size_t word = tables.tables().words;
        for (const uint32_t place : tables.rows(Side::dst).places()) {
            const auto at = static_cast<uint32_t>(place + word * 8);
            live.image().write(at, live.image().read<uint64_t>(at) ^ 2);
        }
        CHECK(live.findings().find("wrong about address list 1") != std::string::npos);
    }
}

} // namespace pc::test
