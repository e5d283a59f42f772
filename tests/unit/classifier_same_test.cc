// SPDX-License-Identifier: GPL-3.0-or-later
// What must make no difference to any packet: the way by which rules came into the classifier.
#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/support/verdicts.h"

namespace pc::test {
namespace {

std::vector<Packet> packets_of(const RandomCase& world, size_t count, uint64_t seed) {
    Dice dice(seed);
    std::vector<Packet> packets;
    for (size_t i = 0; i < count; i++) {
        packets.push_back(random_packet(dice, world));
    }
    return packets;
}

std::vector<std::string> verdicts(const HostClassifier& host, const Plan& plan,
                                  const std::vector<Packet>& packets) {
    std::vector<std::string> verdicts;
    verdicts.reserve(packets.size());
    for (const Packet& packet : packets) {
        verdicts.push_back(found(host, plan, packet));
    }
    return verdicts;
}

// Rules whose order does not matter for what is matched: none ends the walk.
RandomCase counting_world(uint64_t seed) {
    RandomCase world = random_rules(seed, {.rules_max = 60, .out_rules = true, .own_percent = 5});
    for (Rule& rule : world.rules.rules) {
        rule.action = Action::count;
    }
    return world;
}

Plan plan_of(const RandomCase& world, const RuleIds& ids = {}) {
    auto plan = compile(world.rules, world.environment, ids);
    REQUIRE(plan.ok());
    return plan.take();
}

std::string sorted_words(const std::string& text) {
    std::vector<std::string> words;
    for (size_t at = 0; at < text.size();) {
        const size_t end = text.find(' ', at);
        words.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    std::sort(words.begin(), words.end());
    std::string sorted;
    for (const std::string& word : words) {
        sorted += word + " ";
    }
    return sorted;
}

} // namespace

TEST_CASE("another seed finds the same rules") {
    for (uint64_t seed = 1; seed <= 12; seed++) {
        const RandomCase world = world_of(seed + 500, 80);
        const Plan plan = plan_of(world);
        const auto packets = packets_of(world, 300, seed);
        std::vector<std::string> first;
        for (const uint64_t hash_seed : {uint64_t{0}, uint64_t{1}, UINT64_MAX, seed << 32}) {
            HostClassifier host;
            REQUIRE(host.build(plan, {}, hash_seed).ok());
            const auto now = verdicts(host, plan, packets);
            first = first.empty() ? now : first;
            INFO("seed " << seed << " hash seed " << hash_seed);
            REQUIRE(now == first);
        }
    }
}

TEST_CASE("rules in another order match the same packets") {
    for (uint64_t seed = 1; seed <= 12; seed++) {
        RandomCase world = counting_world(seed + 900);
        const Plan plan = plan_of(world);
        const auto packets = packets_of(world, 300, seed);
        HostClassifier host;
        REQUIRE(host.build(plan, {}, seed).ok());
        const auto before = verdicts(host, plan, packets);
        Dice dice(seed);
        for (size_t i = world.rules.rules.size(); i > 1; i--) {
            std::swap(world.rules.rules[i - 1],
                      world.rules.rules[dice.below(static_cast<uint32_t>(i))]);
        }
        const Plan shuffled = plan_of(world, rule_ids(plan));
        if (!host.classifier().update(shuffled)) {
            REQUIRE(host.build(shuffled, {}, seed).ok());
        }
        const auto after = verdicts(host, shuffled, packets);
        for (size_t i = 0; i < packets.size(); i++) {
            INFO("seed " << seed);
            REQUIRE(sorted_words(before[i]) == sorted_words(after[i]));
        }
    }
}

TEST_CASE("rules that came one by one, in any order, are as if built whole") {
    for (uint64_t seed = 1; seed <= 10; seed++) {
        RandomCase world = world_of(seed + 700, 50);
        const Plan whole = plan_of(world);
        const auto packets = packets_of(world, 300, seed);
        HostClassifier built;
        REQUIRE(built.build(whole, {}, seed).ok());
        const auto expected = verdicts(built, whole, packets);
        const std::vector<Rule> all = world.rules.rules;
        Dice dice(seed);
        std::vector<bool> there(all.size());
        world.rules.rules.clear();
        HostClassifier host;
        Plan plan = plan_of(world);
        REQUIRE(host.build(plan, {}, seed + 1).ok());
        for (size_t missing = all.size(); missing > 0;) {
            const size_t next = dice.below(static_cast<uint32_t>(all.size()));
            missing -= there[next] ? 0 : 1;
            there[next] = true;
            world.rules.rules.clear();
            for (size_t i = 0; i < all.size(); i++) {
                if (there[i]) {
                    world.rules.rules.push_back(all[i]);
                }
            }
            plan = plan_of(world, rule_ids(plan));
            if (!host.classifier().update(plan)) {
                REQUIRE(host.build(plan, {}, dice.below(1000)).ok());
            }
            if (dice.one_in(3)) {
                host.classifier().settle();
            }
        }
        INFO("seed " << seed);
        REQUIRE(verdicts(host, plan, packets) == expected);
    }
}

TEST_CASE("what is inserted and taken away again leaves nothing behind") {
    for (uint64_t seed = 1; seed <= 10; seed++) {
        RandomCase world = world_of(seed + 300, 60);
        const std::vector<Rule> all = world.rules.rules;
        world.rules.rules.resize(all.size() / 2);
        Plan plan = plan_of(world);
        const std::vector<Rule> few = world.rules.rules;
        world.rules.rules = all;
        const auto packets = packets_of(world, 200, seed); // aimed at those that come and go
        HostClassifier host;
        REQUIRE(host.build(plan, {}, seed).ok());
        const auto before = verdicts(host, plan, packets);
        size_t edits = 0;
        for (size_t i = few.size(); i < all.size(); i++) {
            for (const bool with : {true, false}) {
                world.rules.rules = few;
                if (with) {
                    world.rules.rules.insert(world.rules.rules.begin() +
                                                 static_cast<ptrdiff_t>(i % (few.size() + 1)),
                                             all[i]);
                }
                plan = plan_of(world, rule_ids(plan));
                if (host.classifier().update(plan)) {
                    edits++;
                } else {
                    REQUIRE(host.build(plan, {}, seed).ok());
                }
                if (i % 3 == 0) {
                    host.classifier().settle();
                }
            }
            INFO("seed " << seed << " rule " << all[i].name);
            REQUIRE(verdicts(host, plan, packets) == before);
        }
        CHECK(edits > all.size() / 4);
    }
}

} // namespace pc::test
