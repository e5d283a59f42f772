// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/flow_frame.h"

#include <algorithm>

namespace pc::test {

namespace {

using Bytes = std::vector<std::byte>;

void put(Bytes& to, uint64_t value, size_t bytes) {
    for (size_t i = bytes; i > 0; i--) {
        to.push_back(static_cast<std::byte>(value >> (8 * (i - 1)) & 0xffU));
    }
}

void put(Bytes& to, const Address& address) {
    for (size_t i = 0; i < (address.family == Family::v4 ? 4U : 16U); i++) {
        put(to, address.bytes.at(i), 1);
    }
}

void write(Bytes& to, size_t at, const Bytes& from) {
    std::copy(from.begin(), from.end(), to.begin() + static_cast<std::ptrdiff_t>(at));
}

// MSS, SACK permitted, timestamps and window scale, as in the SYN of a Linux host.
Bytes tcp_options(const FlowPacket& packet, const FlowShape& shape) {
    Bytes options;
    const bool syn = packet.flags / tcp_syn % 2 == 1;
    if (shape.more_options && syn) {
        put(options, 0x020405b40402, 6);
    } else if (shape.more_options) {
        put(options, 0x0101, 2);
    }
    if (shape.more_options) {
        put(options, 0x080a, 2);
        put(options, 0x0102030405060708, 8);
    }
    if (packet.scale) {
        put(options, 0x01030300U + *packet.scale, 4);
    }
    options.resize((options.size() + 3) / 4 * 4);
    return options;
}

// Type, code and the like are there; what complains carries the header and eight bytes of L4.
Bytes inner_of(const InnerPacket& inner) {
    Bytes bytes;
    if (inner.from.address.family == Family::v4) {
        put(bytes, 0x45000100, 4);
        put(bytes, 0x12340000, 4);
        put(bytes, 0x4000U + inner.proto, 2);
        put(bytes, 0, 2);
    } else {
        put(bytes, 0x60000000, 4);
        put(bytes, 0x0100, 2);
        put(bytes, inner.proto, 1);
        put(bytes, 0x40, 1);
    }
    put(bytes, inner.from.address);
    put(bytes, inner.to.address);
    if (is_icmp(inner.proto, inner.from.address.family)) {
        put(bytes, static_cast<uint64_t>(inner.icmp_type) << 24U, 4);
        put(bytes, static_cast<uint64_t>(inner.from.port) << 16U | 1U, 4);
    } else if (has_ports(inner.proto)) {
        put(bytes, inner.from.port, 2);
        put(bytes, inner.to.port, 2);
        put(bytes, inner.seq, 4);
    } else {
        put(bytes, 0, 8);
    }
    return bytes;
}

// What follows the header that tests/support/frame.h knows.
uint32_t l4_more(const FlowPacket& packet, const FlowShape& shape) {
    if (packet.proto == proto_tcp) {
        return static_cast<uint32_t>(tcp_options(packet, shape).size()) + packet.payload;
    }
    return packet.inner ? static_cast<uint32_t>(inner_of(*packet.inner).size()) : packet.payload;
}

uint32_t extensions(const FlowPacket& packet, const FrameShape& shape) {
    if (packet.from.address.family == Family::v4) {
        return shape.ipv4_option_words * 4U;
    }
    return (shape.extension_headers ? 16U : 0U) + (shape.atomic_fragment ? 8U : 0U);
}

} // namespace

Packet packet_of(const FlowPacket& packet, const std::string& zone, pc_state_bit state) {
    Packet seen;
    seen.in = zone;
    seen.src = packet.from.address;
    seen.dst = packet.to.address;
    seen.proto = packet.proto;
    seen.state = state;
    seen.len = packet.len;
    if (has_ports(packet.proto)) {
        seen.sport = packet.from.port;
        seen.dport = packet.to.port;
    }
    if (packet.proto == proto_tcp) {
        seen.tcp_flags = packet.flags;
    }
    if (is_icmp(packet.proto, packet.from.address.family)) {
        seen.icmp_type = packet.icmp_type;
        seen.icmp_code = 0;
    }
    return seen;
}

void measure(FlowPacket& packet, const FlowShape& shape) {
    packet.len = len_min(packet_of(packet, "", PC_STATE_NEW)) + l4_more(packet, shape) +
                 extensions(packet, shape.frame);
}

std::vector<std::byte> frame_of(const FlowPacket& packet, const FlowShape& shape) {
    const Packet seen = packet_of(packet, "", PC_STATE_NEW);
    Bytes frame = frame_of(seen, shape.frame);
    const uint32_t more = l4_more(packet, shape);
    const uint32_t ip = packet.from.address.family == Family::v4 ? 20U : 40U;
    const size_t l4 = frame.size() - more - (len_min(seen) - ip);
    Bytes header;
    if (packet.proto == proto_tcp) {
        const Bytes options = tcp_options(packet, shape);
        put(header, packet.seq, 4);
        put(header, packet.ack, 4);
        put(header, (5 + options.size() / 4) << 4U, 1);
        put(header, packet.flags, 1);
        put(header, packet.window, 2);
        put(header, 0, 4);
        header.insert(header.end(), options.begin(), options.end());
        write(frame, l4 + 4, header);
    } else if (packet.inner) {
        write(frame, l4 + 8, inner_of(*packet.inner));
    } else if (is_icmp(packet.proto, packet.from.address.family)) {
        put(header, packet.from.port, 2);
        write(frame, l4 + 4, header);
    }
    return frame;
}

} // namespace pc::test
