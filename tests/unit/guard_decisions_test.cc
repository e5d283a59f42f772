// SPDX-License-Identifier: GPL-3.0-or-later
// What the flood guard does about heavy sources, by rates and rules.
#include "ctl/daemon/guard_decisions.h"

#include <set>

#include <catch2/catch.hpp>

#include "ctl/daemon/own_addresses.h"

namespace pc::daemon {
namespace {

using Kind = GuardAction::Kind;

Prefix prefix(const std::string& text) {
    return parse_prefix(text).prefix;
}

struct Scene {
    PlanGuard guard{PC_GUARD_LOG, 1000, 600, {}};
    GuardDecisions decisions;
    std::set<Prefix> blocked;
    std::string harm;
    int64_t now = 100;

    // "KIND PREFIX KIND PREFIX ..."; what is to be blocked is.
    std::string judge(const std::vector<GuardRate>& rates) {
        GuardView view;
        view.now = now++;
        view.blocks = blocked.size();
        view.is_blocked = [&](const Prefix& each) { return blocked.contains(each); };
        view.harm = [&](const Prefix& /*each*/) { return harm; };
        std::string words;
        for (const GuardAction& action : decisions.judge(guard, rates, view)) {
            if (action.kind == Kind::block) {
                blocked.insert(action.prefix);
            }
            words += words.empty() ? "" : " ";
            words += action.kind == Kind::block     ? "block "
                     : action.kind == Kind::propose ? "propose "
                                                    : "spare ";
            words += to_string(action.prefix);
        }
        return words;
    }
};

std::vector<GuardRate> many(size_t count) {
    std::vector<GuardRate> rates;
    for (size_t i = 0; i < count; ++i) {
        rates.push_back(
            {prefix("10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".0/24"),
             5000});
    }
    return rates;
}

TEST_CASE("a source above the rate is proposed, once a minute") {
    Scene scene;
    const std::vector<GuardRate> rates{{prefix("203.0.113.66/32"), 1001},
                                       {prefix("203.0.113.67/32"), 1000}};
    CHECK(scene.judge(rates) == "propose 203.0.113.66/32");
    for (int i = 0; i < 59; ++i) {
        CHECK(scene.judge(rates).empty());
    }
    CHECK(scene.judge(rates) == "propose 203.0.113.66/32");
    CHECK(scene.judge({}).empty());
    scene.now += 60;
    CHECK(scene.judge({}).empty());
    CHECK(scene.decisions.said().empty());
}

TEST_CASE("a source above the rate is blocked, and again when the block is over") {
    Scene scene;
    scene.guard.mode = PC_GUARD_BLOCK;
    const std::vector<GuardRate> rates{{prefix("2001:db8:bad::/64"), 20000}};
    CHECK(scene.judge(rates) == "block 2001:db8:bad::/64");
    CHECK(scene.judge(rates).empty());
    scene.blocked.clear();
    CHECK(scene.judge(rates) == "block 2001:db8:bad::/64");
}

TEST_CASE("what was proposed is blocked when a commit says so") {
    Scene scene;
    const std::vector<GuardRate> rates{{prefix("203.0.113.66/32"), 1001}};
    CHECK(scene.judge(rates) == "propose 203.0.113.66/32");
    scene.guard.mode = PC_GUARD_BLOCK;
    CHECK(scene.judge(rates) == "block 203.0.113.66/32");
}

TEST_CASE("exceptions, and what a block would harm, are spared and said once a minute") {
    Scene scene;
    scene.guard.mode = GENERATE(PC_GUARD_LOG, PC_GUARD_BLOCK);
    append(scene.guard.except, range_of(prefix("203.0.113.66/32")));
    normalize(scene.guard.except);
    const std::vector<GuardRate> rates{{prefix("203.0.113.0/24"), 9000}};
    CHECK(scene.judge(rates) == "spare 203.0.113.0/24");
    CHECK(scene.judge(rates).empty());
    scene.guard.except = {};
    scene.harm = "it is my own";
    scene.now += 60;
    CHECK(scene.judge(rates) == "spare 203.0.113.0/24");
    CHECK(scene.blocked.empty());
}

TEST_CASE("not more than so many blocks, and not more than so many words") {
    Scene scene;
    scene.guard.mode = PC_GUARD_BLOCK;
    (void)scene.judge(many(1000));
    CHECK(scene.blocked.size() == guard_blocks_max);
    (void)scene.judge(many(1000));
    CHECK(scene.blocked.size() == guard_blocks_max);
    scene.guard.mode = PC_GUARD_LOG;
    scene.decisions.forget();
    scene.blocked.clear();
    (void)scene.judge(many(1000));
    CHECK(scene.decisions.said().size() == guard_words_max);
}

TEST_CASE("the words") {
    const Prefix source = prefix("203.0.113.66/32");
    CHECK(guard_text({Kind::propose, source, 123456, 600, {}}) ==
          "proposed: block 203.0.113.66/32 for 10m (123k pps)");
    CHECK(guard_text({Kind::block, source, 999, 90, {}}) ==
          "blocked 203.0.113.66/32 for 90s (999 pps)");
    CHECK(guard_text({Kind::block, source, 9994, 0, {}}) ==
          "blocked 203.0.113.66/32 for good (9.99k pps)");
    CHECK(guard_text({Kind::spare, source, 1234567, 0, "why"}) ==
          "not blocked: 203.0.113.66/32 (1.23M pps): why");
}

TEST_CASE("management, the router, its networks and links are near") {
    RuleSet rules;
    Environment environment;
    environment.self = {range_of(prefix("198.51.100.1/32"))};
    environment.local = {range_of(prefix("198.51.100.0/24"))};
    const auto near = near_addresses(rules, environment);
    CHECK(harm_to(near, prefix("198.51.100.2/32")) ==
          "198.51.100.2/32 holds 198.51.100.0/24 of @local");
    CHECK(harm_to(near, prefix("198.51.100.1/32")) ==
          "198.51.100.1/32 holds 198.51.100.1 of @self");
    CHECK(harm_to(near, prefix("198.51.0.0/16")) != "");
    CHECK(harm_to(near, prefix("fe80::/64")) != "");
    CHECK(harm_to(near, prefix("203.0.113.66/32")).empty());
    CHECK(harm_to(own_addresses(rules, environment), prefix("198.51.100.2/32")).empty());
}

} // namespace
} // namespace pc::daemon
