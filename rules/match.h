// SPDX-License-Identifier: GPL-3.0-or-later
// What a rule asks of a packet: lists of items, one list a field.
//
// Lists: an empty vector means "not named, anything matches". A value matches a list if a positive
// item holds it (or the list has no positive item) and no negated item ("!x") holds it.
#pragma once

#include "rules/abi.h"
#include "rules/diagnostic.h"
#include "rules/net.h"

namespace pc {

// A prefix, range, address or set.
struct AddressItem {
    bool negated = false;
    std::string set; // without '@'; empty: `range`
    AddressRange range;
    Location at;
};

// A port, protocol, ICMP type or code, length, DSCP, TTL or VLAN id (untagged: PC_VLAN_NONE).
struct NumberItem {
    bool negated = false;
    std::string set; // only ports and protocols
    NumberRange range;
    Location at;
};

struct ZoneItem {
    bool negated = false;
    std::string zone;
    Location at;
};

// "syn,!ack": (flags & mask) == value. Several items are alternatives.
struct TcpFlagsItem {
    uint8_t mask = 0;
    uint8_t value = 0;
    Location at;
};

struct MacItem {
    bool negated = false;
    MacAddress mac;
    Location at;
};

struct StateItem {
    bool negated = false;
    pc_state_bit state = PC_STATE_NEW;
    Location at;
};

struct Match {
    std::vector<ZoneItem> in, out;
    std::vector<AddressItem> src, dst;
    std::vector<NumberItem> proto, sport, dport, icmp_type, icmp_code, len, dscp, ttl, vlan;
    std::vector<TcpFlagsItem> tcp_flags;
    uint8_t frags = 0; // bits of pc_frag_bit; 0: not named
    std::vector<MacItem> src_mac;
    std::vector<StateItem> states;
};

// The bits of pc_state_bit that match the list.
[[nodiscard]] inline uint8_t state_bits(const std::vector<StateItem>& items) {
    unsigned positive = 0;
    unsigned negative = 0;
    for (const StateItem& item : items) {
        (item.negated ? negative : positive) |= static_cast<unsigned>(item.state);
    }
    positive = positive == 0 ? unsigned{PC_STATES_ALL} : positive;
    return static_cast<uint8_t>(positive & ~negative);
}

} // namespace pc
