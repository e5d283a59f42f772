// SPDX-License-Identifier: GPL-3.0-or-later
// A rule's conditions as plain sets of values, comparable: what packets it can match.
#pragma once

#include "rules/contents.h"

namespace pc {

enum RegionField : uint8_t {
    region_src,
    region_dst,
    region_proto,
    region_sport,
    region_dport,
    region_icmp_type,
    region_icmp_code,
    region_len,
    region_dscp,
    region_ttl,
    region_vlan,
    region_tcp_flags,
    region_mac,
    region_fields
};

// The lowest and highest value of a field, coarse: what lies outside is not held.
struct Hull {
    uint64_t low = 0;
    uint64_t high = UINT64_MAX;
};

// What tells most rules apart, small enough to go through thousands quickly.
struct Outline {
    uint32_t named = 0;   // bit per RegionField
    uint32_t unknown = 0; // src, dst: depends on what this machine does not say
    uint64_t in = 0;      // bit 0: no zone; then in the order of the rule set
    uint64_t out = 0;
    uint8_t families = 0; // pc_family_bit
    uint8_t frags = 0;    // pc_frag_bit
    uint8_t states = 0;   // pc_state_bit
    std::array<Hull, region_tcp_flags> hulls;
};

struct Region {
    Outline outline;
    std::array<const std::vector<AddressRange>*, 2> addresses{}; // src, dst; likewise
    std::array<std::string, 2> written; // of unknown lists: equal text is equal meaning
    std::array<const Numbers*, region_fields> numbers{}; // owned by the Contents
    std::vector<uint64_t> macs;                          // sorted
    bool macs_negated = false;
};

// Why a rule can match no packet at all; empty if it can.
struct RegionOf {
    Region region;
    std::string contradiction;
};

// `contents` must outlive the region.
[[nodiscard]] RegionOf region_of(const Rule& rule, const RuleSet& rules, Contents& contents);

// False: `outer` certainly does not hold every packet of `inner`.
[[nodiscard]] bool may_cover(const Outline& outer, const Outline& inner);

// Whether `outer` holds every packet of `inner`. May say no where it is so (values that only
// several lists together hold), never yes where it is not.
[[nodiscard]] bool covers(const Region& outer, const Region& inner);

} // namespace pc
