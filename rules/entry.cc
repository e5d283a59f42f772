// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/entry.h"

#include <algorithm>

namespace pc {

namespace {

// Up to so many entries of one rule a list is spelled out.
constexpr size_t spelled_max = 8;
constexpr uint8_t all_frags = PC_FRAG_NONE | PC_FRAG_FIRST | PC_FRAG_LATER;

using Ranges = std::vector<std::pair<uint16_t, uint16_t>>;

template <typename Word, size_t words>
Ranges ranges_in(const Word (&bits)[words]) {
    Ranges ranges;
    for (size_t i = 0; i < words * 64; i++) {
        if ((bits[i / 64] >> (i % 64) & 1) == 0) {
            continue;
        }
        const auto number = static_cast<uint16_t>(i);
        if (!ranges.empty() && ranges.back().second + 1U == i) {
            ranges.back().second = number;
        } else {
            ranges.emplace_back(number, number);
        }
    }
    return ranges;
}

// What an entry may say of one port: one of these.
std::vector<PortSpec> spelled(const PortSpec& spec) {
    std::vector<PortSpec> each;
    for (const auto& range : spec.ranges) {
        each.push_back({.kind = spec.kind, .ranges = {range}});
    }
    return each;
}

PortSpec spec_of_bytes(const std::vector<pc_byte_set>& sets, uint16_t set) {
    PortSpec spec{.kind = PortSpec::Kind::icmp, .ranges = {{0, 255}}};
    if (set != 0) {
        spec.ranges = ranges_in(sets[set].bits);
    }
    return spec;
}

template <typename Range>
PortSpec spec_of_numbers(const std::vector<pc_number_set>& sets, uint16_t set, const Range& range) {
    PortSpec spec{.kind = PortSpec::Kind::port, .ranges = {{range.low, range.high}}};
    if (set != 0) {
        spec.ranges = ranges_in(sets[set].bits);
    }
    return spec;
}

bool is_every_port(const PortSpec& spec) {
    return spec.ranges == Ranges{{0, 65535}};
}

// With one side named, the other need not say that there are ports.
void fill_ports(const pc_record& record, const EntryLists& lists, Entry& entry) {
    if ((record.flags & PC_NEEDS_PORTS) != 0) {
        entry.sport = spec_of_numbers(lists.numbers, record.sport_set, record.sport);
        entry.dport = spec_of_numbers(lists.numbers, record.dport_set, record.dport);
        if (is_every_port(entry.sport)) {
            entry.sport = {};
        } else if (is_every_port(entry.dport)) {
            entry.dport = {};
        }
    }
    if ((record.flags & PC_NEEDS_ICMP) != 0) {
        entry.sport = spec_of_bytes(lists.bytes, record.icmp_type_set);
        entry.dport = spec_of_bytes(lists.bytes, record.icmp_code_set);
    }
}

EntryAddress address_of(const __be32 (&address)[4], const __be32 (&mask)[4], uint16_t list) {
    EntryAddress side{.address = 0, .length = 0, .list = list};
    if (list != 0) {
        return side;
    }
    const auto* bytes = static_cast<const uint8_t*>(static_cast<const void*>(address));
    const auto* ones = static_cast<const uint8_t*>(static_cast<const void*>(mask));
    for (size_t i = 0; i < 16; i++) {
        side.address = side.address << 8 | bytes[i];
        side.length = static_cast<uint8_t>(side.length + __builtin_popcount(ones[i]));
    }
    return side;
}

void fill_zones(const pc_record& record, Entry& entry) {
    entry.zones = record.in_zones;
    if (__builtin_popcountll(record.in_zones) == 1) {
        entry.zone = static_cast<uint8_t>(__builtin_ctzll(record.in_zones));
    }
}

// Not a condition, but the entry's word does not say it.
bool has_more_to_do(const pc_record& record) {
    return record.limit != 0 || (record.flags & PC_KEEP_FLOWS) != 0;
}

bool must_ask(const pc_record& record, const Entry& entry) {
    const bool zones = !entry.zone && record.in_zones != ~0ULL;
    const bool full_len = record.len_set == 0 && record.len.low == 0 && record.len.high == 65535;
    const bool full_vlan =
        record.vlan_set == 0 && record.vlan.low == 0 && record.vlan.high == 65535;
    // Not for its lists: the rows say exactly which addresses these hold.
    return zones || !full_len || !full_vlan || record.out_zones != ~0ULL || record.dscp != ~0ULL ||
           record.ttl_set != 0 || record.tcp_flags_set != 0 || record.mac_set != 0 ||
           record.frags != all_frags || (record.flags & PC_NEEDS_TCP_FLAGS) != 0 ||
           record.states != PC_STATES_ALL || has_more_to_do(record);
}

std::vector<uint8_t> protos_in(const std::array<uint64_t, 4>& bits) {
    std::vector<uint8_t> protos;
    for (uint32_t proto = 0; proto < 256; proto++) {
        if ((bits[proto / 64] >> (proto % 64) & 1) != 0) {
            protos.push_back(static_cast<uint8_t>(proto));
        }
    }
    return protos;
}

// The alternatives that an entry is multiplied by.
struct Alternatives {
    std::vector<PortSpec> sports, dports;
    std::vector<std::optional<uint8_t>> protos;

    [[nodiscard]] size_t count() const { return sports.size() * dports.size() * protos.size(); }
};

// Spelled out as long as there are not too many.
Alternatives alternatives_of(const Entry& entry, bool any_proto) {
    Alternatives spelled_out{.sports = {entry.sport}, .dports = {entry.dport}, .protos = {{}}};
    if (!any_proto) {
        const std::vector<uint8_t> protos = protos_in(entry.protos);
        if (protos.size() <= spelled_max) {
            spelled_out.protos.assign(protos.begin(), protos.end());
        }
    }
    const auto try_list = [&](std::vector<PortSpec>& side, const PortSpec& spec) {
        if (spec.ranges.size() > 1 && spec.ranges.size() <= spelled_max / spelled_out.count()) {
            side = spelled(spec);
        }
    };
    try_list(spelled_out.dports, entry.dport);
    try_list(spelled_out.sports, entry.sport);
    return spelled_out;
}

} // namespace

std::vector<Entry> entries_of(const pc_record& record, const EntryLists& lists, Family family) {
    constexpr uint16_t both = PC_NEEDS_PORTS | PC_NEEDS_ICMP;
    const uint8_t family_bit = family == Family::v4 ? PC_IPV4 : PC_IPV6;
    if ((record.families & family_bit) == 0 || (record.flags & both) == both) {
        return {};
    }
    Entry entry;
    entry.family = family;
    entry.src = address_of(record.saddr, record.smask, record.saddr_set);
    entry.dst = address_of(record.daddr, record.dmask, record.daddr_set);
    entry.addresses = family == Family::v6 && (entry.src.length > 0 || entry.dst.length > 0);
    fill_ports(record, lists, entry);
    fill_zones(record, entry);
    entry.protos.fill(~0ULL);
    if (record.proto_set != 0) {
        std::copy_n(std::begin(lists.bytes[record.proto_set].bits), 4, entry.protos.begin());
    }
    const bool ask = must_ask(record, entry);
    const Alternatives alternatives = alternatives_of(entry, record.proto_set == 0);
    std::vector<Entry> entries;
    for (const auto& proto : alternatives.protos) {
        for (const PortSpec& sport : alternatives.sports) {
            for (const PortSpec& dport : alternatives.dports) {
                Entry one = entry;
                one.proto = proto;
                if (proto) {
                    one.protos.fill(0);
                    one.protos[*proto / 64] = 1ULL << (*proto % 64);
                }
                one.sport = sport;
                one.dport = dport;
                one.check = ask || sport.ranges.size() > 1 || dport.ranges.size() > 1 ||
                            (!proto && record.proto_set != 0);
                entries.push_back(std::move(one));
            }
        }
    }
    return entries;
}

uint32_t rule_word_of(const pc_record& record) {
    uint32_t word = static_cast<uint32_t>(record.action) << 20;
    word |= static_cast<uint32_t>(record.log) << 23;
    word |= (record.flags & PC_AT_TC) != 0 ? PC_RULE_AT_TC : 0;
    word |= record.out_zones != ~0ULL ? PC_RULE_NAMES_OUT : 0;
    return word;
}

} // namespace pc
