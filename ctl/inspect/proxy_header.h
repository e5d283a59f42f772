// SPDX-License-Identifier: GPL-3.0-or-later
// The PROXY protocol, version 2, as HAProxy's proxy-protocol.txt has it (section 2.2): what stands
// before the client's bytes on the connection to a server. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "ctl/inspect/socket_address.h"

namespace pc::inspect {

// A TCP connection of `client` to `server`, the ends of the client's own connection: they are of
// one family, whatever that of the connection onward is.
[[nodiscard]] std::vector<std::byte> proxy_header(const Endpoint& client, const Endpoint& server);

// A connection of our own, such as a health check (LOCAL): the server must not ask whose it is.
[[nodiscard]] std::vector<std::byte> proxy_header_of_own();

} // namespace pc::inspect
