// SPDX-License-Identifier: GPL-3.0-or-later
// Any text as a rule file: parse, check, render, compile and print it. Nothing may crash, and what
// parses without an error must print to a file that parses without an error again.
#include <cstdlib>

#include "rules/check.h"
#include "rules/parse.h"
#include "rules/print.h"

namespace {

pc::Parsed parse_text(std::string text) {
    const pc::ReadFiles no_files = [](std::string_view,
                                      std::string_view) -> pc::Result<std::vector<pc::SourceFile>> {
        return pc::Error{2, "no files here"};
    };
    return pc::parse(pc::SourceFile{"fuzz.toml", std::move(text)}, no_files);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    pc::Parsed parsed = parse_text(std::string(reinterpret_cast<const char*>(bytes), size));
    const pc::Environment environment;
    if (!parsed.diagnostics.has_errors()) {
        pc::check(parsed.rules, environment, parsed.diagnostics);
    }
    pc::sort(parsed.diagnostics);
    (void)pc::render(parsed.diagnostics, parsed.rules.files,
                     "end"); // ignoring: only must not crash
    if (parsed.diagnostics.has_errors()) {
        return 0;
    }
    const auto plan = pc::compile(parsed.rules, environment, {});
    if (plan.ok()) {
        (void)pc::print_plan(plan.value()); // ignoring: only must not crash
    }
    const pc::Parsed again = parse_text(pc::print_toml(parsed.rules));
    if (again.diagnostics.has_errors() || !pc::compare(parsed.rules, again.rules).empty()) {
        std::abort();
    }
    return 0;
}
