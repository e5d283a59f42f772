// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/reply_sockets.h"

namespace pc::inspect {

Result<int> ReplySockets::find(const Endpoint& server) {
    const Key key{server.address.family, server.port};
    if (const auto found = places_.find(key); found != places_.end()) {
        sockets_.splice(sockets_.begin(), sockets_, found->second);
        return found->second->fd.get();
    }
    Fd fd = TRY(thread_->make([&] { return open_reply_socket(key.first, key.second); }));
    if (sockets_.size() == reply_sockets_max) {
        places_.erase(sockets_.back().key);
        sockets_.pop_back();
    }
    sockets_.push_front({key, std::move(fd)});
    places_[key] = sockets_.begin();
    return sockets_.front().fd.get();
}

} // namespace pc::inspect
