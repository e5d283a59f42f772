// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/edit_text.h"

#include <catch2/catch.hpp>

using namespace pc;
using namespace pc::edit;

namespace {

std::vector<ScannedFile> scanned(const std::vector<SourceFile>& files) {
    auto result = scan_files(files);
    REQUIRE(result.ok());
    return result.take();
}

std::string without_items(const std::string& text, const std::vector<size_t>& items) {
    const auto files = scanned({{"a", text}});
    std::vector<Splice> pieces;
    for (const Span& span : spans_of_items(text, files[0].toml.entries[0], items)) {
        pieces.push_back({span, ""});
    }
    return spliced(text, pieces);
}

} // namespace

TEST_CASE("items go with their commas, and with their line when they have one") {
    CHECK(without_items("a = [1, 2, 3]", {0}) == "a = [2, 3]");
    CHECK(without_items("a = [1, 2, 3]", {1}) == "a = [1, 3]");
    CHECK(without_items("a = [1, 2, 3]", {2}) == "a = [1, 2]");
    CHECK(without_items("a = [1, 2, 3]", {1, 2}) == "a = [1]");
    CHECK(without_items("a = [1, 2, 3]", {0, 2}) == "a = [2]");
    CHECK(without_items("a = [\n 1, # x\n 2,\n 3\n]", {0, 2}) == "a = [\n 2,\n]");
    CHECK(without_items("a = [\n 1, 2, # x\n 3, 4\n]", {1}) == "a = [\n 1, # x\n 3, 4\n]");
    CHECK(without_items("a = [\n 1, 2, # x\n 3, 4\n]", {0, 1}) == "a = [\n 3, 4\n]");
    CHECK(without_items("a = [1,\n 2 ]", {1}) == "a = [1,\n  ]");
    CHECK(without_items("a = [1,\n 2 ]", {0}) == "a = [\n 2 ]");
}

TEST_CASE("a target is found in whatever file it stands") {
    const auto files = scanned({{"main", "schema = 1\ninclude = 'x'\n"},
                                {"more", "[[rule]]\nname = 'a'\n[zone.'b c']\nmode = 'auto'\n"}});
    const auto rule = find_table(files, {Table::rule, "a"});
    REQUIRE(rule.has_value());
    CHECK(rule->file == 1);
    CHECK(find_table(files, {Table::zone, "b c"}).has_value());
    CHECK_FALSE(find_table(files, {Table::rule, "b"}).has_value());
    CHECK_FALSE(find_table(files, {Table::defaults, ""}).has_value());
    // Another rule goes where the rules are, a first set into the main file.
    CHECK(new_table(files, Table::rule).piece.file == 1);
    CHECK(new_table(files, Table::set).piece.file == 0);
}

TEST_CASE("the place of a word in the new text leads back to the word") {
    const auto files = scanned({{"a", "x = 1\ny = 2\n"}});
    Piece first{0, {4, 5}, "", {}};
    first.write("123", {7, 0, 3});
    Piece second{0, {10, 11}, "", {}};
    second.write("\"w\"", {9, 1, 2});
    const Applied applied = apply(files, {second, first});
    CHECK(applied.files[0].text == "x = 123\ny = \"w\"\n");
    CHECK(word_at(applied, 0, {0, 1, 5, 1, 7})->word == 7);
    CHECK(word_at(applied, 0, {0, 2, 6, 2, 6})->word == 9);
    CHECK(word_at(applied, 0, {0, 2, 6, 2, 6})->offset == 1);
    CHECK_FALSE(word_at(applied, 0, {0, 2, 1, 2, 1}).has_value());
    CHECK_FALSE(word_at(applied, 0, {0, 9, 1, 9, 1}).has_value());
}
