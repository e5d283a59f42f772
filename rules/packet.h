// SPDX-License-Identifier: GPL-3.0-or-later
// A packet as the rules see it, for the oracle and for `explain packet`; not bytes.
#pragma once

#include <span>

#include "rules/rule.h"

namespace pc {

struct Packet {
    std::optional<std::string> in;  // zone; none: the router's own packet; "": entered, by no zone
    std::optional<std::string> out; // zone; none: for the router itself, or not known
    Address src, dst;               // of one family
    uint8_t proto = 6;              // the upper-layer protocol, after IPv6 extension headers
    std::optional<uint16_t> sport, dport;        // none: no ports (ICMP, later fragment, ...)
    std::optional<uint8_t> icmp_type, icmp_code; // ICMP in IPv4, ICMPv6 in IPv6
    std::optional<uint8_t> tcp_flags;            // FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ...
    pc_frag_bit frag = PC_FRAG_NONE;
    pc_state_bit state = PC_STATE_NEW; // how it stands to the flows that are known
    uint32_t len = 60;                 // of L3: IPv4 total length, IPv6 payload length + 40
    uint8_t dscp = 0;
    uint8_t ttl = 64;             // hop limit
    uint32_t vlan = PC_VLAN_NONE; // the outermost id
    std::optional<MacAddress> src_mac;
};

inline constexpr uint8_t proto_icmp = 1;
inline constexpr uint8_t proto_tcp = 6;
inline constexpr uint8_t proto_udp = 17;
inline constexpr uint8_t proto_dccp = 33;
inline constexpr uint8_t proto_icmp6 = 58;
inline constexpr uint8_t proto_sctp = 132;
inline constexpr uint8_t proto_udplite = 136;

// TCP, UDP, UDP-Lite, SCTP and DCCP have ports.
[[nodiscard]] bool has_ports(uint8_t proto);
[[nodiscard]] bool has_icmp(Family family, uint8_t proto);

// "ipv4 / tcp syn, 60 bytes": the packet without its zones, for people.
[[nodiscard]] std::string describe(const Packet& packet);

struct ParsedPacket {
    Packet packet;
    Diagnostics diagnostics; // file 0 is the command line itself, "<cli>"
    SourceFile line;
};

// "[packet] [in ZONE | from self] PROTO SRC[:PORT] DST[:PORT] [out ZONE] [flags F] [len N] [ttl N]
// [dscp N] [vlan N] [frag F] [type T] [code C] [mac M] [state S]"; IPv6 in brackets when a port
// follows; without `in` it is the router's own packet. A TCP packet without `flags` is a SYN, an
// ICMP packet without `type` an echo request, ports not given are 40000 and 0. Nothing twice.
[[nodiscard]] ParsedPacket parse_packet(std::span<const std::string> words, const RuleSet& rules);

} // namespace pc
