// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/diff.h"

#include <algorithm>
#include <cstring>

namespace pc {

namespace {

template <typename T>
std::vector<uint8_t> bytes_of_value(const T& value) {
    std::vector<uint8_t> bytes(sizeof(T));
    std::memcpy(bytes.data(), &value, sizeof(T));
    return bytes;
}

template <typename T>
bool same(const T& left, const T& right) {
    return std::memcmp(&left, &right, sizeof(T)) == 0;
}

// One array map: what is at index i now, if it is known, and what shall be.
template <typename T>
void put_array(std::vector<MapOperation>& operations, MapName map, size_t first,
               const std::vector<T>* before, const std::vector<T>& after) {
    for (size_t i = first; i < after.size(); i++) {
        if (before != nullptr && i < before->size() && same((*before)[i], after[i])) {
            continue;
        }
        operations.push_back({.map = map,
                              .kind = MapOperation::Kind::put,
                              .key = bytes_of_value(static_cast<uint32_t>(i)),
                              .value = bytes_of_value(after[i])});
    }
}

pc_addr_key key_of(const Prefix& prefix) {
    pc_addr_key key{};
    const auto family = static_cast<uint8_t>(prefix.address.family);
    const std::array<uint8_t, 4> big_endian{0, 0, 0, family};
    key.prefixlen = 32U + prefix.length;
    std::memcpy(&key.family, big_endian.data(), sizeof(key.family));
    std::memcpy(key.addr, prefix.address.bytes.data(), sizeof(key.addr));
    return key;
}

void put_addresses(std::vector<MapOperation>& operations, const Plan* before, const Plan& after) {
    const auto equal = [](const PlanAddress& left, const PlanAddress& right) {
        return left.prefix == right.prefix && left.sets == right.sets;
    };
    if (before != nullptr && std::equal(before->addresses.begin(), before->addresses.end(),
                                        after.addresses.begin(), after.addresses.end(), equal)) {
        return;
    }
    operations.reserve(operations.size() + after.addresses.size() + 1);
    for (const PlanAddress& address : after.addresses) {
        operations.push_back({.map = MapName::addr_sets,
                              .kind = MapOperation::Kind::put,
                              .key = bytes_of_value(key_of(address.prefix)),
                              .value = bytes_of_value(address.sets)});
    }
}

void put_macs(std::vector<MapOperation>& operations, const Plan* before, const Plan& after) {
    if (before != nullptr && std::equal(before->macs.begin(), before->macs.end(),
                                        after.macs.begin(), after.macs.end(), same<pc_mac_key>)) {
        return;
    }
    for (const pc_mac_key& key : after.macs) {
        operations.push_back({.map = MapName::macs,
                              .kind = MapOperation::Kind::put,
                              .key = bytes_of_value(key),
                              .value = {1}});
    }
}

} // namespace

std::vector<MapOperation> diff(const Plan* before, const Plan& after) {
    std::vector<MapOperation> operations;
    put_addresses(operations, before, after);
    put_macs(operations, before, after);
    put_array(operations, MapName::number_sets, 1,
              before != nullptr ? &before->number_sets : nullptr, after.number_sets);
    put_array(operations, MapName::byte_sets, 1, before != nullptr ? &before->byte_sets : nullptr,
              after.byte_sets);
    put_array(operations, MapName::records, 0, before != nullptr ? &before->records : nullptr,
              after.records);
    if (before == nullptr || !same(before->generation, after.generation)) {
        operations.push_back({.map = MapName::generations,
                              .kind = MapOperation::Kind::put,
                              .key = bytes_of_value(uint32_t{0}),
                              .value = bytes_of_value(after.generation)});
    }
    return operations;
}

} // namespace pc
