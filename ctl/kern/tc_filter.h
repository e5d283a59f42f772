// SPDX-License-Identifier: GPL-3.0-or-later
// One program at the clsact hook of an interface, under a fixed handle and priority. (Links for TC
// programs came with kernel 6.6; this works on 6.1.) The filter stays when the process ends.
#pragma once

#include <cstdint>

#include "rules/result.h"

namespace pc {

enum class TcDirection : uint8_t { ingress, egress };

// Id of the program under our handle and priority; 0: none.
[[nodiscard]] Result<uint32_t> tc_program(uint32_t ifindex, TcDirection direction);

// Puts the program there, or in the place of the one that is there, without a gap.
[[nodiscard]] Result<void> attach_tc(uint32_t ifindex, TcDirection direction, int program_fd);

// Removes the filter; the clsact qdisc too if no filter of anybody is left on it.
[[nodiscard]] Result<void> detach_tc(uint32_t ifindex, TcDirection direction);

} // namespace pc
