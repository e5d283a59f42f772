// SPDX-License-Identifier: GPL-3.0-or-later
// A rule file's [inspect.*] as the inspector gets to see it: for tests of Catch2.
#pragma once

#include <filesystem>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "ctl/daemon/inspection.h"
#include "ctl/inspect/config.h"
#include "rules/check.h"
#include "rules/parse.h"
#include "rules/plan.h"

namespace pc::test {

inline pc::RuleSet parsed(const std::string& text) {
    const auto none = [](std::string_view,
                         std::string_view) -> pc::Result<std::vector<pc::SourceFile>> {
        return std::vector<pc::SourceFile>{};
    };
    pc::Parsed parsed = pc::parse({"rules.toml", "schema = 1\n" + text}, none);
    pc::check(parsed.rules, {}, parsed.diagnostics);
    INFO(pc::render(parsed.diagnostics, parsed.rules.files, ""));
    REQUIRE_FALSE(parsed.diagnostics.has_errors());
    return parsed.rules;
}

// The way that a configuration takes from the rule file to the inspector.
inline pc::inspect::Config carried(const pc::RuleSet& rules) {
    const auto plan = pc::compile(rules, {}, {});
    REQUIRE(plan.ok());
    const std::string folder =
        (std::filesystem::temp_directory_path() / ("portcullis-names-" + std::to_string(getpid())))
            .string();
    std::filesystem::create_directories(folder);
    const pc::daemon::NameFiles files = pc::daemon::name_files(rules, plan.value());
    REQUIRE(pc::daemon::write_name_files(folder, files).ok());
    const auto json = pc::daemon::inspect_object(plan.value(), files, {}, 1, 1);
    pc::Result<pc::inspect::Config> config =
        pc::inspect::parse_config(json, pc::inspect::sets_in(folder, {}));
    std::filesystem::remove_all(folder);
    INFO((config.ok() ? "" : config.error().message));
    REQUIRE(config.ok());
    return config.take();
}

} // namespace pc::test
