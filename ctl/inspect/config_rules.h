// SPDX-License-Identifier: GPL-3.0-or-later
// An [inspect.NAME] out of the daemon's JSON, whose values are the words of the rule file. Pure.
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "rules/inspect.h"
#include "rules/result.h"

namespace pc::inspect {

struct WrittenPolicy {
    Inspect inspect;
    std::vector<std::vector<AddressRange>> clients; // by rule
};

[[nodiscard]] Result<WrittenPolicy> read_policy(const nlohmann::json& json);

// Null for a member that is not there.
[[nodiscard]] const nlohmann::json& member(const nlohmann::json& object, const char* name);
[[nodiscard]] Result<std::string> text(const nlohmann::json& value, std::string_view what);
// 0 for a member that is not there.
[[nodiscard]] Result<uint64_t> number(const nlohmann::json& object, const char* name, uint64_t max);

} // namespace pc::inspect
