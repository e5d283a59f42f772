// SPDX-License-Identifier: GPL-3.0-or-later
// Tested by tests/unit/check_test.cc.
#include "rules/region.h"

#include <algorithm>

#include "rules/words.h"

namespace pc {

namespace {

constexpr uint8_t icmp = 1;
constexpr uint8_t icmp6 = 58;

uint64_t bit(size_t index) {
    return index < 64 ? uint64_t{1} << index : 0;
}

// Keeps the order of addresses; IPv6 behind IPv4, and only its upper half.
uint64_t coarse(const Address& address) {
    uint64_t value = 0;
    for (size_t i = 0; i < 8; ++i) {
        value = value << 8 | address.bytes[i];
    }
    value >>= 1;
    return address.family == Family::v4 ? value : value | uint64_t{1} << 63;
}

uint64_t number_of(const MacAddress& mac) {
    uint64_t value = 0;
    for (const uint8_t byte : mac.bytes) {
        value = value << 8 | byte;
    }
    return value;
}

uint64_t zone_bits(const std::vector<ZoneItem>& items, const std::vector<Zone>& zones) {
    if (items.empty()) {
        return UINT64_MAX;
    }
    uint64_t in = 0;
    uint64_t excluded = 0;
    bool positive = false;
    for (const ZoneItem& item : items) {
        const auto zone = std::find_if(zones.begin(), zones.end(),
                                       [&](const Zone& z) { return z.name == item.zone; });
        const uint64_t zone_bit = zone == zones.end() ? 0 : bit(zone - zones.begin() + 1);
        positive = positive || !item.negated;
        (item.negated ? excluded : in) |= zone_bit;
    }
    // A rule that names zones never matches a packet without one.
    const uint64_t defined = bit(zones.size() + 1) - 2;
    return (positive ? in : defined) & ~excluded;
}

uint8_t families_of(const std::vector<AddressRange>& ranges) {
    uint8_t families = 0;
    for (const AddressRange* range : {&ranges.front(), &ranges.back()}) {
        families |= range->first.family == Family::v4 ? PC_IPV4 : PC_IPV6;
    }
    return families;
}

// Builds a region step by step; stops at the first contradiction.
class Builder {
public:
    Builder(const Rule& rule, const RuleSet& rules, Contents& contents)
        : rule_(rule), rules_(rules), contents_(contents) {}

    RegionOf build() {
        const Match& match = rule_.match;
        zones();
        region_.outline.families = rule_.family == Family::v4   ? PC_IPV4
                                   : rule_.family == Family::v6 ? PC_IPV6
                                                                : PC_IPV4 | PC_IPV6;
        addresses(region_src, "src", match.src);
        addresses(region_dst, "dst", match.dst);
        numbers(region_proto, "proto", match.proto, UINT8_MAX);
        numbers(region_sport, "sport", match.sport, UINT16_MAX);
        numbers(region_dport, "dport", match.dport, UINT16_MAX);
        numbers(region_icmp_type, "icmp_type", match.icmp_type, UINT8_MAX);
        numbers(region_icmp_code, "icmp_code", match.icmp_code, UINT8_MAX);
        numbers(region_len, "len", match.len, UINT16_MAX);
        numbers(region_dscp, "dscp", match.dscp, UINT8_MAX >> 2);
        numbers(region_ttl, "ttl", match.ttl, UINT8_MAX);
        numbers(region_vlan, "vlan", match.vlan, PC_VLAN_NONE);
        if (!match.tcp_flags.empty()) {
            region_.outline.named |= 1U << region_tcp_flags;
            region_.numbers[region_tcp_flags] = &contents_.flags(match.tcp_flags);
        }
        macs();
        families();
        fragments();
        states();
        return {std::move(region_), std::move(contradiction_)};
    }

private:
    void contradict(std::string why) {
        if (contradiction_.empty()) {
            contradiction_ = std::move(why);
        }
    }

    void zones() {
        region_.outline.in = zone_bits(rule_.match.in, rules_.zones);
        region_.outline.out = zone_bits(rule_.match.out, rules_.zones);
        if (hook_of(rule_) == Hook::xdp) {
            region_.outline.in &= ~uint64_t{1}; // the router's own packets do not come by XDP
        }
        if (region_.outline.in == 0 || region_.outline.out == 0) {
            contradict(std::string("no zone is left for '") +
                       (region_.outline.in == 0 ? "in" : "out") + "'");
        }
    }

    void addresses(RegionField field, const char* key, const std::vector<AddressItem>& items) {
        if (items.empty()) {
            return;
        }
        region_.outline.named |= 1U << field;
        const Addresses& held = contents_.addresses(items);
        if (!held.known) {
            region_.outline.unknown |= 1U << field;
            for (const AddressItem& item : items) {
                region_.written[field] += word_of(item) + " ";
            }
            return;
        }
        if (held.ranges.empty()) {
            contradict(std::string(key) + " holds no address: " + empty_because(items));
            return;
        }
        if (held.ranges == all_addresses()) {
            region_.outline.named &= ~(1U << field);
            return;
        }
        const uint8_t families = families_of(held.ranges);
        if ((region_.outline.families & families) == 0) {
            contradict(std::string(key) + " is of another family than " + family_source_);
        }
        region_.outline.families &= families;
        if (families != (PC_IPV4 | PC_IPV6)) {
            family_source_ = key;
        }
        region_.outline.hulls[field] = {coarse(held.ranges.front().first),
                                        coarse(held.ranges.back().last)};
        region_.addresses[field] = &held.ranges;
    }

    [[nodiscard]] static std::string empty_because(const std::vector<AddressItem>& items) {
        return items.size() == 1 && !items.front().set.empty()
                   ? "set @" + items.front().set + " is empty"
                   : "the list excludes all it names";
    }

    void numbers(RegionField field, const char* key, const std::vector<NumberItem>& items,
                 uint32_t max) {
        if (items.empty()) {
            return;
        }
        region_.outline.named |= 1U << field;
        const Numbers& held = contents_.numbers(items, {0, max});
        if (held.empty()) {
            contradict(items.size() == 1 && !items.front().set.empty()
                           ? std::string(key) + " holds nothing: set @" + items.front().set +
                                 " is empty"
                           : std::string(key) + " excludes all it names");
            return;
        }
        region_.outline.hulls[field] = {held.front().low, held.back().high};
        region_.numbers[field] = &held;
    }

    void macs() {
        const auto& items = rule_.match.src_mac;
        if (items.empty()) {
            return;
        }
        region_.outline.named |= 1U << region_mac;
        region_.macs_negated = std::all_of(items.begin(), items.end(),
                                           [](const MacItem& item) { return item.negated; });
        for (const MacItem& item : items) {
            const bool excluded =
                std::any_of(items.begin(), items.end(), [&](const MacItem& other) {
                    return other.negated && other.mac == item.mac;
                });
            if (region_.macs_negated || (!item.negated && !excluded)) {
                region_.macs.push_back(number_of(item.mac));
            }
        }
        std::sort(region_.macs.begin(), region_.macs.end());
        if (region_.macs.empty()) {
            contradict("src_mac excludes all it names");
        }
    }

    // ICMP belongs to IPv4, ICMPv6 to IPv6.
    void families() {
        const Numbers both{{icmp, icmp}, {icmp6, icmp6}};
        if (region_.numbers[region_proto] == nullptr ||
            !pc::covers(both, *region_.numbers[region_proto])) {
            return;
        }
        const Numbers& protocols = *region_.numbers[region_proto];
        const uint8_t families = (pc::covers(protocols, Numbers{{icmp, icmp}}) ? PC_IPV4 : 0) |
                                 (pc::covers(protocols, Numbers{{icmp6, icmp6}}) ? PC_IPV6 : 0);
        if (region_.outline.families != 0 && (region_.outline.families & families) == 0) {
            contradict(families == PC_IPV4 ? "proto icmp, but IPv6 addresses: write icmp6"
                                           : "proto icmp6, but IPv4 addresses: write icmp");
        }
    }

    void fragments() {
        constexpr uint32_t first_only = 1U << region_sport | 1U << region_dport |
                                        1U << region_icmp_type | 1U << region_icmp_code |
                                        1U << region_tcp_flags;
        constexpr uint8_t any = PC_FRAG_NONE | PC_FRAG_FIRST | PC_FRAG_LATER;
        region_.outline.frags = rule_.match.frags == 0 ? any : rule_.match.frags;
        if ((region_.outline.named & first_only) != 0) {
            region_.outline.frags &= static_cast<uint8_t>(~PC_FRAG_LATER);
        }
        if (region_.outline.frags == 0) {
            contradict("later fragments have no ports, ICMP types or TCP flags");
        }
    }

    void states() {
        constexpr unsigned known_flows = PC_STATE_ESTABLISHED | PC_STATE_RELATED;
        region_.outline.states = state_bits(rule_.match.states);
        if (region_.outline.states == 0) {
            contradict("state excludes all it names");
        }
        if ((region_.outline.states & ~known_flows) == 0 && accepted_before(region_.outline.in)) {
            contradict("its zones accept packets of known flows before the rules: established = "
                       "true");
        }
    }

    // Whether packets of known flows never reach a rule about these zones.
    [[nodiscard]] bool accepted_before(uint64_t zones) const {
        uint64_t established = 0;
        for (size_t i = 0; i < rules_.zones.size(); ++i) {
            established |= rules_.zones[i].established ? bit(i + 1) : 0;
        }
        return (zones & ~established) == 0;
    }

    const Rule& rule_;
    const RuleSet& rules_;
    Contents& contents_;
    Region region_;
    std::string contradiction_;
    std::string family_source_ = "[defaults].family";
};

bool addresses_cover(const Region& outer, const Region& inner, RegionField field) {
    const uint32_t field_bit = 1U << field;
    const uint32_t unknown = outer.outline.unknown & inner.outline.unknown;
    if (((outer.outline.unknown | inner.outline.unknown) & field_bit) != 0) {
        return (unknown & field_bit) != 0 && outer.written[field] == inner.written[field];
    }
    const auto* out = outer.addresses[field];
    const auto* in = inner.addresses[field];
    return out != nullptr && in != nullptr && (out == in || covers(*out, *in));
}

// Only of fields that both name: may_cover() has seen to it.
bool numbers_cover(const Numbers* outer, const Numbers* inner) {
    return outer == inner || (outer != nullptr && inner != nullptr && covers(*outer, *inner));
}

bool macs_cover(const Region& outer, const Region& inner) {
    const auto& a = outer.macs;
    const auto& b = inner.macs;
    if (outer.macs_negated && inner.macs_negated) {
        return std::includes(b.begin(), b.end(), a.begin(), a.end());
    }
    if (outer.macs_negated) {
        return std::none_of(b.begin(), b.end(), [&](uint64_t mac) {
            return std::binary_search(a.begin(), a.end(), mac);
        });
    }
    return !inner.macs_negated && std::includes(a.begin(), a.end(), b.begin(), b.end());
}

} // namespace

RegionOf region_of(const Rule& rule, const RuleSet& rules, Contents& contents) {
    return Builder(rule, rules, contents).build();
}

bool may_cover(const Outline& outer, const Outline& inner) {
    if ((outer.named & ~inner.named) != 0 || (inner.in & ~outer.in) != 0 ||
        (inner.out & ~outer.out) != 0 || (inner.families & ~outer.families) != 0 ||
        (inner.frags & ~outer.frags) != 0 || (inner.states & ~outer.states) != 0) {
        return false;
    }
    for (size_t i = 0; i < outer.hulls.size(); ++i) {
        if (outer.hulls[i].low > inner.hulls[i].low || inner.hulls[i].high > outer.hulls[i].high) {
            return false;
        }
    }
    return true;
}

bool covers(const Region& outer, const Region& inner) {
    const uint32_t named = outer.outline.named;
    if (!may_cover(outer.outline, inner.outline)) {
        return false;
    }
    for (const RegionField field : {region_src, region_dst}) {
        if ((named & 1U << field) != 0 && !addresses_cover(outer, inner, field)) {
            return false;
        }
    }
    for (size_t field = region_proto; field < region_mac; ++field) {
        if ((named & 1U << field) != 0 &&
            !numbers_cover(outer.numbers[field], inner.numbers[field])) {
            return false;
        }
    }
    return (named & 1U << region_mac) == 0 || macs_cover(outer, inner);
}

} // namespace pc
