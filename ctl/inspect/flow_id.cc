// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/flow_id.h"

#include <array>
#include <cstring>

namespace pc::inspect {

namespace {

uint64_t mixed(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    return hash ^ (hash >> 29);
}

uint64_t mixed(uint64_t hash, const Endpoint& endpoint) {
    std::array<uint64_t, 2> words{};
    static_assert(sizeof(words) == sizeof(endpoint.address.bytes));
    memcpy(words.data(), endpoint.address.bytes.data(), sizeof(words));
    return mixed(mixed(mixed(hash, words[0]), words[1]), endpoint.port);
}

} // namespace

size_t FlowIdHash::operator()(const FlowId& id) const {
    return mixed(mixed(seed, id.client), id.server);
}

} // namespace pc::inspect
