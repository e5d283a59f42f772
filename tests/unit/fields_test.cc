// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/fields.h"

#include <catch2/catch.hpp>

using namespace pc;

TEST_CASE("a fresh object has its defaults and nothing else") {
    CHECK(without_defaults(fields_of(Rule{}), fields_of(Rule{})).empty());
    CHECK(without_defaults(fields_of(Defaults{}), fields_of(Defaults{})).empty());
    CHECK(fields_of(Match{}).empty());
    CHECK(find_field(fields_of(Rule{}), "log")->values[0].text == "none");
    CHECK(find_field(fields_of(Safety{}), "confirm")->values[0].text == "2m");
    CHECK(find_field(fields_of(Defaults{}), "family")->values[0].text == "both");
    CHECK(find_field(fields_of(Rule{}), "mark") == nullptr);
}

TEST_CASE("values know whether TOML needs quotes around them") {
    Match match;
    match.dport = {{false, {}, {22, 22}, {}}, {false, {}, {80, 90}, {}}, {false, "web", {}, {}}};
    match.proto = {{false, {}, {6, 6}, {}}, {false, {}, {200, 200}, {}}};
    const Fields fields = fields_of(match);
    REQUIRE(fields.size() == 2);
    CHECK(fields[0] == Field{"proto", {{"tcp", true}, {"200", false}}, true});
    CHECK(fields[1] == Field{"dport", {{"22", false}, {"80-90", true}, {"@web", true}}, true});
    CHECK(values_text(fields[1], ", ") == "22, 80-90, @web");
    CHECK(values_text(fields[1], ", ", 1) == "22, 2 more");
}

TEST_CASE("what differs from the default, and what is always said") {
    Rule rule;
    rule.log = Log::all;
    rule.until = Date{2027, 6, 30};
    const Fields said = without_defaults(fields_of(rule), fields_of(Rule{}), {"priority"});
    REQUIRE(said.size() == 3);
    CHECK(said[0] == Field{"priority", {{"0", false}}, false});
    CHECK(said[1] == Field{"until", {{"2027-06-30", false}}, false});
    CHECK(said[2] == Field{"log", {{"all", true}}, false});
}

TEST_CASE("marks are hexadecimal, with their mask where it is not whole") {
    Rule rule;
    rule.action = Action::mark;
    rule.mark = {0x10, 0xff};
    CHECK(find_field(fields_of(rule), "mark")->values[0] == FieldValue{"0x10/0xff", true});
    rule.mark = {0, 0xffffffff};
    CHECK(find_field(fields_of(rule), "mark")->values[0] == FieldValue{"0x0", false});
}

TEST_CASE("a dynamic set says what differs from the default") {
    Set set;
    CHECK(find_field(fields_of(set), "dynamic") == nullptr);
    set.dynamic.emplace();
    CHECK(find_field(fields_of(set), "dynamic")->values[0] == FieldValue{"true", false});
    CHECK(find_field(fields_of(set), "ttl") == nullptr);
    set.dynamic = DynamicSet{172800, 10, false};
    CHECK(find_field(fields_of(set), "ttl")->values[0] == FieldValue{"2d", true});
    CHECK(find_field(fields_of(set), "max")->values[0] == FieldValue{"10", false});
    CHECK(find_field(fields_of(set), "persist")->values[0] == FieldValue{"false", false});
    set.dynamic->ttl_s = 86400;
    CHECK(find_field(fields_of(set), "ttl")->values[0].text == "24h");
}

TEST_CASE("times have the largest unit that fits") {
    Safety safety;
    for (const auto& [seconds, text] : {std::pair{90U, "90s"}, std::pair{7200U, "2h"},
                                        std::pair{300U, "5m"}, std::pair{3660U, "61m"}}) {
        safety.confirm_seconds = seconds;
        CHECK(find_field(fields_of(safety), "confirm")->values[0].text == text);
    }
}
