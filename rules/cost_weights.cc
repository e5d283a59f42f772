// SPDX-License-Identifier: GPL-3.0-or-later
// What a tuple costs a packet that has it as a candidate, and what one packet costs.
// Tested by tests/unit/cost_test.cc.
#include <algorithm>

#include "rules/cost_reach.h"

namespace pc {

namespace {

constexpr uint64_t keys_of_all = 3 << 19; // hashed; the other tuples get the longest chain of all

uint32_t at(uint32_t table, size_t index, size_t size) {
    return static_cast<uint32_t>(table + index * size);
}

} // namespace

void CostReach::read_chains() {
    record_weights_.assign(size_t{tables_.words} * 64, 0);
    chain_of_.assign(size_t{tables_.bucket_mask} + 1, 0);
    std::vector<uint32_t> chain;
    for (uint32_t head = 0; head <= tables_.bucket_mask; head++) {
        chain.clear();
        uint32_t bucket = head;
        do {
            chain.push_back(bucket);
            const size_t next =
                at(tables_.buckets, bucket, sizeof(pc_bucket)) + offsetof(pc_bucket, next);
            bucket = image_.read<uint32_t>(static_cast<uint32_t>(next));
        } while (bucket != 0 && chain.size() <= PC_STEPS_MAX);
        for (const uint32_t member : chain) {
            chain_of_.resize(std::max<size_t>(chain_of_.size(), size_t{member} + 1));
            chain_of_[member] = static_cast<uint32_t>(chain.size());
        }
        longest_chain_ = std::max(longest_chain_, chain_of_[head]);
        read_records(chain);
    }
}

// Entries of one chain that the same key finds are asked one after another.
void CostReach::read_records(const std::vector<uint32_t>& chain) {
    std::vector<std::pair<uint32_t, uint64_t>> asked; // tag and key
    for (const uint32_t number : chain) {
        const auto bucket = image_.read<pc_bucket>(at(tables_.buckets, number, sizeof(pc_bucket)));
        for (size_t i = 0; i < 2; i++) {
            if (bucket.priority[i] != PC_PRIORITY_NONE &&
                (bucket.rule[i] & (PC_RULE_CHECK | PC_RULE_ADDRESSES)) != 0) {
                asked.emplace_back(bucket.tag[i], bucket.key[i]);
            }
        }
    }
    std::sort(asked.begin(), asked.end());
    for (size_t first = 0, i = 0; i < asked.size(); i++) {
        first = asked[i] == asked[first] ? first : i;
        uint32_t& weight = record_weights_[(asked[i].first >> 16) % record_weights_.size()];
        weight = std::max(weight, static_cast<uint32_t>(i - first + 1));
    }
}

// None: not all are known.
std::optional<uint64_t> CostReach::keys_of(uint32_t tuple) const {
    uint64_t keys = 1;
    for (const auto& field : values_) {
        if (field[tuple].too_many) {
            return std::nullopt;
        }
        keys = std::min(keys * field[tuple].list.size(), keys_of_all + 1);
    }
    return keys;
}

// Tuples with few keys: the longest chain that these lead to. The others may be led to any.
void CostReach::weigh_tuples() {
    bucket_weights_.assign(used_.size(), 0);
    for (auto& field : values_) {
        for (Values& values : field) {
            std::sort(values.list.begin(), values.list.end());
            const auto rest = std::unique(values.list.begin(), values.list.end());
            values.list.erase(rest, values.list.end());
        }
    }
    std::vector<std::pair<uint64_t, uint32_t>> by_keys;
    for (uint32_t tuple = 0; tuple < used_.size(); tuple++) {
        if (!used_[tuple]) {
            continue;
        }
        bucket_weights_[tuple] = longest_chain_;
        const std::optional<uint64_t> keys = keys_of(tuple);
        if (keys && longest_chain_ > 1) {
            by_keys.emplace_back(*keys, tuple);
        }
    }
    std::sort(by_keys.begin(), by_keys.end());
    uint64_t hashed = 0;
    for (const auto& [keys, tuple] : by_keys) {
        hashed += keys;
        if (hashed > keys_of_all) {
            break;
        }
        bucket_weights_[tuple] = longest_of_keys(tuple);
    }
}

uint32_t CostReach::longest_of_keys(uint32_t tuple) const {
    uint32_t longest = 0;
    for (const WideAddress src : values_[0][tuple].list) {
        for (const WideAddress dst : values_[1][tuple].list) {
            const uint64_t addr = addr_key(tuple, src, dst);
            longest = std::max(longest, longest_of_rest(tuple, addr));
            if (longest == longest_chain_) {
                return longest;
            }
        }
    }
    return longest;
}

uint32_t CostReach::longest_of_rest(uint32_t tuple, uint64_t addr) const {
    uint32_t longest = 0;
    pc_key key{.addr = addr, .sport = 0, .dport = 0, .rest = 0, .tuple = tuple};
    for (const WideAddress proto : values_[4][tuple].list) {
        for (const WideAddress zone : values_[5][tuple].list) {
            key.rest = static_cast<uint32_t>(proto | zone << 8);
            for (const WideAddress sport : values_[2][tuple].list) {
                key.sport = static_cast<uint64_t>(sport);
                for (const WideAddress dport : values_[3][tuple].list) {
                    key.dport = static_cast<uint64_t>(dport);
                    const uint32_t head = pc_hash(seed_, &key) & tables_.bucket_mask;
                    longest = std::max(longest, chain_of_[head]);
                }
            }
        }
    }
    return longest;
}

// As the look-up makes it of what it masks.
uint64_t CostReach::addr_key(uint32_t tuple, WideAddress src, WideAddress dst) const {
    const auto& masks = tuples_[tuple].addr;
    if (family_ == Family::v4) {
        const auto high = static_cast<uint64_t>(src >> 96) << 32;
        return (high | static_cast<uint64_t>(dst >> 96)) & masks[0];
    }
    return pc_fold_addr(
        seed_, static_cast<uint64_t>(src >> 64) & masks[0], static_cast<uint64_t>(src) & masks[1],
        static_cast<uint64_t>(dst >> 64) & masks[2], static_cast<uint64_t>(dst) & masks[3]);
}

// When all entries of dynamic sets have ended, which some time is the case.
uint32_t CostReach::row_of_address(Side side, WideAddress address) const {
    const uint32_t root = tables_.addr[side == Side::src ? 0 : 1];
    uint32_t leaf = classifier_.tables(family_).addresses(side).find(root, address);
    while (PC_REF_TYPE(leaf) == PC_REF_TIMED) {
        leaf = image_.read<pc_timed>(PC_REF_PLACE8(leaf)).expired;
    }
    return PC_REF_PLACE8(leaf);
}

PacketCost CostReach::cost_of(const CostPacket& packet) const {
    PacketCost cost;
    const std::array<uint32_t, 2> indexes{packet.sport, packet.dport};
    std::array<uint64_t, 2> ports{};
    std::vector<uint32_t> places{row_of_address(Side::src, packet.src),
                                 row_of_address(Side::dst, packet.dst),
                                 image_.read<uint32_t>(at(tables_.protos, packet.proto, 4)),
                                 image_.read<uint32_t>(at(tables_.zones, packet.zone, 4))};
    for (size_t i = 0; i < 2; i++) {
        const auto number = image_.read<uint16_t>(at(tables_.ports[i], indexes.at(i), 2));
        const auto found =
            image_.read<pc_port_class>(at(tables_.port_classes[i], number, sizeof(pc_port_class)));
        const uint32_t index = indexes.at(i);
        places.push_back(found.row);
        ports.at(i) = found.labels | (index < PC_PORT_ICMP   ? index
                                      : index < PC_PORT_NONE ? index - PC_PORT_ICMP
                                                             : 0);
    }
    for (size_t word = 0; word < words(); word++) {
        uint64_t left = ~uint64_t{0};
        for (const uint32_t place : places) {
            left &= image_.read<uint64_t>(at(place, word, 8));
        }
        for (; left != 0; left &= left - 1) {
            const size_t tuple = word * 64 + static_cast<size_t>(__builtin_ctzll(left));
            const pc_tuple& masks = tuples_[tuple];
            if (!used_[tuple]) {
                continue;
            }
            pc_key key{};
            key.addr = addr_key(static_cast<uint32_t>(tuple), packet.src, packet.dst);
            key.sport = ports[0] & masks.sport;
            key.dport = ports[1] & masks.dport;
            key.rest = PC_REST(packet.proto, packet.zone, 0, 0) & masks.rest;
            key.tuple = static_cast<uint32_t>(tuple);
            cost.tuples++;
            add_chain(key, indexes, cost);
        }
    }
    return cost;
}

void CostReach::add_chain(const pc_key& key, const std::array<uint32_t, 2>& indexes,
                          PacketCost& cost) const {
    const auto holds = [](uint32_t range, uint32_t index) {
        const uint32_t number = index < PC_PORT_ICMP   ? index
                                : index < PC_PORT_NONE ? index - PC_PORT_ICMP
                                                       : 0;
        return ((number - (range >> 16)) & 0xffff) <= (range & 0xffff);
    };
    uint32_t number = pc_hash(seed_, &key) & tables_.bucket_mask;
    cost.buckets += chain_of_[number];
    do {
        const auto bucket = image_.read<pc_bucket>(at(tables_.buckets, number, sizeof(pc_bucket)));
        for (size_t i = 0; i < 2; i++) {
            const bool found =
                bucket.priority[i] != PC_PRIORITY_NONE && bucket.key[i] == key.addr &&
                bucket.tag[i] == PC_TAG(key.tuple, key.rest) &&
                holds(bucket.sport[i], indexes[0]) && holds(bucket.dport[i], indexes[1]);
            const bool asks = (bucket.rule[i] & (PC_RULE_CHECK | PC_RULE_ADDRESSES)) != 0;
            cost.records += found && asks ? 1 : 0;
        }
        number = bucket.next;
    } while (number != 0);
}

} // namespace pc
