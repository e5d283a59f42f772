// SPDX-License-Identifier: GPL-3.0-or-later
// diff(Plan, Plan) -> the ordered map operations that turn a generation slot holding the one into
// one holding the other. The slot is not active while they run; the flip is not among them.
#pragma once

#include "rules/plan.h"

namespace pc {

enum class MapName : uint8_t { generations, records, number_sets, byte_sets, addr_sets, macs };

struct MapOperation {
    MapName map{};
    enum class Kind : uint8_t { put, remove } kind{};
    std::vector<uint8_t> key;   // array maps: u32 index within the slot, host order
    std::vector<uint8_t> value; // empty for remove

    bool operator==(const MapOperation&) const = default;
};

// `before` is empty for a slot never used (or whose contents are not known: then everything is
// put). Removed array entries are not cleared: generation.records bounds what is read.
//
// addr_sets and macs are not edited: where they differ there is a put for each entry of `after`,
// which go into a fresh inner map, and none where they are equal. If `after` has no entries there
// is none either: no record asks that map then.
[[nodiscard]] std::vector<MapOperation> diff(const Plan* before, const Plan& after);

} // namespace pc
