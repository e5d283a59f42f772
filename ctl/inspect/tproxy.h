// SPDX-License-Identifier: GPL-3.0-or-later
// Transparent sockets: listeners inside the inspector's own network namespace, which accept
// connections to any address, and connections onward from the host's namespace.
#pragma once

#include <cstdint>
#include <string>

#include <netinet/in.h>
#include <sys/socket.h>

#include "ctl/kern/fd.h"
#include "ctl/kern/map_store.h"
#include "rules/abi.h"
#include "rules/net.h"
#include "rules/result.h"

namespace pc::inspect {

struct Endpoint {
    Address address;
    uint16_t port = 0; // host order
};

struct Listeners {
    Fd tcp4, tcp6;
};

// Opens both in the namespace `netns_file`, and leaves the calling thread in its own. Only for a
// process that has one thread. `mark` is inherited by every accepted socket, so that TC knows its
// packets.
[[nodiscard]] Result<Listeners> listen_in_netns(const std::string& netns_file, uint32_t mark);

// From here on TC egress may divert flows to the listeners. The entries leave the map by themselves
// when the listeners are closed, however that happens.
[[nodiscard]] Result<void> publish(const Listeners& listeners, MapStore& listeners_map);

[[nodiscard]] Result<void> set_mark(int fd, uint32_t mark);

// A non-blocking connection in progress from the host's namespace.
[[nodiscard]] Result<Fd> connect_onward(const Endpoint& server, uint32_t mark);

// Of an accepted socket: whom the client wanted to reach, and who it seems to be.
[[nodiscard]] Result<Endpoint> local_end(int fd);
[[nodiscard]] Result<Endpoint> peer_end(int fd);

// close() will send RST and drop what is queued.
void reset_on_close(int fd);

} // namespace pc::inspect
