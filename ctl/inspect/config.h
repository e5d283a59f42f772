// SPDX-License-Identifier: GPL-3.0-or-later
// What the daemon tells the inspector: which inspect id means what. From JSON text, pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include <nlohmann/json.hpp>

#include "ctl/inspect/policy.h"
#include "rules/result.h"

namespace pc::inspect {

struct InspectConfig {
    std::string name;
    Policy policy;
    uint64_t flows_max = 0; // 0: only the program's own limit
};

struct Config {
    uint64_t revision = 0;
    uint32_t bypass_mark = 0; // never 0 in a parsed one
    std::unordered_map<uint32_t, InspectConfig> inspects;
    std::unordered_map<uint32_t, std::string> rules; // names, for the log
};

// Unknown members are allowed, so that an older inspector understands a newer daemon.
[[nodiscard]] Result<Config> parse_config(const nlohmann::json& json);
[[nodiscard]] Result<Config> parse_config(std::string_view text);
[[nodiscard]] Result<Config> read_config(const std::string& path);

} // namespace pc::inspect
