// SPDX-License-Identifier: GPL-3.0-or-later
// Gives up what the inspector needs only while it starts. What is left, CAP_NET_ADMIN, is what
// SO_MARK asks for on every connection onward.
#pragma once

#include <string>

#include "rules/result.h"

namespace pc::inspect {

// `user`: whom to become; empty to stay.
[[nodiscard]] Result<void> drop_privileges(const std::string& user);

// Raises RLIMIT_NOFILE as far as it goes, up to `wanted`, and says how far that was.
[[nodiscard]] Result<size_t> raise_descriptor_limit(size_t wanted);

} // namespace pc::inspect
