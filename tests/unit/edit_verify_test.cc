// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/edit_verify.h"

#include "rules/edit.h"
#include "rules/print.h"
#include "tests/support/random_rules.h"
#include "tests/support/rules_text.h"

using namespace pc;
using namespace pc::test;

namespace {

ReadFiles more_is(const std::string& text) {
    return [text](std::string_view, std::string_view) -> Result<std::vector<SourceFile>> {
        return std::vector<SourceFile>{{"more.toml", text}};
    };
}

std::string priorities(const RuleSet& rules) {
    std::string out;
    for (const Rule& rule : rules.rules) {
        out += (out.empty() ? "" : " ") + rule.name + std::to_string(rule.priority);
    }
    return out;
}

const std::string leaning = R"(schema = 1
[[rule]]
name = "a"
priority = 100
action = "count"
[[rule]]
name = "b"
action = "count"
[[rule]]
name = "c"
priority = 105
action = "count"
)";

} // namespace

TEST_CASE("an included file is edited where the rule stands") {
    const std::vector<SourceFile> files{
        {"main.toml", "schema = 1\ninclude = [\"more.toml\"]\n"},
        {"more.toml", "# more\n[[rule]]\nname = \"a\"\naction = \"drop\" # x\n"}};
    // What is on disk is older than the candidate.
    const Edited edited = edit_set(files, words_of("rule a action accept"), more_is("# old\n"));
    REQUIRE_FALSE(edited.refused.has_value());
    CHECK(edited.files[0] == files[0]);
    CHECK(edited.files[1].text == "# more\n[[rule]]\nname = \"a\"\naction = \"accept\" # x\n");
}

TEST_CASE("a new priority leaves those that lean on the rule where they were") {
    const Edited edited = edit_set({{"a", leaning}}, words_of("rule a priority 300"), more_is(""));
    REQUIRE_FALSE(edited.refused.has_value());
    CHECK(priorities(parse_text(edited.files[0].text).rules) == "c105 b110 a300");
    CHECK(edited.summary == "priority of b: now written, 110 as before");
}

TEST_CASE("deleting a rule writes priorities only where the order of the others would change") {
    const Edited edited = edit_delete({{"a", leaning}}, words_of("rule a"), more_is(""));
    REQUIRE_FALSE(edited.refused.has_value());
    CHECK(priorities(parse_text(edited.files[0].text).rules) == "c105 b110");
    const Edited last = edit_delete({{"a", leaning}}, words_of("rule c"), more_is(""));
    CHECK(last.summary.empty());
}

TEST_CASE("an old error elsewhere does not stand in the way, a new one does") {
    const std::string text =
        "schema = 1\n[[rule]]\nname = \"a\"\naction = \"dorp\"\n[[rule]]\nname "
        "= \"b\"\naction = \"drop\"\n";
    const Edited edited = edit_set({{"a", text}}, words_of("rule b dport 22"), more_is(""));
    CHECK_FALSE(edited.refused.has_value());
    const Edited mended = edit_set({{"a", text}}, words_of("rule a action drop"), more_is(""));
    CHECK_FALSE(mended.refused.has_value());
}

TEST_CASE("random rule sets: every rule can be edited, and the others mean what they meant") {
    RandomShape shape;
    shape.set_files = false;
    shape.out_rules = true;
    shape.states = true;
    for (uint64_t seed = 1; seed <= 12; ++seed) {
        const RuleSet rules = random_rules(seed, shape).rules;
        const std::vector<SourceFile> files{{"rules.toml", print_toml(rules)}};
        for (const Rule& rule : rules.rules) {
            const std::vector<std::string> words{"rule", rule.name, "note", "edited"};
            INFO("seed " << seed << " rule " << rule.name);
            const Edited edited = edit_set(files, words, more_is(""));
            CHECK_FALSE(edited.refused.has_value());
            const Edited deleted =
                edit_delete(files, std::vector<std::string>{"rule", rule.name}, more_is(""));
            CHECK_FALSE(deleted.refused.has_value());
        }
    }
}
