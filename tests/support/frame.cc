// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/frame.h"

#include <algorithm>
#include <cassert>

namespace pc::test {

namespace {

using Bytes = std::vector<std::byte>;

constexpr uint16_t ethertype_ipv4 = 0x0800;
constexpr uint16_t ethertype_ipv6 = 0x86dd;
constexpr uint16_t ethertype_vlan = 0x8100;
constexpr uint16_t ethertype_qinq = 0x88a8;
constexpr uint16_t ethertype_pppoe = 0x8864;
constexpr uint16_t ppp_ipv4 = 0x0021;
constexpr uint16_t ppp_ipv6 = 0x0057;
constexpr uint8_t next_hop_by_hop = 0;
constexpr uint8_t next_fragment = 44;
constexpr uint8_t next_destination = 60;
constexpr size_t ipv4_size = 20;
constexpr size_t ipv6_size = 40;
constexpr size_t extension_size = 8;
constexpr unsigned later_offset = 185; // of 8 bytes: a fragment of 1,480 bytes went before

void put8(Bytes& to, unsigned value) {
    to.push_back(static_cast<std::byte>(value));
}

void put16(Bytes& to, unsigned value) {
    put8(to, (value >> 8U) & 0xffU);
    put8(to, value & 0xffU);
}

void put32(Bytes& to, uint32_t value) {
    put16(to, value >> 16U);
    put16(to, value & 0xffffU);
}

void put(Bytes& to, const Bytes& from) {
    to.insert(to.end(), from.begin(), from.end());
}

void set16(Bytes& in, size_t at, unsigned value) {
    in[at] = static_cast<std::byte>(value >> 8U);
    in[at + 1] = static_cast<std::byte>(value & 0xffU);
}

void put_address(Bytes& to, const Address& address) {
    const size_t size = address.family == Family::v4 ? 4 : 16;
    for (size_t i = 0; i < size; ++i) {
        put8(to, address.bytes.at(i));
    }
}

void put_mac(Bytes& to, const MacAddress& mac) {
    for (const uint8_t byte : mac.bytes) {
        put8(to, byte);
    }
}

unsigned checksum(const Bytes& bytes) {
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
        sum += static_cast<uint64_t>(bytes[i]) << (i % 2 == 0 ? 8U : 0U);
    }
    while (sum > 0xffffU) {
        sum = (sum & 0xffffU) + (sum >> 16U);
    }
    return static_cast<unsigned>(~sum & 0xffffU);
}

unsigned checksum_with_addresses(const Packet& packet, const Bytes& l4) {
    Bytes pseudo;
    put_address(pseudo, packet.src);
    put_address(pseudo, packet.dst);
    put32(pseudo, static_cast<uint32_t>(l4.size()));
    put32(pseudo, packet.proto);
    put(pseudo, l4);
    return checksum(pseudo);
}

uint32_t crc32c(const Bytes& bytes) {
    uint32_t crc = 0xffffffffU;
    for (const std::byte byte : bytes) {
        crc ^= static_cast<uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
        }
    }
    return ~crc;
}

// ---- the transport header

size_t l4_size(const Packet& packet) {
    if (packet.frag == PC_FRAG_LATER) {
        return 0;
    }
    switch (packet.proto) {
    case proto_tcp:
    case proto_dccp:
        return 20;
    case proto_sctp:
        return 12;
    case proto_udp:
    case proto_udplite:
    case proto_icmp:
    case proto_icmp6:
        return 8;
    default:
        return 0;
    }
}

// With zero checksums.
Bytes l4_header(const Packet& packet, size_t payload) {
    Bytes header;
    const unsigned sport = packet.sport.value_or(0);
    const unsigned dport = packet.dport.value_or(0);
    if (packet.proto == proto_icmp || packet.proto == proto_icmp6) {
        put8(header, packet.icmp_type.value_or(0));
        put8(header, packet.icmp_code.value_or(0));
        put16(header, 0);
        put32(header, 0x00010001); // identifier and sequence number of an echo
        return header;
    }
    put16(header, sport);
    put16(header, dport);
    if (packet.proto == proto_tcp) {
        put32(header, 1000); // sequence number
        put32(header, 2000); // acknowledgement
        put8(header, 5U << 4U);
        put8(header, packet.tcp_flags.value_or(0));
        put16(header, 64240);
        put32(header, 0);
    } else if (packet.proto == proto_udp) {
        const size_t following = packet.frag == PC_FRAG_FIRST ? 1000 : 0;
        put16(header, static_cast<unsigned>(8 + payload + following));
        put16(header, 0);
    } else if (packet.proto == proto_udplite) {
        put32(header, 0); // coverage 0: the whole datagram
    } else if (packet.proto == proto_sctp) {
        put32(header, 1); // verification tag
        put32(header, 0);
    } else { // a DCCP request: data offset, then type and X
        put8(header, 5);
        put8(header, 0);
        put16(header, 0);
        put32(header, 0x01000000);
        put32(header, 1);
        put32(header, 0);
    }
    return header;
}

void fill_checksum(const Packet& packet, Bytes& l4) {
    switch (packet.proto) {
    case proto_tcp:
        return set16(l4, 16, checksum_with_addresses(packet, l4));
    case proto_udp:
    case proto_udplite: {
        const unsigned sum = checksum_with_addresses(packet, l4);
        return set16(l4, 6, sum == 0 ? 0xffffU : sum);
    }
    case proto_dccp:
        return set16(l4, 6, checksum_with_addresses(packet, l4));
    case proto_icmp:
        return set16(l4, 2, checksum(l4));
    case proto_icmp6:
        return set16(l4, 2, checksum_with_addresses(packet, l4));
    case proto_sctp: {
        const uint32_t crc = crc32c(l4); // the one little-endian field of them all
        for (unsigned i = 0; i < 4; ++i) {
            l4[8 + i] = static_cast<std::byte>((crc >> (8 * i)) & 0xffU);
        }
        return;
    }
    default:
        return;
    }
}

Bytes l4_of(const Packet& packet, size_t size) {
    const size_t header = l4_size(packet);
    assert(size >= header);
    Bytes bytes = header == 0 ? Bytes() : l4_header(packet, size - header);
    for (size_t i = bytes.size(); i < size; ++i) {
        put8(bytes, static_cast<unsigned>('a' + i % 26));
    }
    if (header != 0) {
        fill_checksum(packet, bytes);
    }
    return bytes;
}

// ---- the network header

unsigned fragment_bits(const Packet& packet, unsigned more) {
    return packet.frag == PC_FRAG_FIRST ? more : packet.frag == PC_FRAG_LATER ? later_offset : 0;
}

Bytes ipv4(const Packet& packet, const FrameShape& shape) {
    const size_t spare = packet.len - len_min(packet);
    const size_t options = std::min<size_t>({shape.ipv4_option_words, 10, spare / 4}) * 4;
    Bytes bytes;
    put8(bytes, static_cast<unsigned>(0x40 + (ipv4_size + options) / 4));
    put8(bytes, packet.dscp * 4U);
    put16(bytes, packet.len);
    put16(bytes, 0x1234);
    put16(bytes, fragment_bits(packet, 0x2000));
    put8(bytes, packet.ttl);
    put8(bytes, packet.proto);
    put16(bytes, 0);
    put_address(bytes, packet.src);
    put_address(bytes, packet.dst);
    bytes.resize(bytes.size() + options, std::byte{1});
    set16(bytes, 10, checksum(bytes));
    put(bytes, l4_of(packet, packet.len - bytes.size()));
    return bytes;
}

Bytes ipv6(const Packet& packet, const FrameShape& shape) {
    size_t spare = packet.len - len_min(packet);
    std::vector<uint8_t> chain;
    if (shape.extension_headers && spare >= 2 * extension_size) {
        chain = {next_hop_by_hop, next_destination};
        spare -= 2 * extension_size;
    }
    const bool atomic =
        packet.frag == PC_FRAG_NONE && shape.atomic_fragment && spare >= extension_size;
    if (packet.frag != PC_FRAG_NONE || atomic) {
        chain.push_back(next_fragment);
    }
    chain.push_back(packet.proto);

    Bytes bytes;
    put32(bytes, 0x60000000U | static_cast<uint32_t>(packet.dscp) << 22U);
    put16(bytes, static_cast<unsigned>(packet.len - ipv6_size));
    put8(bytes, chain[0]);
    put8(bytes, packet.ttl);
    put_address(bytes, packet.src);
    put_address(bytes, packet.dst);
    for (size_t i = 0; i + 1 < chain.size(); ++i) {
        put8(bytes, chain[i + 1]);
        put8(bytes, 0);
        if (chain[i] == next_fragment) {
            put16(bytes,
                  packet.frag == PC_FRAG_LATER ? later_offset * 8 : fragment_bits(packet, 1));
            put32(bytes, 0x12345678);
        } else {
            put16(bytes, 0x0104); // PadN, six bytes in all
            put32(bytes, 0);
        }
    }
    put(bytes, l4_of(packet, packet.len - bytes.size()));
    return bytes;
}

void put_link(Bytes& to, const Packet& packet, const FrameShape& shape) {
    const bool v4 = packet.src.family == Family::v4;
    put_mac(to, {{0x02, 0, 0, 0, 0, 0xfe}});
    put_mac(to, packet.src_mac.value_or(MacAddress{{0x02, 0, 0, 0, 0, 0x01}}));
    const bool tagged = packet.vlan != PC_VLAN_NONE || shape.priority_tag;
    const bool inner = packet.vlan != PC_VLAN_NONE && shape.inner_tag;
    if (tagged) {
        put16(to, inner ? ethertype_qinq : ethertype_vlan);
        put16(to, packet.vlan == PC_VLAN_NONE ? 5U << 13U : packet.vlan);
    }
    if (inner) {
        put16(to, ethertype_vlan);
        put16(to, 7);
    }
    if (shape.pppoe) {
        put16(to, ethertype_pppoe);
        put16(to, 0x1100);
        put16(to, 0x0001);
        put16(to, packet.len + 2);
        put16(to, v4 ? ppp_ipv4 : ppp_ipv6);
    } else {
        put16(to, v4 ? ethertype_ipv4 : ethertype_ipv6);
    }
}

} // namespace

uint32_t len_min(const Packet& packet) {
    const bool v4 = packet.src.family == Family::v4;
    const size_t header =
        v4 ? ipv4_size : ipv6_size + (packet.frag == PC_FRAG_NONE ? 0 : extension_size);
    // A fragment without a byte would not be one.
    const size_t fragment = packet.frag == PC_FRAG_NONE ? 0 : 8;
    return static_cast<uint32_t>(header + std::max(l4_size(packet), fragment));
}

std::vector<std::byte> frame_of(const Packet& packet, const FrameShape& shape) {
    assert(packet.src.family == packet.dst.family);
    assert(packet.len >= len_min(packet));
    Bytes frame;
    put_link(frame, packet, shape);
    put(frame, packet.src.family == Family::v4 ? ipv4(packet, shape) : ipv6(packet, shape));
    return frame;
}

} // namespace pc::test
