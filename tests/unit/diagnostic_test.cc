// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/diagnostic.h"

#include <catch2/catch.hpp>

using namespace pc;

namespace {

Diagnostic error_at(Location at, std::string message = "wrong") {
    return {Severity::error, "E099", at, std::move(message), {}, {}};
}

std::string rendered(const std::string& text, Location at) {
    Diagnostics diagnostics;
    diagnostics.add(error_at(at));
    return render(diagnostics, {{"a.toml", text}}, "");
}

} // namespace

TEST_CASE("a diagnostic shows place, line, carets, notes and help") {
    Diagnostics diagnostics;
    diagnostics.add(
        {Severity::error, "E012", {0, 2, 1, 2, 5}, "unknown key 'dprot'", {{"a note"}}, "a help"});
    diagnostics.add({Severity::warning, "W110", {0, 1, 1, 0, 0}, "not used", {}, {}});
    CHECK(render(diagnostics, {{"rules.toml", "first\ndprot = 22\n"}}, "nothing was changed") ==
          "rules.toml:2:1-5: error[E012]: unknown key 'dprot'\n"
          "dprot = 22\n"
          "^^^^^\n"
          "note: a note\n"
          "help: a help\n"
          "\n"
          "rules.toml:1:1: warning[W110]: not used\n"
          "\n"
          "1 error, 1 warning; nothing was changed\n");
}

TEST_CASE("no diagnostics, no text") {
    CHECK(render({}, {}, "nothing was changed").empty());
}

TEST_CASE("carets stand under tabs and letters of many bytes") {
    CHECK(rendered("\tx\t= 5", {0, 1, 6, 1, 6}) ==
          "a.toml:1:6-6: error[E099]: wrong\n\tx\t= 5\n\t \t  ^\n\n1 error\n");
    CHECK(rendered("\"\xc3\xbc\xc3\xbc\" 5", {0, 1, 8, 1, 8})
              .find("\"\xc3\xbc\xc3\xbc\" 5\n     ^\n") != std::string::npos);
}

TEST_CASE("nothing in a file reaches the terminal as control characters") {
    const std::string text = rendered("a\x1b[31m = \x7f", {0, 1, 1, 1, 1});
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find('\x7f') == std::string::npos);
}

TEST_CASE("places that are not there do no harm") {
    for (const Location at :
         {Location{0, 9, 1, 9, 5}, Location{0, 1, 50, 1, 60}, Location{7, 1, 1, 1, 1},
          Location{0, 0, 0, 0, 0}, Location{0, 1, 3, 4, 1}, Location{0, 1, 3, 1, 1}}) {
        CHECK_FALSE(rendered("short", at).empty());
    }
    CHECK_FALSE(rendered("", {0, 1, 1, 1, 1}).empty());
    CHECK(rendered("x = [\n1,\n]", {0, 1, 5, 3, 1}).find("a.toml:1:5: error") == 0);
}

TEST_CASE("of a long line only the part around the place is shown") {
    const std::string text =
        rendered(std::string(5000, 'x') + "!" + std::string(5000, 'y'), {0, 1, 5001, 1, 5001});
    CHECK(text.size() < 500);
    CHECK(text.find('!') != std::string::npos);
    const size_t line = text.find('\n') + 1;
    const size_t carets = text.find('\n', line) + 1;
    CHECK(text.find('^') - carets == text.find('!') - line);
}

TEST_CASE("errors and warnings are capped apart") {
    Diagnostics diagnostics;
    for (uint32_t i = 0; i < 60; ++i) {
        diagnostics.add({Severity::warning, "W110", {0, i, 1, 0, 0}, "", {}, {}});
    }
    CHECK_FALSE(diagnostics.has_errors());
    CHECK(diagnostics.truncated);
    diagnostics.add(error_at({}));
    CHECK(diagnostics.has_errors());
    CHECK(diagnostics.list.size() == diagnostics_max + 1);
    CHECK(render(diagnostics, {}, "x").find("1 error, 50 warnings and more, not shown; x") !=
          std::string::npos);
}

TEST_CASE("diagnostics are sorted by file, line and column") {
    Diagnostics diagnostics;
    for (const Location at : {Location{1, 1, 1, 0, 0}, Location{0, 5, 1, 0, 0},
                              Location{0, 2, 9, 0, 0}, Location{0, 2, 3, 0, 0}}) {
        diagnostics.add(error_at(at));
    }
    sort(diagnostics);
    CHECK(diagnostics.list[0].at.col == 3);
    CHECK(diagnostics.list[1].at.col == 9);
    CHECK(diagnostics.list[2].at.line == 5);
    CHECK(diagnostics.list[3].at.file == 1);
}

TEST_CASE("a place is a file and a line") {
    CHECK(place({0, 7, 1, 0, 0}, {{"x.toml", ""}}) == "x.toml:7");
    CHECK(place({0, 0, 0, 0, 0}, {{"x.toml", ""}}) == "x.toml");
    CHECK(place({3, 7, 1, 0, 0}, {}) == ":7");
}

TEST_CASE("what was meant is what is nearest") {
    using Words = std::vector<std::string>;
    const Words keys{"src", "dst", "sport", "dport", "proto", "action", "priority"};
    CHECK(did_you_mean("dprot", keys) == Words{"dport"});
    CHECK(did_you_mean("actoin", keys) == Words{"action"});
    CHECK(did_you_mean("DPORT", keys) == Words{"dport"});
    CHECK(did_you_mean("srx", keys) == Words{"src"});
    CHECK(did_you_mean("xyx", keys).empty());
    CHECK(did_you_mean("prio", keys) == Words{"priority"});
    CHECK(did_you_mean("p", {"port", "proto"}).empty());
    CHECK(did_you_mean("", keys).empty());
    CHECK(did_you_mean("bad-net", {"bad-nets", "bad-netz", "bad-nett", "bad-netx"}).size() == 3);
    CHECK(did_you_mean(std::string(1000, 'x'), keys).empty());
}
