// SPDX-License-Identifier: GPL-3.0-or-later
// Frames written layer by layer:
//     Ethernet{} / Vlan{.id = 7} / Ipv4{.ttl = 3} / Tcp{.dport = 80} / Payload{10}
// Lengths, checksums, EtherTypes and protocols are right unless a layer says otherwise. Numbers are
// in host order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rules/net.h"

namespace pc::test {

using Mac = std::array<uint8_t, 6>;
using Number16 = std::optional<uint16_t>;
using Number8 = std::optional<uint8_t>;

struct Ethernet {
    Mac dst = {2, 0, 0, 0, 0, 2}, src = {2, 0, 0, 0, 0, 1};
    Number16 type = {};
};

struct Vlan {
    uint16_t id = 0;
    uint8_t priority = 0;
    uint16_t tpid = 0x8100;
    Number16 type = {};
};

struct Pppoe {
    uint8_t version_type = 0x11, code = 0;
    Number16 proto = {}, len = {};
};

struct Ipv4 {
    std::string src = "192.0.2.1", dst = "198.51.100.2";
    uint8_t ttl = 64, dscp = 0;
    uint16_t frag_offset = 0; // in units of 8 bytes
    bool more = false;
    uint8_t option_words = 0;
    uint8_t version = 4;
    Number8 ihl = {}, proto = {};
    Number16 len = {};
};

struct Ipv6 {
    std::string src = "2001:db8::1", dst = "2001:db8:1::2";
    uint8_t ttl = 64, dscp = 0, version = 6;
    Number8 next = {};
    Number16 len = {};
};

// Hop-by-hop options (0), routing (43), destination options (60), AH (51), ...; `len` is the
// header's own length field, in the unit of its type.
struct Extension {
    uint8_t type = 60, len = 0;
    Number8 next = {};
};

struct Fragment {
    uint16_t offset = 0; // in units of 8 bytes
    bool more = false;
    Number8 next = {};
};

struct Tcp {
    uint16_t sport = 40000, dport = 80;
    uint32_t seq = 1000, ack = 0;
    uint8_t flags = 2; // SYN
    uint8_t option_words = 0;
    Number8 data_offset = {}; // in words
};

struct Udp {
    uint16_t sport = 40000, dport = 53;
    Number16 len = {};
    uint8_t proto = 17; // 136: UDP-Lite
};

struct Sctp {
    uint16_t sport = 40000, dport = 9899;
    uint8_t proto = 132; // 33: DCCP
};

// ICMP in IPv4, ICMPv6 in IPv6.
struct Icmp {
    uint8_t type = 8, code = 0;
};

// `size` bytes 0, 1, 2, ..., or `bytes` if there are any.
struct Payload {
    size_t size = 0;
    std::vector<uint8_t> bytes = {};
};

using Layer = std::variant<Ethernet, Vlan, Pppoe, Ipv4, Ipv6, Extension, Fragment, Tcp, Udp, Sctp,
                           Icmp, Payload>;

struct Layers {
    std::vector<Layer> list;
};

[[nodiscard]] std::vector<std::byte> bytes_of(const Layers& layers);

// "adds up" as a receiver does it: the checksums of IPv4, TCP, UDP, ICMP and ICMPv6 of this packet,
// from the IP header on. Fragments and extension headers are not followed.
[[nodiscard]] bool has_right_checksums(const std::vector<std::byte>& l3);

inline Layers operator/(const Layer& first, const Layer& second) {
    return {{first, second}};
}

inline Layers operator/(Layers layers, const Layer& next) {
    layers.list.push_back(next);
    return layers;
}

} // namespace pc::test
