// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/edit_order.h"

#include "rules/edit.h"
#include "tests/support/rules_text.h"

using namespace pc;
using namespace pc::test;

namespace {

Edited insert(const std::string& text, const std::string& line) {
    return edit_insert({{"rules.toml", text}}, words_of(line),
                       [](std::string_view, std::string_view) -> Result<std::vector<SourceFile>> {
                           return std::vector<SourceFile>{};
                       });
}

// "a10 b20": names and priorities after the edit.
std::string order(const Edited& edited) {
    INFO((edited.refused ? edited.refused->message : ""));
    REQUIRE_FALSE(edited.refused.has_value());
    std::string out;
    for (const Rule& rule : parse_text(edited.files.front().text).rules.rules) {
        out += (out.empty() ? "" : " ") + rule.name + std::to_string(rule.priority);
    }
    return out;
}

// "a10 b": rules with and without priority, each under a comment.
std::string rules(const std::string& list) {
    std::string text = "schema = 1\n";
    for (const std::string& word : words_of(list)) {
        text += "\n# about " + word.substr(0, 1) + "\n[[rule]]\nname = \"" + word.substr(0, 1) +
                "\"\naction = \"count\"\n";
        text += word.size() > 1 ? "priority = " + word.substr(1) + "\n" : "";
    }
    return text;
}

} // namespace

TEST_CASE("rules without priorities move as text, with the comments above them") {
    const std::string text = rules("a b c d");
    const Edited before = insert(text, "rule c before a");
    CHECK(order(before) == "c10 a20 b30 d40");
    CHECK(before.summary == "moved rule c before a");
    CHECK(before.files.front().text == rules("c a b d"));
    CHECK(insert(text, "rule a after d").files.front().text == rules("b c d a"));
    CHECK(insert(text, "rule d before c").files.front().text == rules("a b d c"));
    CHECK(insert(text, "rule a after b").files.front().text == rules("b a c d"));
    CHECK(insert(text, "rule b before a").files.front().text == rules("b a c d"));
}

TEST_CASE("a rule with a priority gets one beside the other, and the change is told") {
    const Edited edited = insert(rules("a100 b200 c210"), "rule c before b");
    CHECK(order(edited) == "a100 c195 b200");
    CHECK(edited.summary == "priority of c: 210 -> 195");
    CHECK(order(insert(rules("a100 b200 c210"), "rule a after c")) == "b200 c210 a220");
    CHECK(order(insert(rules("a100 b103 c210"), "rule c before b")) == "a100 c101 b103");
    CHECK(order(insert(rules("a0 b9 c10"), "rule c before a")) == "c0 a1 b9");
    CHECK(order(insert(rules("a10 b2147483647"), "rule a after b")) == "b2147483646 a2147483647");
}

TEST_CASE("without a gap the neighbours make way, as few as possible") {
    const Edited edited = insert(rules("a1 b2 c3 d9 e20"), "rule e before b");
    CHECK(order(edited) == "a1 e2 b3 c4 d9");
    CHECK(edited.summary == "priority of e: 20 -> 2\npriority of b: 2 -> 3\npriority of c: 3 -> 4");
}

TEST_CASE("a rule that leans on the moved one keeps its place") {
    // b and d stand 10 behind the one before them in the file.
    const Edited edited = insert(rules("a100 b c50 d"), "rule a before c");
    CHECK(order(edited) == "a45 c50 d60 b110");
    CHECK(edited.summary == "priority of a: 100 -> 45\npriority of b: now written, 110 as before");
}

TEST_CASE("insert that changes nothing or cannot be says so") {
    const std::string text = rules("a b c");
    CHECK(insert(text, "rule a before b").summary == "a is already before b");
    CHECK(insert(text, "rule a before b").files.front().text == text);
    CHECK(insert(text, "rule a before x").refused->word == 3);
    CHECK(insert(text, "rule x before a").refused->word == 1);
    CHECK(insert(text, "rule a before a").refused->word == 3);
    CHECK(insert(text, "rule a behind b").refused->word == 2);
    CHECK(insert(text, "rule a").refused.has_value());
    CHECK(insert(text, "zone a before b").refused.has_value());
}
