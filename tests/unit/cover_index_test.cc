// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/cover_index.h"

#include "rules/check_shadow.h"
#include "tests/support/random_rules.h"
#include "tests/support/rules_text.h"

using namespace pc;
using namespace pc::test;

namespace {

constexpr size_t no_limit = SIZE_MAX / 2;

// The first that holds all of `inner`, each compared with it.
std::optional<size_t> find_slowly(const std::vector<Region>& regions, const Region& inner) {
    for (size_t i = 0; i < regions.size(); ++i) {
        if (covers(regions[i], inner)) {
            return i;
        }
    }
    return std::nullopt;
}

Rule rule_of(size_t number, std::string_view src, uint32_t port) {
    Rule rule;
    rule.name = "r" + std::to_string(number);
    rule.priority = static_cast<uint32_t>(number);
    rule.action = Action::drop;
    rule.match.src = {{false, {}, range_of(parse_prefix(src).prefix), {}}};
    rule.match.proto = {{false, {}, {6, 6}, {}}};
    rule.match.dport = {{false, {}, {port, port}, {}}};
    return rule;
}

std::string address(size_t number) {
    return "10." + std::to_string(number >> 16 & 255) + "." + std::to_string(number >> 8 & 255) +
           "." + std::to_string(number & 255);
}

Diagnostics shadows_of(const RuleSet& rules) {
    const Environment environment;
    Contents contents(rules, environment);
    Diagnostics diagnostics;
    check_shadows(
        rules, environment, contents, [](const Rule&) { return true; }, diagnostics);
    return diagnostics;
}

} // namespace

TEST_CASE("the index finds what comparing each with each finds") {
    RandomShape shape;
    shape.out_rules = true;
    shape.inspect_rules = true;
    shape.rules_max = 300;
    shape.dynamic_sets = true;
    shape.states = true;
    size_t found = 0;
    size_t asked = 0;
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        const RandomCase world = random_rules(seed, shape);
        Contents contents(world.rules, world.environment);
        CoverIndex index(no_limit);
        for (const Rule& rule : world.rules.rules) {
            RegionOf region = region_of(rule, world.rules, contents);
            if (!region.contradiction.empty()) {
                continue;
            }
            const auto cover = index.find_cover(region.region);
            REQUIRE(cover == find_slowly(index.regions(), region.region));
            found += cover ? 1 : 0;
            ++asked;
            index.add(std::move(region.region)); // covered ones too: more to choose from
        }
    }
    CHECK(found > 100);
    CHECK(asked > 10 * found / 9);
}

TEST_CASE("prefixes, ports and protocols around a region are found, the first of them") {
    const RuleSet rules = rules_of("[[rule]]\nname = \"a\"\naction = \"drop\"\n");
    Contents contents(rules, {});
    CoverIndex index(no_limit);
    const auto region = [&](const Rule& rule) { return region_of(rule, rules, contents).region; };
    for (size_t i = 0; i < 1000; ++i) {
        index.add(region(rule_of(i, address(i), static_cast<uint32_t>(i % 7))));
    }
    for (size_t i = 0; i < 1000; ++i) {
        const Region inner = region(rule_of(i, address(i), static_cast<uint32_t>(i % 7)));
        CHECK(index.find_cover(inner) == i);
        CHECK_FALSE(index.find_cover(region(rule_of(i, address(i), 8))));
    }
    index.add(region(rule_of(1000, "10.0.0.0/8", 3)));
    CHECK(index.find_cover(region(rule_of(0, address(3), 3))) == 3);
    CHECK(index.find_cover(region(rule_of(0, address(4), 3))) == 1000);
    CHECK_FALSE(index.find_cover(region(rule_of(0, "0.0.0.0/0", 3))));
    Rule any = rule_of(0, address(5000), 9);
    any.match.dport.clear();
    index.add(region(any));
    CHECK(index.find_cover(region(rule_of(0, address(5000), 77))) == 1001);
}

TEST_CASE("among many rules exactly those that can never match are told, in little work") {
    RuleSet rules;
    constexpr size_t count = 20000;
    for (size_t i = 0; i < count; ++i) {
        // Every thousandth repeats what the one before it said.
        const size_t what = i % 1000 == 999 ? i - 1 : i;
        rules.rules.push_back(rule_of(i, address(what), 80));
    }
    const Diagnostics diagnostics = shadows_of(rules);
    REQUIRE(diagnostics.list.size() == count / 1000);
    CHECK(diagnostics.list[3].code == "W101");
    CHECK(diagnostics.list[3].message == "rule 'r3999' can never match");
}

TEST_CASE("rules that are too much alike are not all compared, and that is said") {
    RuleSet rules;
    for (size_t i = 0; i < 30000; ++i) {
        // Two addresses far apart: no block of any field tells these rules from each other.
        rules.rules.push_back(rule_of(i, address(i), 80));
        rules.rules.back().match.src.push_back(
            {false, {}, range_of(parse_prefix("254.0.0.1").prefix), {}});
        rules.rules.back().match.src.push_back(
            {false, {}, range_of(parse_prefix("1.0.0.1").prefix), {}});
    }
    const Diagnostics diagnostics = shadows_of(rules);
    REQUIRE(diagnostics.list.size() == 1);
    CHECK(diagnostics.list[0].code == "W104");
    CHECK(diagnostics.list[0].notes.at(0).text ==
          "the 30000 rules are too much alike to compare them all in a second");
}
