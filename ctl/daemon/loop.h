// SPDX-License-Identifier: GPL-3.0-or-later
// The event loop of portcullisd: control socket, signals, interfaces, events of the kernel, the
// clock.
#pragma once

#include "ctl/daemon/options.h"

namespace pc::daemon {

// Until SIGTERM or SIGINT. What is attached stays attached.
[[nodiscard]] Result<void> run(const Options& options);

// Ends all filtering: programs, pins, the inspector's network namespace.
[[nodiscard]] Result<void> detach(const Options& options);

} // namespace pc::daemon
