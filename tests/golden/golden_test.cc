// SPDX-License-Identifier: GPL-3.0-or-later
// Each CASE.toml of this folder: its diagnostics as CASE.err (if there are any), its plan as
// CASE.plan and its canonical form as CASE.canon (if it has no errors).
//   golden_test --folder DIR [--update]
#define CATCH_CONFIG_RUNNER
#include "tests/support/golden.h"

#include <catch2/catch.hpp>

#include "ctl/files/files.h"
#include "rules/check.h"
#include "rules/parse.h"
#include "rules/plan.h"
#include "rules/print.h"

namespace {

pc::golden::Mode mode = pc::golden::Mode::compare;

pc::AddressRange prefix(std::string_view text) {
    return pc::range_of(pc::parse_prefix(text).prefix);
}

// A router that never changes.
pc::Environment environment() {
    pc::Environment environment;
    environment.self = {prefix("192.168.10.1"), prefix("198.51.100.2"), prefix("2001:db8:10::1")};
    environment.local = {prefix("192.168.10.0/24"), prefix("198.51.100.0/24"),
                         prefix("2001:db8:10::/64")};
    environment.today = pc::Date{2026, 10, 1};
    return environment;
}

pc::Parsed parse_and_check(pc::SourceFile file) {
    pc::Parsed parsed = pc::parse(std::move(file), pc::files::reader());
    pc::check(parsed.rules, environment(), parsed.diagnostics);
    pc::sort(parsed.diagnostics);
    return parsed;
}

void check_plan(const std::string& name, const pc::Parsed& parsed) {
    std::optional<std::string> plan;
    std::optional<std::string> canon;
    if (!parsed.diagnostics.has_errors()) {
        const auto compiled = pc::compile(parsed.rules, environment(), {});
        REQUIRE(compiled.ok());
        plan = pc::print_plan(compiled.value());
        canon = pc::print_toml(parsed.rules);
    }
    CHECK(pc::golden::check(name + ".plan", plan, mode) == "");
    CHECK(pc::golden::check(name + ".canon", canon, mode) == "");
    if (canon) {
        const pc::Parsed again = parse_and_check({name + ".canon", *canon});
        CHECK_FALSE(again.diagnostics.has_errors());
        CHECK(pc::compare(parsed.rules, again.rules) == std::vector<std::string>{});
        CHECK(pc::print_toml(again.rules) == *canon);
    }
}

} // namespace

TEST_CASE("every golden case prints what it printed") {
    const std::vector<std::string> names = pc::golden::cases();
    REQUIRE(names.size() >= 70);
    for (const std::string& name : names) {
        DYNAMIC_SECTION(name) {
            const auto text = pc::golden::read(name + ".toml");
            REQUIRE(text);
            const pc::Parsed parsed = parse_and_check({name + ".toml", *text});
            std::optional<std::string> printed;
            if (!parsed.diagnostics.list.empty()) {
                printed = pc::render(parsed.diagnostics, parsed.rules.files, "nothing was changed");
            }
            CHECK(pc::golden::check(name + ".err", printed, mode) == "");
            check_plan(name, parsed);
        }
    }
}

int main(int argc, char** argv) {
    Catch::Session session;
    bool update = false;
    std::string folder = ".";
    session.cli(session.cli() | Catch::clara::Opt(update)["--update"]("rewrite the golden files") |
                Catch::clara::Opt(folder, "folder")["--folder"]("where the cases are"));
    if (const int status = session.applyCommandLine(argc, argv); status != 0) {
        return status;
    }
    mode = update ? pc::golden::Mode::update : pc::golden::Mode::compare;
    std::filesystem::current_path(folder);
    return session.run();
}
