// SPDX-License-Identifier: GPL-3.0-or-later
// Gives up what the inspector needs only while it starts. What is left, CAP_NET_ADMIN, is what
// SO_MARK asks for on every connection onward.
#pragma once

#include <string>

#include "rules/result.h"

namespace pc::inspect {

// Becomes `user` (empty: stays) and keeps CAP_NET_ADMIN and CAP_SYS_ADMIN. For a process that still
// has one thread.
[[nodiscard]] Result<void> drop_privileges(const std::string& user);

// Of the calling thread and those that it makes later: gives up CAP_SYS_ADMIN too, once it is in
// the network namespace in which it stays.
[[nodiscard]] Result<void> keep_only_net_admin();

// Raises RLIMIT_NOFILE as far as it goes, up to `wanted`, and says how far that was.
[[nodiscard]] Result<size_t> raise_descriptor_limit(size_t wanted);

} // namespace pc::inspect
