// SPDX-License-Identifier: GPL-3.0-or-later
// The servers of an inspect, out of the daemon's JSON.
#pragma once

#include <optional>

#include <nlohmann/json.hpp>

#include "rules/result.h"
#include "rules/upstream.h"

namespace pc::inspect {

// None for null: the inspect has none. What is left out has its default; servers that cannot be, or
// more than fit, are an error.
[[nodiscard]] Result<std::optional<Upstream>> read_upstream(const nlohmann::json& json);

} // namespace pc::inspect
