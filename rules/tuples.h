// SPDX-License-Identifier: GPL-3.0-or-later
// Entries that name the same parts of a packet form a tuple: one mask for all, so that one look-up
// in a hash table finds those of them that a packet's key leads to.
#pragma once

#include "rules/entry.h"
#include "rules/hash.h"

namespace pc {

struct TupleShape {
    uint8_t src_length = 0;
    uint8_t dst_length = 0;
    uint16_t src_list = 0; // of entries with a list: one tuple for each
    uint16_t dst_list = 0;
    PortSpec::Kind port_kind = PortSpec::Kind::any; // ports or ICMP types: never in one tuple
    PortKey::Kind sport = PortKey::Kind::none;
    PortKey::Kind dport = PortKey::Kind::none;
    uint8_t sport_layer = 0;
    uint8_t dport_layer = 0;
    bool proto = false;
    bool zone = false;

    auto operator<=>(const TupleShape&) const = default;
};

// What is given up to have fewer tuples, if there are too many: from 0 (nothing) on.
inline constexpr unsigned coarsest = 5;

struct ShapedEntry {
    TupleShape shape;
    pc_key key{};                  // without the tuple's index
    uint32_t sport = 0, dport = 0; // as in pc_bucket
    bool check = false;
    bool addresses = false;
};

// Where the address part of a key is put: see struct pc_tuple.
[[nodiscard]] std::array<uint64_t, 4> address_masks(const TupleShape& shape, Family family);

class TupleShaper {
public:
    TupleShaper(const PortTable& sports, const PortTable& dports, uint64_t seed,
                unsigned coarseness)
        : sports_(&sports), dports_(&dports), seed_(seed), coarseness_(coarseness) {}

    [[nodiscard]] ShapedEntry shape(const Entry& entry) const;

    // The masks of a tuple.
    [[nodiscard]] static pc_tuple tuple_of(const TupleShape& shape, Family family);

private:
    [[nodiscard]] uint8_t coarse_length(uint8_t length) const;
    void shape_ports(const Entry& entry, ShapedEntry& shaped) const;

    const PortTable* sports_;
    const PortTable* dports_;
    uint64_t seed_;
    unsigned coarseness_;
};

} // namespace pc
