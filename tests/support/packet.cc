// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/packet.h"

#include <algorithm>
#include <cassert>

namespace pc::test {
namespace {

using Bytes = std::vector<uint8_t>;

void put16(Bytes& to, uint32_t value) {
    to.push_back(static_cast<uint8_t>(value >> 8));
    to.push_back(static_cast<uint8_t>(value));
}

void put32(Bytes& to, uint32_t value) {
    put16(to, value >> 16);
    put16(to, value);
}

void append(Bytes& to, const Bytes& more) {
    to.insert(to.end(), more.begin(), more.end());
}

void set16(Bytes& to, size_t at, uint32_t value) {
    to[at] = static_cast<uint8_t>(value >> 8);
    to[at + 1] = static_cast<uint8_t>(value);
}

uint16_t get16(const Bytes& from, size_t at) {
    return static_cast<uint16_t>(from[at] << 8 | from[at + 1]);
}

Bytes address(const std::string& text) {
    const auto parsed = parse_address(text);
    assert(parsed);
    const auto& bytes = parsed->bytes;
    return Bytes(bytes.begin(), bytes.begin() + (parsed->family == Family::v4 ? 4 : 16));
}

uint16_t checksum(const Bytes& bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); i += 2) {
        sum += static_cast<uint32_t>(bytes[i]) << 8;
        sum += i + 1 < bytes.size() ? bytes[i + 1] : 0;
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<uint16_t>(~sum);
}

// What the transport checksums cover besides their packet; empty where there is no IP header.
struct Around {
    Bytes src, dst;

    [[nodiscard]] bool v6() const { return src.size() == 16; }

    [[nodiscard]] uint16_t checksum_of(uint8_t proto, const Bytes& packet) const {
        Bytes all = src;
        append(all, dst);
        put32(all, static_cast<uint32_t>(packet.size()));
        put32(all, proto);
        append(all, packet);
        return checksum(all);
    }
};

// Which number the layer before uses for this one: an EtherType, a PPP protocol or an IP protocol.
struct NumberOf {
    bool v6 = false;

    uint16_t operator()(const Vlan& vlan) const { return vlan.tpid; }

    uint16_t operator()(const Pppoe&) const { return 0x8864; }

    uint16_t operator()(const Ipv4&) const { return 0x0800; }

    uint16_t operator()(const Ipv6&) const { return 0x86dd; }

    uint16_t operator()(const Extension& extension) const { return extension.type; }

    uint16_t operator()(const Fragment&) const { return 44; }

    uint16_t operator()(const Tcp&) const { return 6; }

    uint16_t operator()(const Udp& udp) const { return udp.proto; }

    uint16_t operator()(const Sctp& sctp) const { return sctp.proto; }

    uint16_t operator()(const Icmp&) const { return v6 ? 58 : 1; }

    uint16_t operator()(const Ethernet&) const { return 0x6558; }

    uint16_t operator()(const Payload&) const { return 59; }
};

// Writes one layer; `body` is what follows it, `next` its number.
struct Writer {
    const Bytes& body;
    uint16_t next;
    const Around& around;

    Bytes operator()(const Ethernet& eth) const {
        Bytes out(eth.dst.begin(), eth.dst.end());
        out.insert(out.end(), eth.src.begin(), eth.src.end());
        put16(out, eth.type.value_or(next));
        return out;
    }

    Bytes operator()(const Vlan& vlan) const {
        Bytes out;
        put16(out, static_cast<uint32_t>(vlan.priority << 13) | vlan.id);
        put16(out, vlan.type.value_or(next));
        return out;
    }

    Bytes operator()(const Pppoe& ppp) const {
        Bytes out = {ppp.version_type, ppp.code, 0, 1};
        put16(out, ppp.len.value_or(static_cast<uint16_t>(2 + body.size())));
        put16(out, ppp.proto.value_or(next == 0x0800 ? 0x0021 : 0x0057));
        return out;
    }

    Bytes operator()(const Ipv4& ip) const {
        const size_t size = 20 + ip.option_words * size_t{4};
        Bytes out = {
            static_cast<uint8_t>(ip.version << 4 | ip.ihl.value_or(static_cast<uint8_t>(size / 4))),
            static_cast<uint8_t>(ip.dscp << 2)};
        put16(out, ip.len.value_or(static_cast<uint16_t>(size + body.size())));
        put16(out, 0x1234);
        put16(out, ip.frag_offset | (ip.more ? 0x2000U : 0));
        out.push_back(ip.ttl);
        out.push_back(ip.proto.value_or(static_cast<uint8_t>(next)));
        put16(out, 0);
        append(out, address(ip.src));
        append(out, address(ip.dst));
        out.resize(size, 1); // options: no operation
        set16(out, 10, checksum(out));
        return out;
    }

    Bytes operator()(const Ipv6& ip) const {
        Bytes out;
        put32(out, static_cast<uint32_t>(ip.version) << 28 | static_cast<uint32_t>(ip.dscp) << 22);
        put16(out, ip.len.value_or(static_cast<uint16_t>(body.size())));
        out.push_back(ip.next.value_or(static_cast<uint8_t>(next)));
        out.push_back(ip.ttl);
        append(out, address(ip.src));
        append(out, address(ip.dst));
        return out;
    }

    Bytes operator()(const Extension& extension) const {
        const size_t size = extension.type == 51 ? (extension.len + size_t{2}) * 4
                                                 : (extension.len + size_t{1}) * 8;
        Bytes out = {extension.next.value_or(static_cast<uint8_t>(next)), extension.len};
        out.resize(size, 0);
        return out;
    }

    Bytes operator()(const Fragment& fragment) const {
        Bytes out = {fragment.next.value_or(static_cast<uint8_t>(next)), 0};
        put16(out, static_cast<uint32_t>(fragment.offset << 3) | (fragment.more ? 1U : 0));
        put32(out, 0x12345678);
        return out;
    }

    Bytes operator()(const Tcp& tcp) const {
        Bytes out;
        put16(out, tcp.sport);
        put16(out, tcp.dport);
        put32(out, tcp.seq);
        put32(out, tcp.ack);
        out.push_back(static_cast<uint8_t>(
            tcp.data_offset.value_or(static_cast<uint8_t>(5 + tcp.option_words)) << 4));
        out.push_back(tcp.flags);
        put16(out, 65535);
        put32(out, 0);
        out.resize(20 + tcp.option_words * size_t{4}, 1);
        return with_checksum(out, 16, 6);
    }

    Bytes operator()(const Udp& udp) const {
        Bytes out;
        put16(out, udp.sport);
        put16(out, udp.dport);
        put16(out, udp.len.value_or(static_cast<uint16_t>(8 + body.size())));
        put16(out, 0);
        return with_checksum(out, 6, udp.proto);
    }

    Bytes operator()(const Sctp& sctp) const {
        Bytes out;
        put16(out, sctp.sport);
        put16(out, sctp.dport);
        out.resize(12, 0);
        return out;
    }

    Bytes operator()(const Icmp& icmp) const {
        Bytes out = {icmp.type, icmp.code, 0, 0, 0, 7, 0, 1};
        if (around.v6()) {
            return with_checksum(out, 2, 58);
        }
        Bytes all = out;
        append(all, body);
        set16(out, 2, checksum(all));
        return out;
    }

    Bytes operator()(const Payload& payload) const {
        Bytes out = payload.bytes;
        for (size_t i = 0; payload.bytes.empty() && i < payload.size; ++i) {
            out.push_back(static_cast<uint8_t>(i));
        }
        return out;
    }

    [[nodiscard]] Bytes with_checksum(Bytes out, size_t at, uint8_t proto) const {
        Bytes all = out;
        append(all, body);
        set16(out, at, around.checksum_of(proto, all));
        return out;
    }
};

// The addresses of the IP header that stands before layer `at`.
Around around_of(const std::vector<Layer>& layers, size_t at) {
    while (at-- > 0) {
        if (const auto* ipv4 = std::get_if<Ipv4>(&layers[at])) {
            return {address(ipv4->src), address(ipv4->dst)};
        }
        if (const auto* ipv6 = std::get_if<Ipv6>(&layers[at])) {
            return {address(ipv6->src), address(ipv6->dst)};
        }
    }
    return {};
}

} // namespace

std::vector<std::byte> bytes_of(const Layers& layers) {
    Bytes body;
    for (size_t at = layers.list.size(); at-- > 0;) {
        const Around around = around_of(layers.list, at);
        const bool last = at + 1 == layers.list.size();
        const uint16_t next =
            last ? uint16_t{59}
                 : std::visit(NumberOf{around_of(layers.list, at + 1).v6()}, layers.list[at + 1]);
        Bytes bytes = std::visit(Writer{body, next, around}, layers.list[at]);
        append(bytes, body);
        body = std::move(bytes);
    }
    std::vector<std::byte> out;
    out.reserve(body.size());
    for (const uint8_t byte : body) {
        out.push_back(std::byte{byte});
    }
    return out;
}

bool has_right_checksums(const std::vector<std::byte>& l3) {
    Bytes all;
    for (const std::byte byte : l3) {
        all.push_back(static_cast<uint8_t>(byte));
    }
    const bool v6 = all.at(0) >> 4 == 6;
    const size_t size = v6 ? 40 : (all[0] & 15) * size_t{4};
    const size_t end = v6 ? 40 + size_t{get16(all, 4)} : get16(all, 2);
    const uint8_t proto = v6 ? all.at(6) : all.at(9);
    if (end > all.size() || (!v6 && checksum(Bytes(all.begin(), all.begin() + size)) != 0)) {
        return false;
    }
    const auto bytes = [&](size_t from, size_t to) {
        return Bytes(all.begin() + static_cast<ptrdiff_t>(from),
                     all.begin() + static_cast<ptrdiff_t>(to));
    };
    const Bytes packet = bytes(size, end);
    if (proto == 1) {
        return checksum(packet) == 0;
    }
    const Around around =
        v6 ? Around{bytes(8, 24), bytes(24, 40)} : Around{bytes(12, 16), bytes(16, 20)};
    return around.checksum_of(proto, packet) == 0;
}

} // namespace pc::test
