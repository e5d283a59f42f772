// SPDX-License-Identifier: GPL-3.0-or-later
// Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4): a table that gives every key a server,
// each server its share by weight, and that changes little when a server comes or goes. Pure.
//
// Nothing in it is random: two routers with the same servers send the same client to the same one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rules/net.h"
#include "rules/upstream.h"

namespace pc::inspect {

// A prime, as the permutations need, far above 100 times the servers, so that shares are even.
inline constexpr size_t maglev_places = 65537;

struct MaglevServer {
    uint64_t id = 0;     // by what the server is, not by its place in a list
    uint32_t weight = 1; // 1 to upstream_weight_max

    bool operator==(const MaglevServer&) const = default;
};

// Each place holds an index of `servers`, of which there are at most 256. Empty if there is none.
[[nodiscard]] std::vector<uint8_t> maglev_table(std::span<const MaglevServer> servers);

[[nodiscard]] uint64_t server_id(const Address& address, uint16_t port);

// The same for all clients of one prefix.
[[nodiscard]] uint64_t client_key(const Address& client, const StickyPrefix& sticky);

// For a key whose server is not to be had: the highest of these has it then, so that the clients of
// one server spread over the others by weight, and nobody else's server changes (weighted
// rendezvous hashing). Above 0.
[[nodiscard]] double rendezvous_score(uint64_t key, const MaglevServer& server);

} // namespace pc::inspect
