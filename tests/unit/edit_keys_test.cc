// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/edit_keys.h"

#include <catch2/catch.hpp>

#include "rules/parse.h"

using namespace pc;
using namespace pc::edit;

namespace {

std::vector<Assignment> read(Table table, const std::vector<std::string>& words) {
    std::vector<Assignment> out;
    const auto refusal = read_assignments(table, words, 0, out);
    INFO((refusal ? refusal->message : std::string()));
    REQUIRE_FALSE(refusal.has_value());
    return out;
}

Refusal refused(Table table, const std::vector<std::string>& words) {
    std::vector<Assignment> out;
    const auto refusal = read_assignments(table, words, 0, out);
    REQUIRE(refusal.has_value());
    return *refusal;
}

} // namespace

TEST_CASE("the parser knows every key that the shell can set") {
    const ReadFiles none = [](std::string_view,
                              std::string_view) -> Result<std::vector<SourceFile>> {
        return std::vector<SourceFile>{};
    };
    for (const Table table :
         {Table::rule, Table::set, Table::zone, Table::inspect, Table::limit, Table::host,
          Table::defaults, Table::safety, Table::flows, Table::guard}) {
        for (const TableKey& key : keys_of(table)) {
            std::string text = "schema = 1\n";
            text += table == Table::rule ? "[[rule]]\nname = \"x\"\n"
                    : has_name(table)    ? "[" + std::string(to_string(table)) + ".x]\n"
                                         : "[" + std::string(to_string(table)) + "]\n";
            text += std::string(key.name) + " = \"?\"\n";
            for (const Diagnostic& each : parse({"a", text}, none).diagnostics.list) {
                INFO(text << each.message);
                CHECK(each.code != "E012");
            }
        }
    }
}

TEST_CASE("words become TOML by the form of their key") {
    const auto values =
        read(Table::rule, {"priority", "10", "disabled", "true", "until", "2027-06-30", "note",
                           "it's \"so\"", "dport", "22,1024-2048,@web", "mark", "0x1/0xff"});
    REQUIRE(values.size() == 6);
    CHECK(values[0].items[0].toml == "10");
    CHECK(values[1].items[0].toml == "true");
    CHECK(values[2].items[0].toml == "2027-06-30");
    CHECK(values[3].items[0].toml == "\"it's \\\"so\\\"\"");
    REQUIRE(values[4].items.size() == 3);
    CHECK(values[4].items[0].toml == "22");
    CHECK(values[4].items[1].toml == "\"1024-2048\"");
    CHECK(values[4].items[2].at.offset == 13);
    CHECK(values[5].items[0].toml == "\"0x1/0xff\"");
}

TEST_CASE("lists are in brackets or between commas") {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"in", "[", "lan", "guest", "]"},
          {"in", "[lan", "guest]"},
          {"in", "lan,guest"},
          {"in", "[", "lan,guest", "]"}}) {
        const auto values = read(Table::rule, words);
        REQUIRE(values.size() == 1);
        REQUIRE(values[0].items.size() == 2);
        CHECK(values[0].items[1].text == "guest");
    }
    const auto flags = read(Table::rule, {"tcp_flags", "syn,!ack"});
    CHECK(flags[0].items.size() == 1);
}

TEST_CASE("what is wrong with the words is said where it is wrong") {
    CHECK(refused(Table::rule, {"dport", "1", "dprot", "2"}).word == 2);
    CHECK(refused(Table::rule, {"dprot", "2"}).message ==
          "unknown key 'dprot'; did you mean 'dport'?");
    CHECK(refused(Table::rule, {"dport"}).word == 1);
    CHECK(refused(Table::rule, {"in", "[", "lan"}).message ==
          "the list is not closed: ']' is missing");
    CHECK(refused(Table::rule, {"in", "[", "]"}).message == "the list is empty");
    CHECK(refused(Table::rule, {"in", "lan,,wan"}).offset == 4);
    CHECK(refused(Table::rule, {"disabled", "yes"}).word == 1);
    CHECK(refused(Table::rule, {"until", "tomorrow"}).word == 1);
    CHECK(refused(Table::rule, {"in", "a", "in", "b"}).message == "'in' stands twice");
}
