// SPDX-License-Identifier: GPL-3.0-or-later
// Typed reading of a request's parameters. Whoever sends another type gets an error that names it.
#pragma once

#include <vector>

#include "ctl/protocol/protocol.h"
#include "rules/diagnostic.h"

namespace pc::daemon {

using protocol::Json;

// A missing parameter (or null) gives the empty value.
[[nodiscard]] Result<std::string> text_parameter(const Json& parameters, const char* name);
[[nodiscard]] Result<std::optional<uint64_t>> number_parameter(const Json& parameters,
                                                               const char* name);
[[nodiscard]] Result<bool> flag_parameter(const Json& parameters, const char* name);
[[nodiscard]] Result<std::vector<std::string>> texts_parameter(const Json& parameters,
                                                               const char* name);

// [{"path": ..., "text": ...}]; none: not given.
[[nodiscard]] Result<std::optional<std::vector<SourceFile>>> files_parameter(const Json& parameters,
                                                                             const char* name);

[[nodiscard]] Json files_as_json(const std::vector<SourceFile>& files);

} // namespace pc::daemon
