// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/maglev.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace pc::inspect {

namespace {

constexpr size_t servers_max = 256; // what a place can hold

// The finaliser of SplitMix64: every bit of the word changes about half of all bits.
uint64_t mixed(uint64_t word) {
    word += 0x9e3779b97f4a7c15ULL;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ULL;
    word = (word ^ word >> 27) * 0x94d049bb133111ebULL;
    return word ^ word >> 31;
}

uint64_t word_at(const std::array<uint8_t, 16>& bytes, size_t at) {
    uint64_t word = 0;
    for (size_t i = 0; i < sizeof(word); ++i) {
        word = word << 8 | bytes.at(at + i);
    }
    return word;
}

uint64_t hash_of(const Address& address, uint64_t seed) {
    uint64_t hash = mixed(seed + static_cast<uint64_t>(address.family));
    hash = mixed(hash ^ word_at(address.bytes, 0));
    return mixed(hash ^ word_at(address.bytes, 8));
}

// The order in which a server asks for places: place i is (offset + i * skip) mod the table.
struct Wishes {
    uint64_t at = 0;
    uint64_t skip = 1;
    uint32_t credit = 0;
};

} // namespace

std::vector<uint8_t> maglev_table(std::span<const MaglevServer> servers) {
    assert(servers.size() <= servers_max);
    if (servers.empty()) {
        return {};
    }
    // Those who ask first get more of what they wish for: the order must not be that of a file.
    std::vector<size_t> order(servers.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return servers[a].id < servers[b].id; });
    std::vector<Wishes> wishes;
    uint32_t heaviest = 1;
    for (const MaglevServer& server : servers) {
        wishes.push_back({mixed(server.id) % maglev_places,
                          mixed(server.id ^ UINT64_MAX) % (maglev_places - 1) + 1, 0});
        heaviest = std::max(heaviest, server.weight);
    }
    std::vector<uint8_t> table(maglev_places);
    std::vector<bool> taken(maglev_places);
    for (size_t left = maglev_places; left > 0;) {
        for (const size_t index : order) {
            Wishes& wish = wishes[index];
            wish.credit += servers[index].weight;
            if (wish.credit < heaviest) {
                continue; // a lighter server takes its turn less often
            }
            wish.credit -= heaviest;
            while (taken[wish.at]) {
                wish.at = (wish.at + wish.skip) % maglev_places;
            }
            taken[wish.at] = true;
            table[wish.at] = static_cast<uint8_t>(index);
            if (--left == 0) {
                break;
            }
        }
    }
    return table;
}

uint64_t server_id(const Address& address, uint16_t port) {
    return hash_of(address, mixed(port));
}

uint64_t client_key(const Address& client, const StickyPrefix& sticky) {
    Address prefix = client;
    const size_t length = client.family == Family::v4 ? sticky.ipv4 : sticky.ipv6;
    for (size_t bit = length; bit < prefix.bytes.size() * 8; ++bit) {
        prefix.bytes.at(bit / 8) &= static_cast<uint8_t>(~(0x80U >> bit % 8));
    }
    return hash_of(prefix, 0);
}

double rendezvous_score(uint64_t key, const MaglevServer& server) {
    constexpr int bits = 53; // of a double's fraction
    const uint64_t drawn = mixed(key ^ mixed(server.id)) >> (64 - bits);
    const double unit = (static_cast<double>(drawn) + 0.5) / static_cast<double>(1ULL << bits);
    return static_cast<double>(server.weight) / -std::log(unit);
}

} // namespace pc::inspect
