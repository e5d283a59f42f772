// SPDX-License-Identifier: GPL-3.0-or-later
// The sockets from which clients are answered in the name of servers. One for each family and port
// of servers, bound to no address: each answer says by which address it goes, so one descriptor
// serves all flows to that port. Bounded; the one that has been idle longest makes way.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <utility>

#include "ctl/inspect/netns_thread.h"
#include "ctl/inspect/tproxy.h"

namespace pc::inspect {

constexpr size_t reply_sockets_max = 256;

class ReplySockets {
public:
    // `thread` must outlive this.
    explicit ReplySockets(NetnsThread& thread) : thread_(&thread) {}

    // For answers in the name of `server`; lent until the next call.
    [[nodiscard]] Result<int> find(const Endpoint& server);

    [[nodiscard]] size_t size() const { return places_.size(); }

private:
    using Key = std::pair<Family, uint16_t>;

    struct Socket {
        Key key;
        Fd fd;
    };

    NetnsThread* thread_;
    std::list<Socket> sockets_; // the last one used in front
    std::map<Key, std::list<Socket>::iterator> places_;
};

} // namespace pc::inspect
