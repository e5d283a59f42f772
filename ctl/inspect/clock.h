// SPDX-License-Identifier: GPL-3.0-or-later
// The clock of the kernel's programs, and the pulse of the event loops.
#pragma once

#include <cstdint>

#include "ctl/kern/fd.h"
#include "rules/result.h"

namespace pc::inspect {

[[nodiscard]] uint64_t monotonic_ns();

// A timerfd that is due every 100 ms.
[[nodiscard]] Result<Fd> open_pulse();

// Takes what has come of it.
void take_pulse(const Fd& pulse);

} // namespace pc::inspect
