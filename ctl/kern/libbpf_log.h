// SPDX-License-Identifier: GPL-3.0-or-later
// What libbpf and libxdp would print to stderr is kept here instead, so that it can become part of
// an Error: the reason for a failed attach is often only in these lines.
#pragma once

#include "rules/result.h"

namespace pc {

// From now on both libraries are silent. May be called again.
void capture_library_log();

// The last lines since the previous call, joined by "; "; may be empty.
[[nodiscard]] std::string take_library_log();

// `result` as libbpf and libxdp return it: a negative errno (or -1 with errno set). The message is
// "what: reason (what the library said)".
[[nodiscard]] Error library_error(int result, std::string what);

// For plain system calls; reads errno, so call it at once.
[[nodiscard]] Error system_error(std::string what);

} // namespace pc
