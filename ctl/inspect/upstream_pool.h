// SPDX-License-Identifier: GPL-3.0-or-later
// The servers of one [inspect.*.upstream], as flows see them: which one a client gets, and what
// they tell of it.
//
// A pool is made by each commit and never changes, so workers read it without a lock. What lives on
// from pool to pool, because the server does, is in Server: atomics, written by all workers and by
// the supervisor, who checks. Each stands for itself, so relaxed order is enough.
#pragma once

#include <atomic>
#include <bitset>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ctl/inspect/maglev.h"
#include "ctl/inspect/socket_address.h"
#include "rules/upstream.h"

namespace pc::inspect {

struct Server {
    Endpoint endpoint;
    std::atomic<bool> up{true};             // stored false by anyone, true by the supervisor alone
    std::atomic<uint32_t> failed_in_row{0}; // connections of flows
    std::atomic<uint64_t> active{0};        // flows of all workers
    std::atomic<uint64_t> chosen{0};
    std::atomic<uint64_t> failed{0};
};

struct PoolMember {
    std::shared_ptr<Server> server;
    uint32_t weight = 1;
    bool drains = false;
};

using MaglevTable = std::vector<uint8_t>;
using TriedServers = std::bitset<upstream_servers_max>; // by their place in the pool

struct UpstreamPool {
    Upstream settings;
    std::vector<PoolMember> members; // settings.servers[i] is members[i]
    std::vector<MaglevServer> weighed;
    std::shared_ptr<const MaglevTable> table; // over all members, whatever their state
};

using PoolPtr = std::shared_ptr<const UpstreamPool>;

// `before`, which may be null, gives the servers that stay, and the table where nothing in it
// changed: to make one takes milliseconds.
[[nodiscard]] PoolPtr make_pool(const Upstream& settings, const UpstreamPool* before);

// None if no server is up, not draining and not tried yet. `dice` chooses among servers that are
// loaded alike. Takes no notice of the choice.
[[nodiscard]] std::optional<size_t> choose_server(const UpstreamPool& pool, const Address& client,
                                                  const TriedServers& tried, uint64_t dice);

// Where one flow goes. Counts as one of the server's flows while it lives.
class UpstreamUse {
public:
    UpstreamUse() = default;

    ~UpstreamUse() { leave(); }

    UpstreamUse(const UpstreamUse&) = delete;
    UpstreamUse& operator=(const UpstreamUse&) = delete;

    // Null: the original destination is the only server.
    void begin(PoolPtr pool) { pool_ = std::move(pool); }

    // The server to try now, each at most once; none if there is no more.
    [[nodiscard]] std::optional<Endpoint> next(const Address& client, const Endpoint& original,
                                               uint64_t dice);

    // Whether the connection that next() asked for stands. A fault of our own is no fault of the
    // server's.
    void connected();
    void failed();

    [[nodiscard]] bool wants_proxy_header() const;

    [[nodiscard]] const Server* server() const { return server_.get(); } // null: the original one

    [[nodiscard]] std::optional<uint32_t> timeout_ms() const;

private:
    void leave();

    PoolPtr pool_;
    std::shared_ptr<Server> server_;
    TriedServers tried_;
    bool original_tried_ = false;
};

} // namespace pc::inspect
