// SPDX-License-Identifier: GPL-3.0-or-later
// Transparent sockets: listeners inside the inspector's own network namespace, which take
// connections and datagrams to any address, and sockets onward from the host's namespace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ctl/inspect/socket_address.h"
#include "ctl/kern/fd.h"
#include "ctl/kern/map_store.h"
#include "rules/abi.h"
#include "rules/result.h"

namespace pc::inspect {

// Of one worker.
struct Listeners {
    Fd tcp4, tcp6, udp4, udp6;
    Fd peek; // frames of connections that are only looked at
};

[[nodiscard]] Result<Fd> open_netns(const std::string& netns_file);

// Opens them in the namespace `netns_file`, and leaves the calling thread in its own. Only for a
// process that has one thread. `mark` is inherited by every accepted socket, so that TC knows its
// packets. Those in `kept` are taken instead of new ones, where they are of that namespace.
[[nodiscard]] Result<std::vector<Listeners>> listen_in_netns(const std::string& netns_file,
                                                             uint32_t mark, size_t workers,
                                                             std::vector<Listeners>& kept);

// From here on TC egress may divert flows to the listeners. The entries leave the map by themselves
// when the listeners are closed, however that happens.
[[nodiscard]] Result<void> publish(const Listeners& listeners, size_t worker,
                                   MapStore& listeners_map);

[[nodiscard]] Result<void> set_mark(int fd, uint32_t mark);

// A non-blocking connection in progress from the host's namespace.
[[nodiscard]] Result<Fd> connect_onward(const Endpoint& server, uint32_t mark);

// A connected UDP socket in the host's namespace: it takes nothing but the server's answers, and
// hears of ICMP errors.
[[nodiscard]] Result<Fd> connect_datagrams(const Endpoint& server, uint32_t mark);

// For answers in the name of any address, from one port; in the namespace of the calling thread. It
// is never connected: between bind and connect it could take datagrams of other clients.
[[nodiscard]] Result<Fd> open_reply_socket(Family family, uint16_t port);

// Of an accepted socket: whom the client wanted to reach, and who it seems to be.
[[nodiscard]] Result<Endpoint> local_end(int fd);
[[nodiscard]] Result<Endpoint> peer_end(int fd);

// close() will send RST and drop what is queued.
void reset_on_close(int fd);

} // namespace pc::inspect
