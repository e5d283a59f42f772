// SPDX-License-Identifier: GPL-3.0-or-later
// Names that rules, sets and inspectors refer to: whether something defines them.
#pragma once

#include "rules/contents.h"

namespace pc {

// Rules ask what a dynamic set holds as packets come; everywhere else a list is read at a commit.
enum class DynamicNames : uint8_t { refused, allowed };

// What is wrong with naming this set where a set of `wanted` is expected.
[[nodiscard]] std::optional<Diagnostic>
check_set_name(const RuleSet& rules, const Contents& contents, std::string_view name,
               SetType wanted, const Location& at, DynamicNames dynamic = DynamicNames::refused);

// E021, E022, E024, E025 of the whole rule set; E026: @management without [host].management.
void check_names(const RuleSet& rules, const Contents& contents, Diagnostics& diagnostics);

} // namespace pc
