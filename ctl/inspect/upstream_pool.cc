// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/upstream_pool.h"

#include <algorithm>

namespace pc::inspect {

namespace {

constexpr auto relaxed = std::memory_order_relaxed;

std::shared_ptr<Server> server_at(const Endpoint& endpoint, const UpstreamPool* before) {
    for (const PoolMember& member :
         before != nullptr ? before->members : std::vector<PoolMember>()) {
        if (member.server->endpoint == endpoint) {
            return member.server;
        }
    }
    auto server = std::make_shared<Server>();
    server->endpoint = endpoint;
    return server;
}

bool is_usable(const UpstreamPool& pool, size_t index, const TriedServers& tried) {
    const PoolMember& member = pool.members[index];
    return member.server->up.load(relaxed) && !member.drains && !tried.test(index);
}

std::optional<size_t> choose_by_client(const UpstreamPool& pool, const Address& client,
                                       const TriedServers& tried) {
    const uint64_t key = client_key(client, pool.settings.sticky);
    const size_t first = (*pool.table)[key % pool.table->size()];
    if (is_usable(pool, first, tried)) {
        return first;
    }
    std::optional<size_t> best;
    double best_score = 0;
    for (size_t i = 0; i < pool.members.size(); ++i) {
        const double score = is_usable(pool, i, tried) ? rendezvous_score(key, pool.weighed[i]) : 0;
        if (score > best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

// Flows per weight. Of servers that have equally many the dice choose, by weight: were it the first
// of the list, it would get all flows that are over before the next one comes.
std::optional<size_t> choose_by_load(const UpstreamPool& pool, const TriedServers& tried,
                                     uint64_t dice) {
    std::optional<size_t> chosen;
    uint64_t chosen_active = 0;
    uint64_t weights = 0; // of all that are loaded as the chosen one is
    for (size_t i = 0; i < pool.members.size(); ++i) {
        if (!is_usable(pool, i, tried)) {
            continue;
        }
        const PoolMember& member = pool.members[i];
        const uint64_t active = member.server->active.load(relaxed);
        const uint64_t ours = chosen ? active * pool.members[*chosen].weight : 0;
        const uint64_t theirs = chosen_active * member.weight;
        if (!chosen || ours < theirs) {
            weights = 0;
        } else if (ours > theirs) {
            continue;
        }
        weights += member.weight;
        // The n-th of them replaces the one before with its share of the weights so far.
        dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
        if (weights == member.weight || (dice >> 33) % weights < member.weight) {
            chosen = i;
            chosen_active = active;
        }
    }
    return chosen;
}

} // namespace

PoolPtr make_pool(const Upstream& settings, const UpstreamPool* before) {
    auto pool = std::make_shared<UpstreamPool>();
    pool->settings = settings;
    for (const UpstreamServer& server : settings.servers) {
        const Endpoint endpoint{server.address, server.port};
        pool->members.push_back({server_at(endpoint, before), server.weight, server.drains});
        pool->weighed.push_back({server_id(server.address, server.port), server.weight});
    }
    pool->table = before != nullptr && before->weighed == pool->weighed
                      ? before->table
                      : std::make_shared<const MaglevTable>(maglev_table(pool->weighed));
    return pool;
}

std::optional<size_t> choose_server(const UpstreamPool& pool, const Address& client,
                                    const TriedServers& tried, uint64_t dice) {
    if (pool.members.empty()) {
        return std::nullopt;
    }
    switch (pool.settings.balance) {
    case Upstream::Balance::maglev:
        return choose_by_client(pool, client, tried);
    case Upstream::Balance::least_connections:
        return choose_by_load(pool, tried, dice);
    }
    return std::nullopt;
}

std::optional<Endpoint> UpstreamUse::next(const Address& client, const Endpoint& original,
                                          uint64_t dice) {
    leave();
    if (pool_) {
        if (const auto index = choose_server(*pool_, client, tried_, dice)) {
            tried_.set(*index);
            server_ = pool_->members[*index].server;
            server_->active.fetch_add(1, relaxed);
            server_->chosen.fetch_add(1, relaxed);
            return server_->endpoint;
        }
        if (!pool_->settings.none_passes) {
            return std::nullopt;
        }
    }
    return std::exchange(original_tried_, true) ? std::nullopt : std::optional(original);
}

void UpstreamUse::connected() {
    if (server_ && server_->failed_in_row.load(relaxed) != 0) {
        server_->failed_in_row.store(0, relaxed);
    }
}

void UpstreamUse::failed() {
    if (!server_) {
        return;
    }
    server_->failed.fetch_add(1, relaxed);
    const uint32_t in_row = server_->failed_in_row.fetch_add(1, relaxed) + 1;
    const uint32_t fall = pool_->settings.health.passive_fall;
    if (fall != 0 && in_row >= fall) {
        server_->up.store(false, relaxed);
    }
}

bool UpstreamUse::wants_proxy_header() const {
    return server_ != nullptr && pool_->settings.proxy_protocol;
}

std::optional<uint32_t> UpstreamUse::timeout_ms() const {
    return server_ ? std::optional(pool_->settings.connect_timeout_ms) : std::nullopt;
}

void UpstreamUse::leave() {
    if (const auto server = std::exchange(server_, nullptr)) {
        server->active.fetch_sub(1, relaxed);
    }
}

} // namespace pc::inspect
