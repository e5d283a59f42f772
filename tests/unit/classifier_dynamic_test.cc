// SPDX-License-Identifier: GPL-3.0-or-later
// Entries of dynamic sets in a live classifier.
#include <catch2/catch.hpp>

#include "tests/support/written_rules.h"

namespace pc::test {
namespace {

const std::string dynamic_sets = "[set.dyn0]\ndynamic = true\n[set.dyn1]\ndynamic = true\n";

} // namespace

TEST_CASE("an edit that takes a list away leaves the entries of the others in their lists") {
    const std::string first = counting("fixed", "src = [\"10.0.0.0/8\", \"192.0.2.0/24\"]");
    const std::string second = counting("dynamic", "src = \"@dyn0\"");
    WrittenRules rules(dynamic_sets + first + second);
    const DynamicEntry entry{"dyn0", range("203.0.113.0/24"), UINT64_MAX};
    REQUIRE(rules.edit(dynamic_sets + second).ok());
    REQUIRE(rules.hold({entry}, entry.range).ok());
    CHECK(rules.from("203.0.113.7") == "dynamic ");
    REQUIRE(rules.edit(dynamic_sets + first + second).ok());
    CHECK(rules.from("203.0.113.7") == "dynamic ");
    CHECK(rules.from("192.0.2.0") == "fixed ");
    REQUIRE(rules.hold({}, entry.range).ok());
    CHECK(rules.from("203.0.113.7").empty());
    CHECK(rules.from("192.0.2.0") == "fixed ");
}

TEST_CASE("entries that ended while no rule named their set are not back with the rule") {
    const std::string other = counting("other", "src = \"@dyn1\"");
    const std::string second = counting("dynamic", "src = \"@dyn0\"");
    WrittenRules rules(dynamic_sets + other + second);
    const DynamicEntry entry{"dyn0", range("203.0.113.0/24"), UINT64_MAX};
    REQUIRE(rules.hold({entry}, entry.range).ok());
    REQUIRE(rules.edit(dynamic_sets + other).ok());
    CHECK(rules.from("203.0.113.7").empty());
    REQUIRE(rules.hold({}, entry.range).ok());
    rules.edit_or_build(dynamic_sets + other + second, {});
    CHECK(rules.from("203.0.113.7").empty());
    // Nor are those missing that came meanwhile.
    REQUIRE(rules.edit(dynamic_sets + other).ok());
    REQUIRE(rules.hold({entry}, entry.range).ok());
    rules.edit_or_build(dynamic_sets + other + second, {entry});
    CHECK(rules.from("203.0.113.7") == "dynamic ");
}

TEST_CASE("what a rule excludes from a dynamic set follows its set") {
    const auto nets = [](const char* prefix) {
        return dynamic_sets + "[set.nets]\nitems = [\"" + prefix + "\", \"192.0.2.0/24\"]\n" +
               counting("dynamic", "src = [\"@dyn0\", \"!@nets\"]");
    };
    WrittenRules rules(nets("10.1.0.0/16"));
    const DynamicEntry entry{"dyn0", range("10.0.0.0/8"), UINT64_MAX};
    REQUIRE(rules.hold({entry}, entry.range).ok());
    CHECK(rules.from("10.1.2.3").empty());
    CHECK(rules.from("10.2.2.3") == "dynamic ");
    rules.edit_or_build(nets("10.2.0.0/16"), {entry});
    CHECK(rules.from("10.1.2.3") == "dynamic ");
    CHECK(rules.from("10.2.2.3").empty());
}

TEST_CASE("a set that is no longer dynamic has no entries, and the other way round") {
    const std::string drop = counting("drop", "src = \"@nets\"");
    const std::string listed = "[set.nets]\nitems = [\"10.1.0.0/16\", \"192.0.2.0/24\"]\n" + drop;
    const std::string dynamic = "[set.nets]\ndynamic = true\n" + drop;
    WrittenRules rules(dynamic);
    const DynamicEntry entry{"nets", range("10.1.2.0/24"), UINT64_MAX};
    REQUIRE(rules.hold({entry}, entry.range).ok());
    CHECK(rules.from("10.1.2.3") == "drop ");
    rules.edit_or_build(listed, {});
    CHECK(rules.from("10.1.2.3") == "drop ");
    CHECK(rules.from("192.0.2.1") == "drop ");
    rules.edit_or_build(dynamic, {entry});
    CHECK(rules.from("10.1.2.3") == "drop ");
    CHECK(rules.from("10.1.3.0").empty());
    CHECK(rules.from("192.0.2.1").empty());
    rules.edit_or_build(dynamic, {entry});
    REQUIRE(rules.hold({}, entry.range).ok());
    CHECK(rules.from("10.1.2.3").empty());
}

TEST_CASE("an entry holds before its deadline, not at it and not after") {
    WrittenRules rules(dynamic_sets + counting("in", "src = \"@dyn0\"") +
                       counting("not", "src = \"!@dyn0\""));
    for (const char* prefix : {"10.0.0.0/8", "203.0.113.9", "2001:db8::/32", "2001:db8:5::9"}) {
        const DynamicEntry entry{"dyn0", range(prefix), 1000};
        REQUIRE(rules.hold({entry}, entry.range).ok());
        for (const Address& edge : {entry.range.first, entry.range.last}) {
            CHECK(rules.from(to_string(edge), 0) == "in ");
            CHECK(rules.from(to_string(edge), 999) == "in ");
            CHECK(rules.from(to_string(edge), 1000) == "not ");
            CHECK(rules.from(to_string(edge), 1001) == "not ");
            CHECK(rules.from(to_string(edge), UINT64_MAX) == "not ");
        }
        CHECK(rules.from(to_string(previous_address(entry.range.first))) == "not ");
        CHECK(rules.from(to_string(next_address(entry.range.last))) == "not ");
        REQUIRE(rules.hold({}, entry.range).ok());
        CHECK(rules.from(to_string(entry.range.first)) == "not ");
    }
    // For good, and one that is over already.
    const DynamicEntry always{"dyn0", range("10.0.0.0/8"), UINT64_MAX};
    REQUIRE(rules.hold({always}, always.range).ok());
    CHECK(rules.from("10.0.0.0", UINT64_MAX - 1) == "in ");
    const DynamicEntry over{"dyn0", range("10.0.0.0/8"), 0};
    REQUIRE(rules.hold({over}, over.range).ok());
    CHECK(rules.from("10.0.0.0") == "not ");
}

TEST_CASE("several sets with their own deadlines hold one address") {
    const std::string sets =
        dynamic_sets + "[set.dyn2]\ndynamic = true\n[set.dyn3]\ndynamic = true\n";
    std::string text = sets;
    for (unsigned i = 0; i < 4; i++) {
        text += counting("r" + std::to_string(i), "src = \"@dyn" + std::to_string(i) + "\"");
    }
    WrittenRules rules(text + counting("two", "src = [\"@dyn0\", \"!@dyn1\"]"));
    std::vector<DynamicEntry> entries;
    for (unsigned i = 0; i < 4; i++) {
        entries.push_back({"dyn" + std::to_string(i), range("10.0.0.0/8"), 400 - i * 100});
    }
    entries.push_back({"dyn3", range("10.1.0.0/16"), 350});
    entries.push_back({"blocks", range("10.1.2.0/24"), 50});
    REQUIRE(rules.hold(entries, range("10.0.0.0/8")).ok());
    CHECK(rules.from("10.0.0.1", 99) == "r0 r1 r2 r3 ");
    CHECK(rules.from("10.0.0.1", 100) == "r0 r1 r2 ");
    CHECK(rules.from("10.1.0.0", 100) == "r0 r1 r2 r3 ");
    CHECK(rules.from("10.1.0.0", 300) == "r0 r3 two ");
    CHECK(rules.from("10.1.0.0", 350) == "r0 two ");
    CHECK(rules.from("10.0.0.1", 399) == "r0 two ");
    CHECK(rules.from("10.0.0.1", 400) == "");
    CHECK(rules.from("10.1.2.3", 49) == "(block)");
    CHECK(rules.from("10.1.2.3", 50) == "r0 r1 r2 r3 ");
    CHECK(rules.from("10.1.3.0", 49) == "r0 r1 r2 r3 ");
}

TEST_CASE("nested entries of one set: the latest deadline of those that hold an address") {
    WrittenRules rules(dynamic_sets + counting("in", "src = \"@dyn0\""));
    const std::vector<DynamicEntry> entries{{"dyn0", range("10.0.0.0/8"), 100},
                                            {"dyn0", range("10.1.0.0/16"), 50},
                                            {"dyn0", range("10.1.2.0/24"), 200},
                                            {"dyn0", range("10.1.2.3"), 150}};
    REQUIRE(rules.hold(entries, range("10.0.0.0/8")).ok());
    const auto until = [&](const char* source, uint64_t deadline) {
        return rules.from(source, deadline - 1) == "in " && rules.from(source, deadline).empty();
    };
    CHECK(until("10.0.0.0", 100));
    CHECK(until("10.1.0.0", 100));
    CHECK(until("10.1.2.0", 200));
    CHECK(until("10.1.2.3", 200));
    CHECK(until("10.1.2.255", 200));
    CHECK(until("10.255.255.255", 100));
    // Built whole it is the same.
    REQUIRE(rules.host.build(rules.plan, timed_ranges(rules.plan, entries), 9).ok());
    CHECK(until("10.1.0.0", 100));
    CHECK(until("10.1.2.3", 200));
    CHECK(until("10.1.3.0", 100));
}

TEST_CASE("a negated set takes away while it lives, whatever another one adds") {
    WrittenRules rules(dynamic_sets + counting("r", "src = [\"@dyn0\", \"!@dyn1\"]") +
                       counting("listed", "src = [\"10.0.0.0/8\", \"192.0.2.0/24\", \"!@dyn1\"]"));
    const std::vector<DynamicEntry> entries{{"dyn0", range("10.1.0.0/16"), 300},
                                            {"dyn1", range("10.1.2.0/24"), 100},
                                            {"dyn1", range("10.2.0.0/16"), 100}};
    REQUIRE(rules.hold(entries, range("10.0.0.0/8")).ok());
    CHECK(rules.from("10.1.2.3", 99) == "");
    CHECK(rules.from("10.1.2.3", 100) == "r listed ");
    CHECK(rules.from("10.1.2.3", 300) == "listed ");
    CHECK(rules.from("10.1.3.0", 0) == "r listed ");
    CHECK(rules.from("10.2.0.0", 99) == "");
    CHECK(rules.from("10.2.0.0", 100) == "listed ");
}

TEST_CASE("more sets on one address than deadlines can be followed are refused") {
    std::string text;
    std::vector<DynamicEntry> entries;
    for (unsigned i = 0; i < PC_TIMED_MAX + 4; i++) {
        const std::string number = std::to_string(i);
        text += "[set.d" + number + "]\ndynamic = true\n";
        entries.push_back({"d" + number, range("10.0.0.0/8"), 1000 - i * 10});
    }
    for (unsigned i = 0; i < PC_TIMED_MAX + 4; i++) {
        const std::string number = std::to_string(i);
        text += counting("r" + number, "src = \"@d" + number + "\"");
    }
    WrittenRules rules(text);
    REQUIRE_FALSE(rules.hold(entries, range("10.0.0.0/8")).ok());
    CHECK(rules.from("10.0.0.1").empty());
    CHECK_FALSE(Classifier::build(rules.plan, timed_ranges(rules.plan, entries), 1).ok());
    entries.resize(PC_TIMED_MAX);
    REQUIRE(rules.hold(entries, range("10.0.0.0/8")).ok());
    CHECK(rules.from("10.0.0.1", 0) == "r0 r1 r2 r3 r4 r5 r6 r7 ");
    CHECK(rules.from("10.0.0.1", 989) == "r0 r1 ");
    CHECK(rules.from("10.0.0.1", 999) == "r0 ");
    CHECK(rules.from("10.0.0.1", 1000) == "");
    // As many as you like that end together.
    entries.resize(PC_TIMED_MAX + 1, entries.back());
    entries.back().set = "d9";
    REQUIRE(rules.hold(entries, range("10.0.0.0/8")).ok());
    CHECK(rules.from("10.0.0.1", 0) == "r0 r1 r2 r3 r4 r5 r6 r7 r9 ");
}

} // namespace pc::test
