// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/splice.h"

#include <catch2/catch.hpp>

using namespace pc::edit;

namespace {

TomlText scanned(std::string_view text) {
    auto result = scan_toml(text);
    INFO((result.ok() ? std::string() : result.error().message));
    REQUIRE(result.ok());
    return result.take();
}

std::string part(std::string_view text, Span span) {
    return std::string(text.substr(span.begin, span.end - span.begin));
}

} // namespace

TEST_CASE("keys and values are found with their bytes, comments are no part of them") {
    const std::string text = "schema = 1 # one\n[zone.wan] # up\n  mode = 'auto'   # \"x\"\n";
    const TomlText toml = scanned(text);
    REQUIRE(toml.tables.size() == 2);
    CHECK(toml.tables[1].path == std::vector<std::string>{"zone", "wan"});
    CHECK(part(text, toml.tables[1].header) == "[zone.wan]");
    CHECK(part(text, toml.tables[1].lines) == "[zone.wan] # up\n  mode = 'auto'   # \"x\"\n");
    REQUIRE(toml.entries.size() == 2);
    CHECK(part(text, toml.entries[0].value) == "1");
    CHECK(toml.entries[1].path == std::vector<std::string>{"zone", "wan", "mode"});
    CHECK(part(text, toml.entries[1].key) == "mode");
    CHECK(part(text, toml.entries[1].value) == "'auto'");
    CHECK(toml.entries[1].items.at(0).text == "auto");
}

TEST_CASE("lists over many lines give each item its place") {
    const std::string text =
        "a = [ # first\n  \"x, y\", # ] not yet\n  7,\n  [1, 2], {b = 3},\n]\nc = 1\n";
    const TomlText toml = scanned(text);
    REQUIRE(toml.entries.size() == 2);
    const TextEntry& list = toml.entries[0];
    CHECK(list.is_list);
    REQUIRE(list.items.size() == 4);
    CHECK(list.items[0].text == "x, y");
    CHECK(part(text, list.items[0].at) == "\"x, y\"");
    CHECK(list.items[1].text == "7");
    CHECK(list.items[2].text == "[1, 2]");
    CHECK(list.items[3].text == "{b = 3}");
}

TEST_CASE("strings of all four kinds are read as TOML reads them") {
    CHECK(scanned(R"(a = "q\"\\\t\u00e9")").entries[0].items[0].text == "q\"\\\té");
    CHECK(scanned(R"(a = 'C:\n')").entries[0].items[0].text == "C:\\n");
    CHECK(scanned("a = \"\"\"\nx\ny \\\n   z\"\"\"").entries[0].items[0].text == "x\ny z");
    CHECK(scanned("a = '''it's'''").entries[0].items[0].text == "it's");
    CHECK(scanned("a = \"\"\"x\"\"\"\"").entries[0].items[0].text == "x\"");
    CHECK(scanned("a = \"\"").entries[0].items[0].text.empty());
}

TEST_CASE("dotted and quoted keys, and inline tables, give whole paths") {
    const TomlText toml =
        scanned("zone.\"a b\".mode = 'x'\nset.y = { type = 'port', items = [1] }\n");
    REQUIRE(toml.entries.size() == 4);
    CHECK(toml.entries[0].path == std::vector<std::string>{"zone", "a b", "mode"});
    CHECK(toml.entries[2].path == std::vector<std::string>{"set", "y", "type"});
    CHECK(toml.entries[2].in_braces);
    CHECK(toml.entries[3].items.at(0).text == "1");
}

TEST_CASE("text that is no TOML is an error at every byte of truncation or fine, never a crash") {
    const std::string text =
        "a = [\"x\", 'y', {b = 1, c = [2]}]\n[[rule]]\nn.\"m\" = \"\\u00e9\"\n";
    for (size_t length = 0; length <= text.size(); ++length) {
        (void)scan_toml(text.substr(0, length));
    }
    CHECK_FALSE(scan_toml("a = [1").ok());
    CHECK_FALSE(scan_toml("a").ok());
    CHECK_FALSE(scan_toml("[x").ok());
    CHECK_FALSE(scan_toml("a = ").ok());
    CHECK_FALSE(scan_toml("a = \"x\n\"").ok());
    CHECK_FALSE(scan_toml("a = " + std::string(100, '[')).ok());
}

TEST_CASE("comments directly above a line belong to it, those behind an empty line do not") {
    const std::string text = "# far\n\n# near\n  # nearer\n[[rule]]\n";
    CHECK(attached_comment(text, text.find("[[")) == text.find("# near"));
    CHECK(attached_comment("[[rule]]\n", 0) == 0);
}

TEST_CASE("quoting escapes what TOML wants escaped") {
    CHECK(quote_toml("a\"b\\c\n") == "\"a\\\"b\\\\c\\u000a\"");
    CHECK(is_toml_integer("22"));
    CHECK(is_toml_integer("0x1F"));
    CHECK(is_toml_integer("-1"));
    CHECK_FALSE(is_toml_integer("022"));
    CHECK_FALSE(is_toml_integer("1-2"));
    CHECK_FALSE(is_toml_integer(""));
    CHECK_FALSE(is_toml_integer("99999999999999999999"));
}

TEST_CASE("pieces are put in at their places whatever their order") {
    CHECK(spliced("abcdef", {{{4, 5}, "X"}, {{0, 1}, ""}, {{2, 2}, "1"}, {{2, 2}, "2"}}) ==
          "b12cdXf");
    CHECK(spliced("abc", {}) == "abc");
}
