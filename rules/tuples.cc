// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/tuples.h"

namespace pc {

namespace {

constexpr std::array<uint8_t, coarsest + 1> length_steps{1, 2, 4, 8, 16, 32};
constexpr unsigned no_port_keys = 4; // from this coarseness on ports are asked of the entry

uint64_t ones(unsigned length) {
    return length == 0 ? 0 : ~0ULL << (64 - length);
}

WideAddress wide_mask(uint8_t length) {
    return length == 0 ? 0 : ~WideAddress{0} << (128 - length);
}

uint64_t port_mask(PortKey::Kind kind, uint8_t layer) {
    return kind == PortKey::Kind::exact   ? 0xffff
           : kind == PortKey::Kind::layer ? uint64_t{0xffff} << (16 * layer)
                                          : 0;
}

uint32_t range_of(const PortKey& key) {
    return static_cast<uint32_t>(key.low) << 16 | static_cast<uint16_t>(key.high - key.low);
}

uint32_t rest_mask(const TupleShape& shape) {
    return PC_REST(shape.proto ? 0xff : 0, shape.zone ? 0xff : 0, 0, 0);
}

} // namespace

std::array<uint64_t, 4> address_masks(const TupleShape& shape, Family family) {
    if (family == Family::v4) {
        const uint64_t src = ones(shape.src_length) >> 32 << 32;
        return {src | ones(shape.dst_length) >> 32, 0, 0, 0};
    }
    const WideAddress src = wide_mask(shape.src_length);
    const WideAddress dst = wide_mask(shape.dst_length);
    return {static_cast<uint64_t>(src >> 64), static_cast<uint64_t>(src),
            static_cast<uint64_t>(dst >> 64), static_cast<uint64_t>(dst)};
}

uint8_t TupleShaper::coarse_length(uint8_t length) const {
    return static_cast<uint8_t>(length - length % length_steps.at(coarseness_));
}

void TupleShaper::shape_ports(const Entry& entry, ShapedEntry& shaped) const {
    PortKey sport = sports_->key_of(entry.sport);
    PortKey dport = dports_->key_of(entry.dport);
    if (coarseness_ >= no_port_keys) {
        for (PortKey* key : {&sport, &dport}) {
            key->kind = key->kind == PortKey::Kind::none ? key->kind : PortKey::Kind::record;
            key->mask = key->value = 0;
            key->layer = 0;
        }
    }
    TupleShape& shape = shaped.shape;
    shape.sport = sport.kind;
    shape.dport = dport.kind;
    shape.sport_layer = sport.layer;
    shape.dport_layer = dport.layer;
    shape.port_kind = entry.sport.is_any() ? entry.dport.kind : entry.sport.kind;
    shaped.key.sport = sport.value;
    shaped.key.dport = dport.value;
    shaped.sport = range_of(sport);
    shaped.dport = range_of(dport);
}

ShapedEntry TupleShaper::shape(const Entry& entry) const {
    ShapedEntry shaped;
    shaped.check = entry.check;
    shaped.addresses = entry.addresses;
    TupleShape& shape = shaped.shape;
    shape.src_length = coarse_length(entry.src.length);
    shape.dst_length = coarse_length(entry.dst.length);
    shaped.check = shaped.check || shape.src_length != entry.src.length ||
                   shape.dst_length != entry.dst.length;
    shape.src_list = entry.src.list;
    shape.dst_list = entry.dst.list;
    shape.proto = entry.proto.has_value();
    shape.zone = entry.zone.has_value();
    shape_ports(entry, shaped);
    const std::array<uint64_t, 4> masks = address_masks(shape, entry.family);
    if (entry.family == Family::v4) {
        const auto src = static_cast<uint32_t>(entry.src.address >> 96);
        const auto dst = static_cast<uint32_t>(entry.dst.address >> 96);
        shaped.key.addr = (uint64_t{src} << 32 | dst) & masks[0];
    } else {
        const WideAddress src = entry.src.address;
        const WideAddress dst = entry.dst.address;
        shaped.key.addr = pc_fold_addr(seed_, static_cast<uint64_t>(src >> 64) & masks[0],
                                       static_cast<uint64_t>(src) & masks[1],
                                       static_cast<uint64_t>(dst >> 64) & masks[2],
                                       static_cast<uint64_t>(dst) & masks[3]);
    }
    shaped.key.rest = PC_REST(entry.proto.value_or(0), entry.zone.value_or(0), 0, 0);
    return shaped;
}

pc_tuple TupleShaper::tuple_of(const TupleShape& shape, Family family) {
    pc_tuple tuple{};
    const std::array<uint64_t, 4> masks = address_masks(shape, family);
    std::copy(masks.begin(), masks.end(), std::begin(tuple.addr));
    tuple.sport = port_mask(shape.sport, shape.sport_layer);
    tuple.dport = port_mask(shape.dport, shape.dport_layer);
    tuple.rest = rest_mask(shape);
    return tuple;
}

} // namespace pc
