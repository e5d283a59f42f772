// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/written_rules.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <sstream>

#include <catch2/catch.hpp>

#include "rules/parse.h"
#include "tests/support/random_pools.h"

namespace pc::test {

namespace {

constexpr const char* zones = "schema = 1\n[zone.wan]\ninterfaces = \"wan0\"\n"
                              "[zone.lan]\ninterfaces = \"lan0\"\nvlan = \"untagged\"\n"
                              "[zone.guest]\ninterfaces = \"lan0\"\nvlan = 30\n";

} // namespace

AddressRange range(std::string_view prefix) {
    const ParsedPrefix parsed = parse_prefix(prefix);
    REQUIRE(parsed.error == PrefixError::none);
    return range_of(parsed.prefix);
}

std::string counting(const std::string& name, const std::string& lines) {
    return "[[rule]]\nname = \"" + name + "\"\naction = \"count\"\n" + lines + "\n";
}

WrittenRules::WrittenRules(const std::string& text, uint64_t seed) {
    Dice dice(seed);
    world.pools = random_pools(dice);
    world.shape.out_rules = true;
    world.shape.zoneless = true;
    world.shape.own_percent = 5;
    read(text);
    build({}, seed);
}

void WrittenRules::read(const std::string& text) {
    const ReadFiles none = [](std::string_view,
                              std::string_view) -> Result<std::vector<SourceFile>> {
        return Error{.err = 0, .message = "no files here"};
    };
    const Parsed parsed = parse({.path = "rules.toml", .text = zones + text}, none);
    INFO(render(parsed.diagnostics, parsed.rules.files, ""));
    REQUIRE_FALSE(parsed.diagnostics.has_errors());
    world.rules = parsed.rules;
    auto compiled = compile(world.rules, world.environment, rule_ids(plan));
    INFO((compiled.ok() ? "" : compiled.error().message));
    REQUIRE(compiled.ok());
    plan = compiled.take();
}

void WrittenRules::build(const std::vector<DynamicEntry>& entries, uint64_t seed) {
    const auto built = host.build(plan, timed_ranges(plan, entries), seed);
    INFO((built.ok() ? "" : built.error().message));
    REQUIRE(built.ok());
}

Result<void> WrittenRules::edit(const std::string& text) {
    read(text);
    return host.classifier().update(plan);
}

void WrittenRules::edit_or_build(const std::string& text,
                                 const std::vector<DynamicEntry>& entries) {
    const auto edited = edit(text);
    if (!edited) {
        REQUIRE((edited.error().err == EXDEV || edited.error().err == ENOSPC));
        build(entries, 2);
    }
}

Result<void> WrittenRules::hold(const std::vector<DynamicEntry>& entries,
                                const AddressRange& range) {
    return host.classifier().update_dynamic(range.first.family, wide(range),
                                            timed_ranges(plan, entries));
}

std::string WrittenRules::ask(const std::string& packet, uint64_t jiffies) const {
    std::istringstream in(packet);
    const std::vector<std::string> words{std::istream_iterator<std::string>(in), {}};
    ParsedPacket parsed = parse_packet(words, world.rules);
    INFO(packet << "\n" << render(parsed.diagnostics, {parsed.line}, ""));
    REQUIRE_FALSE(parsed.diagnostics.has_errors());
    if (!parsed.packet.src_mac) {
        parsed.packet.src_mac = MacAddress{{2, 0, 0, 0, 0, 1}}; // whatever is received has one
    }
    const std::string names = found(host, plan, parsed.packet, jiffies);
    // Of dynamic sets the oracle would have to be told.
    if (plan.lists.end() == std::find_if(plan.lists.begin(), plan.lists.end(),
                                         [](const auto& each) { return !each.dynamic.empty(); })) {
        CHECK(names == expected(world, parsed.packet));
    }
    return names;
}

std::string WrittenRules::first_difference(size_t packets, uint64_t seed) {
    Dice dice(seed);
    for (size_t i = 0; i < packets; i++) {
        const Packet packet = random_packet(dice, world);
        const std::string is = found(host, plan, packet);
        const std::string should = expected(world, packet);
        if (is != should) {
            return "found: " + is + "\nexpected: " + should + "\n" + describe(world, packet);
        }
    }
    return {};
}

} // namespace pc::test
