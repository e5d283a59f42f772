// SPDX-License-Identifier: GPL-3.0-or-later
// The `flow_id` by which lines of the daemon's logs and of the inspector's are joined. Either makes
// it from the flow's tuple, so that nobody has to ask anybody. When it began is not part of it: the
// kernel's ticks and the inspector's clock never agree about that to the microsecond.
#pragma once

#include "rules/net.h"

namespace pc::protocol {

// Both directions of a flow give the same. Ports are 0 where there are none. Below 2^53, so that
// every JSON reader keeps it whole.
[[nodiscard]] uint64_t eve_flow_id(const Address& a, uint16_t port_a, const Address& b,
                                   uint16_t port_b, uint8_t proto);

} // namespace pc::protocol
