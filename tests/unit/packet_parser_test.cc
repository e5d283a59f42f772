// SPDX-License-Identifier: GPL-3.0-or-later
// xdp/parse.h, built for the host.
#include <cstring>
#include <memory>

#include <catch2/catch.hpp>

#include "tests/support/packet.h"
#include "xdp/parse.h"

namespace pc::test {
namespace {

struct Parsed {
    bool ok = false;
    pc_packet packet{};

    [[nodiscard]] pc_reason reason() const {
        return ok ? PC_REASON_NONE : static_cast<pc_reason>(packet.reason);
    }
};

// The frame lies in memory of exactly its size, so that a sanitizer sees a read behind it.
Parsed parse(const std::vector<std::byte>& frame, uint32_t tag = PC_NO_TAG) {
    const auto bytes = std::make_unique<std::byte[]>(frame.size());
    std::copy(frame.begin(), frame.end(), bytes.get());
    const pc_cursor cursor{.data = bytes.get(),
                           .data_end = bytes.get() + frame.size(),
                           .len = static_cast<uint32_t>(frame.size()),
                           .tag = tag};
    Parsed parsed;
    parsed.ok = pc_parse(&cursor, &parsed.packet);
    return parsed;
}

Parsed parse(const Layers& layers, uint32_t tag = PC_NO_TAG) {
    return parse(bytes_of(layers), tag);
}

pc_reason reason_of(const Layers& layers, uint32_t tag = PC_NO_TAG) {
    return parse(layers, tag).reason();
}

// The first `size` bytes.
std::vector<std::byte> cut(std::vector<std::byte> frame, size_t size) {
    frame.resize(size);
    return frame;
}

bool is_address(const __be32* words, const std::string& text) {
    const auto address = parse_address(text);
    std::array<uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), words, bytes.size());
    return address && address->bytes == bytes;
}

// A way to write the packet twice: each test of the transport runs over both.
std::vector<Layers> both_families(const Layer& transport) {
    return {Ethernet{} / Ipv4{} / transport, Ethernet{} / Ipv6{} / transport};
}

} // namespace

TEST_CASE("an IPv4 TCP packet fills every field") {
    const Parsed parsed = parse(Ethernet{} / Ipv4{.ttl = 9, .dscp = 46} /
                                Tcp{.sport = 4660, .dport = 443, .flags = 0xd2} / Payload{10});
    REQUIRE(parsed.ok);
    const pc_packet& p = parsed.packet;
    CHECK(p.family == 4);
    CHECK(is_address(p.saddr, "192.0.2.1"));
    CHECK(is_address(p.daddr, "198.51.100.2"));
    CHECK(p.proto == 6);
    CHECK(p.sport == 4660);
    CHECK(p.dport == 443);
    CHECK(p.tcp_flags == 0xd2);
    CHECK(p.flags == (PC_PKT_HAS_PORTS | PC_PKT_HAS_TCP_FLAGS));
    CHECK(p.len == 50);
    CHECK(p.ttl == 9);
    CHECK(p.dscp == 46);
    CHECK(p.vlan == PC_VLAN_NONE);
    CHECK(p.frag == PC_FRAG_NONE);
    CHECK(p.l3_off == 14);
    CHECK(p.l4_off == 34);
    CHECK(p.smac[0] == 2);
    CHECK(p.smac[5] == 1);
}

TEST_CASE("an IPv6 UDP packet fills every field") {
    const Parsed parsed = parse(Ethernet{} / Ipv6{.ttl = 255, .dscp = 33} /
                                Udp{.sport = 5353, .dport = 5354} / Payload{7});
    REQUIRE(parsed.ok);
    const pc_packet& p = parsed.packet;
    CHECK(p.family == 6);
    CHECK(is_address(p.saddr, "2001:db8::1"));
    CHECK(is_address(p.daddr, "2001:db8:1::2"));
    CHECK(p.proto == 17);
    CHECK(p.sport == 5353);
    CHECK(p.dport == 5354);
    CHECK(p.flags == PC_PKT_HAS_PORTS);
    CHECK(p.len == 55);
    CHECK(p.ttl == 255);
    CHECK(p.dscp == 33);
    CHECK(p.l4_off == 54);
}

TEST_CASE("IPv4 options are skipped") {
    for (uint8_t words = 0; words <= 10; ++words) {
        const Parsed parsed = parse(Ethernet{} / Ipv4{.option_words = words} / Tcp{.dport = 22});
        REQUIRE(parsed.ok);
        CHECK(parsed.packet.dport == 22);
        CHECK(parsed.packet.l4_off == 34 + words * 4);
    }
}

TEST_CASE("ICMP is read in IPv4 and ICMPv6 in IPv6, and not the other way round") {
    for (const Layers& layers : both_families(Icmp{.type = 3, .code = 4})) {
        const Parsed parsed = parse(layers);
        REQUIRE(parsed.ok);
        CHECK(parsed.packet.flags == PC_PKT_HAS_ICMP);
        CHECK(parsed.packet.icmp_type == 3);
        CHECK(parsed.packet.icmp_code == 4);
    }
    const Parsed crossed4 = parse(Ethernet{} / Ipv4{.proto = 58} / Payload{8});
    const Parsed crossed6 = parse(Ethernet{} / Ipv6{.next = 1} / Payload{8});
    CHECK(crossed4.ok);
    CHECK(crossed4.packet.flags == 0);
    CHECK(crossed6.ok);
    CHECK(crossed6.packet.flags == 0);
}

TEST_CASE("SCTP, DCCP and UDP-Lite have ports") {
    for (const Layer& transport :
         {Layer(Sctp{.sport = 1, .dport = 2}), Layer(Sctp{.sport = 1, .dport = 2, .proto = 33}),
          Layer(Udp{.sport = 1, .dport = 2, .proto = 136})}) {
        for (const Layers& layers : both_families(transport)) {
            const Parsed parsed = parse(layers);
            REQUIRE(parsed.ok);
            CHECK(parsed.packet.flags == PC_PKT_HAS_PORTS);
            CHECK(parsed.packet.sport == 1);
            CHECK(parsed.packet.dport == 2);
        }
    }
}

TEST_CASE("other protocols have no ports and may be of any size") {
    for (const uint8_t proto : {uint8_t{2}, uint8_t{47}, uint8_t{50}, uint8_t{89}, uint8_t{255}}) {
        for (const size_t size : {size_t{0}, size_t{3}}) {
            const Parsed parsed = parse(Ethernet{} / Ipv4{.proto = proto} / Payload{size});
            REQUIRE(parsed.ok);
            CHECK(parsed.packet.proto == proto);
            CHECK(parsed.packet.flags == 0);
            CHECK(reason_of(Ethernet{} / Ipv6{.next = proto} / Payload{size}) == PC_REASON_NONE);
        }
    }
}

TEST_CASE("up to two VLAN tags are read, and the outermost id that is not 0 counts") {
    const Parsed one = parse(Ethernet{} / Vlan{.id = 7} / Ipv4{} / Tcp{});
    REQUIRE(one.ok);
    CHECK(one.packet.vlan == 7);
    CHECK(one.packet.l3_off == 18);
    const Parsed two =
        parse(Ethernet{} / Vlan{.id = 100, .tpid = 0x88a8} / Vlan{.id = 7} / Ipv6{} / Udp{});
    REQUIRE(two.ok);
    CHECK(two.packet.vlan == 100);
    CHECK(two.packet.l3_off == 22);
    const Parsed priority = parse(Ethernet{} / Vlan{.id = 0, .priority = 5} / Ipv4{} / Tcp{});
    REQUIRE(priority.ok);
    CHECK(priority.packet.vlan == PC_VLAN_NONE);
    CHECK(parse(Ethernet{} / Vlan{.id = 0} / Vlan{.id = 7} / Ipv4{} / Tcp{}).packet.vlan == 7);
    CHECK(parse(Ethernet{} / Vlan{.id = 4095, .priority = 7} / Ipv4{} / Tcp{}).packet.vlan == 4095);
    CHECK(reason_of(Ethernet{} / Vlan{.id = 1} / Vlan{.id = 2} / Vlan{.id = 3} / Ipv4{} / Tcp{}) ==
          PC_REASON_VLAN_DEPTH);
}

TEST_CASE("a tag that the hardware took counts as the first of the two") {
    CHECK(parse(Ethernet{} / Ipv4{} / Tcp{}, 0x2007).packet.vlan == 7);
    CHECK(parse(Ethernet{} / Vlan{.id = 9} / Ipv4{} / Tcp{}, 7).packet.vlan == 7);
    CHECK(parse(Ethernet{} / Vlan{.id = 9} / Ipv4{} / Tcp{}, 0).packet.vlan == 9);
    CHECK(parse(Ethernet{} / Ipv4{} / Tcp{}, 0xe000).packet.vlan == PC_VLAN_NONE);
    CHECK(reason_of(Ethernet{} / Vlan{.id = 1} / Vlan{.id = 2} / Ipv4{} / Tcp{}, 3) ==
          PC_REASON_VLAN_DEPTH);
}

TEST_CASE("PPPoE sessions are read through") {
    const Parsed ipv4 = parse(Ethernet{} / Pppoe{} / Ipv4{} / Tcp{.dport = 443} / Payload{5});
    REQUIRE(ipv4.ok);
    CHECK(ipv4.packet.dport == 443);
    CHECK(ipv4.packet.l3_off == 22);
    CHECK((ipv4.packet.flags & PC_PKT_PPPOE) != 0);
    const Parsed ipv6 = parse(Ethernet{} / Vlan{.id = 7} / Pppoe{} / Ipv6{} / Udp{.dport = 53});
    REQUIRE(ipv6.ok);
    CHECK(ipv6.packet.dport == 53);
    CHECK(ipv6.packet.vlan == 7);
    for (const uint16_t proto : {0xc021, 0x8021, 0x8057, 0xc023, 0xc223}) {
        CHECK(reason_of(Ethernet{} / Pppoe{.proto = proto} / Payload{8}) == PC_REASON_LINK_CONTROL);
    }
}

TEST_CASE("a PPPoE session that cannot be read is malformed, whatever it carries") {
    const auto reason = [](const Pppoe& ppp) {
        return reason_of(Ethernet{} / ppp / Ipv4{} / Tcp{});
    };
    CHECK(reason({.version_type = 0x12}) == PC_REASON_PPPOE_MALFORMED);
    CHECK(reason({.code = 9}) == PC_REASON_PPPOE_MALFORMED);
    CHECK(reason({.len = 43}) == PC_REASON_PPPOE_MALFORMED); // 42 are there
    CHECK(reason({.len = 1}) == PC_REASON_PPPOE_MALFORMED);
    CHECK(reason({.len = 41}) == PC_REASON_IPV4_TOTAL_LENGTH);
    CHECK(reason({.proto = 0x003d}) == PC_REASON_PPPOE_MALFORMED); // multilink
    CHECK(reason({.proto = 0x2145}) == PC_REASON_PPPOE_MALFORMED); // a compressed protocol field
}

TEST_CASE("frames that are no IP meet a written default under their own name") {
    const auto reason = [](uint16_t type) {
        return reason_of(Ethernet{.type = type} / Payload{46});
    };
    CHECK(reason(0x0806) == PC_REASON_ARP);
    CHECK(reason(0x88cc) == PC_REASON_LLDP);
    for (const uint16_t type : {0x8863, 0x888e, 0x8809, 0x0027, 0x05ff}) {
        CHECK(reason(type) == PC_REASON_LINK_CONTROL);
    }
    for (const uint16_t type : {0x0600, 0x9100, 0x8847, 0x22f0, 0xffff}) {
        CHECK(reason(type) == PC_REASON_OTHER_ETHERTYPE);
        const Parsed parsed = parse(Ethernet{.type = type} / Payload{46});
        CHECK(pc_is_non_ip(&parsed.packet));
    }
    CHECK(reason_of(Ethernet{} / Vlan{.id = 3, .type = 0x0806} / Payload{28}) == PC_REASON_ARP);
}

TEST_CASE("an IPv4 header that contradicts itself or the frame is refused") {
    const auto reason = [](const Ipv4& ip) { return reason_of(Ethernet{} / ip / Tcp{}); };
    CHECK(reason({.version = 6}) == PC_REASON_IPV4_VERSION);
    CHECK(reason({.version = 0}) == PC_REASON_IPV4_VERSION);
    CHECK(reason({.ihl = 4}) == PC_REASON_IPV4_IHL);
    CHECK(reason({.ihl = 0}) == PC_REASON_IPV4_IHL);
    CHECK(reason({.len = 19}) == PC_REASON_IPV4_TOTAL_LENGTH);
    CHECK(reason({.ihl = 15, .len = 40}) == PC_REASON_IPV4_TOTAL_LENGTH);
    CHECK(reason({.len = 41}) == PC_REASON_IPV4_TOTAL_LENGTH);
    CHECK(reason({.len = 0}) == PC_REASON_IPV4_TOTAL_LENGTH);
    CHECK(reason({.len = 39}) == PC_REASON_L4_TRUNCATED);
}

TEST_CASE("an IPv6 header that contradicts itself or the frame is refused") {
    const auto reason = [](const Ipv6& ip) { return reason_of(Ethernet{} / ip / Tcp{}); };
    CHECK(reason({.version = 4}) == PC_REASON_IPV6_VERSION);
    CHECK(reason({.len = 21}) == PC_REASON_IPV6_PAYLOAD_LENGTH);
    CHECK(reason({.len = 65535}) == PC_REASON_IPV6_PAYLOAD_LENGTH);
    CHECK(reason({.len = 19}) == PC_REASON_L4_TRUNCATED);
    CHECK(reason({.len = 0}) == PC_REASON_L4_TRUNCATED);
    CHECK(reason_of(Ethernet{} / Ipv6{.len = 0} / Extension{.type = 0} / Payload{100}) ==
          PC_REASON_IPV6_PAYLOAD_LENGTH);
    CHECK(reason_of(Ethernet{} / Ipv6{.next = 59} / Payload{0}) == PC_REASON_NONE);
}

TEST_CASE("what follows the IP packet is Ethernet's padding") {
    for (const Layer& ip : {Layer(Ipv4{.len = 40}), Layer(Ipv6{.len = 20})}) {
        const Parsed parsed = parse(Ethernet{} / ip / Tcp{.dport = 25} / Payload{20});
        REQUIRE(parsed.ok);
        CHECK(parsed.packet.dport == 25);
    }
}

TEST_CASE("TCP headers have at least 20 bytes and end within the packet") {
    for (const uint8_t words : {uint8_t{0}, uint8_t{4}, uint8_t{6}, uint8_t{15}}) {
        for (const Layers& layers : both_families(Tcp{.data_offset = words})) {
            CHECK(reason_of(layers) == PC_REASON_TCP_DATA_OFFSET);
        }
    }
    for (const Layers& layers : both_families(Tcp{.option_words = 10})) {
        CHECK(reason_of(layers) == PC_REASON_NONE);
    }
}

TEST_CASE("a UDP length is at least 8 and at most what is there") {
    for (const uint16_t len : {uint16_t{0}, uint16_t{7}, uint16_t{13}, uint16_t{65535}}) {
        for (const Layers& layers : both_families(Udp{.len = len})) {
            CHECK(reason_of(layers / Payload{4}) == PC_REASON_UDP_LENGTH);
        }
    }
    for (const uint16_t len : {uint16_t{8}, uint16_t{12}}) {
        for (const Layers& layers : both_families(Udp{.len = len})) {
            CHECK(reason_of(layers / Payload{4}) == PC_REASON_NONE);
        }
    }
    // In UDP-Lite it is the coverage of the checksum.
    for (const Layers& layers : both_families(Udp{.len = 0, .proto = 136})) {
        CHECK(reason_of(layers) == PC_REASON_NONE);
    }
    for (const Layers& layers : both_families(Udp{.len = 7, .proto = 136})) {
        CHECK(reason_of(layers) == PC_REASON_UDP_LENGTH);
    }
}

TEST_CASE("a chain of extension headers is followed up to its limit") {
    Layers layers = Ethernet{} / Ipv6{};
    const std::array<uint8_t, 7> types = {0, 43, 60, 51, 135, 139, 140};
    for (size_t i = 0; i < types.size(); ++i) {
        const Parsed parsed = parse(layers / Tcp{.dport = 179});
        REQUIRE(parsed.ok == (i <= PC_EXT_HEADERS_MAX));
        CHECK(parsed.packet.dport == 179);
        layers = layers / Extension{.type = types.at(i), .len = static_cast<uint8_t>(i % 3)};
    }
    CHECK(reason_of(layers / Tcp{}) == PC_REASON_IPV6_EXT_DEPTH);
}

TEST_CASE("extension headers have the length that their type gives them") {
    for (const uint8_t len : {uint8_t{0}, uint8_t{1}, uint8_t{200}, uint8_t{255}}) {
        for (const uint8_t type : {uint8_t{0}, uint8_t{51}, uint8_t{60}}) {
            const Parsed parsed = parse(Ethernet{} / Ipv6{} / Extension{.type = type, .len = len} /
                                        Udp{.dport = 123});
            REQUIRE(parsed.ok);
            CHECK(parsed.packet.dport == 123);
        }
    }
    CHECK(parse(Ethernet{} / Ipv6{} / Extension{.next = 59} / Payload{3}).packet.proto == 59);
    CHECK(parse(Ethernet{} / Ipv6{} / Extension{.next = 50} / Payload{8}).packet.proto == 50);
    CHECK(reason_of(Ethernet{} / Ipv6{.next = 60} / Payload{7}) == PC_REASON_IPV6_EXT_TRUNCATED);
    CHECK(reason_of(Ethernet{} / Ipv6{.next = 60} / Payload{.bytes = {6, 1, 0, 0, 0, 0, 0, 0}}) ==
          PC_REASON_IPV6_EXT_TRUNCATED);
}

TEST_CASE("first and later fragments are told apart, and later ones have no ports") {
    const Parsed first4 = parse(Ethernet{} / Ipv4{.more = true} / Udp{.len = 3000} / Payload{1000});
    const Parsed first6 =
        parse(Ethernet{} / Ipv6{} / Fragment{.more = true} / Tcp{.dport = 80} / Payload{12});
    REQUIRE(first4.ok);
    REQUIRE(first6.ok);
    CHECK(first4.packet.frag == PC_FRAG_FIRST);
    CHECK(first6.packet.frag == PC_FRAG_FIRST);
    CHECK(first4.packet.dport == 53);
    CHECK(first6.packet.dport == 80);
    for (const bool more : {true, false}) {
        const Parsed later4 =
            parse(Ethernet{} / Ipv4{.frag_offset = 2, .more = more, .proto = 6} / Payload{3});
        const Parsed later6 = parse(Ethernet{} / Ipv6{} /
                                    Fragment{.offset = 2, .more = more, .next = 6} / Payload{3});
        for (const Parsed& later : {later4, later6}) {
            REQUIRE(later.ok);
            CHECK(later.packet.frag == PC_FRAG_LATER);
            CHECK(later.packet.proto == 6);
            CHECK(later.packet.flags == 0);
            CHECK(later.packet.dport == 0);
        }
    }
    // The reserved bit and "don't fragment" make no fragment.
    CHECK(parse(Ethernet{} / Ipv4{.frag_offset = 0xc000} / Tcp{}).packet.frag == PC_FRAG_NONE);
}

TEST_CASE("an IPv6 atomic fragment is no fragment") {
    const Parsed parsed = parse(Ethernet{} / Ipv6{} / Fragment{} / Extension{} / Tcp{.dport = 53});
    REQUIRE(parsed.ok);
    CHECK(parsed.packet.frag == PC_FRAG_NONE);
    CHECK(parsed.packet.dport == 53);
    CHECK(parsed.packet.proto == 6);
}

TEST_CASE("fragments that hide or rewrite the transport header are refused") {
    for (const size_t size : {size_t{0}, size_t{8}, size_t{19}}) {
        CHECK(reason_of(Ethernet{} / Ipv4{.more = true, .proto = 6} / Payload{size}) ==
              PC_REASON_TINY_FRAGMENT);
        CHECK(reason_of(Ethernet{} / Ipv6{} / Fragment{.more = true, .next = 6} / Payload{size}) ==
              PC_REASON_TINY_FRAGMENT);
    }
    for (const uint8_t proto : {uint8_t{17}, uint8_t{1}, uint8_t{132}, uint8_t{33}, uint8_t{136}}) {
        CHECK(reason_of(Ethernet{} / Ipv4{.more = true, .proto = proto} / Payload{7}) ==
              PC_REASON_TINY_FRAGMENT);
    }
    // TCP options that go on in the next fragment.
    CHECK(reason_of(Ethernet{} / Ipv4{.more = true} / Tcp{.data_offset = 7} / Payload{4}) ==
          PC_REASON_TINY_FRAGMENT);
    // RFC 3128: offset 1 of TCP.
    CHECK(reason_of(Ethernet{} / Ipv4{.frag_offset = 1, .proto = 6} / Payload{20}) ==
          PC_REASON_TINY_FRAGMENT);
    CHECK(reason_of(Ethernet{} / Ipv6{} / Fragment{.offset = 1, .next = 6} / Payload{20}) ==
          PC_REASON_TINY_FRAGMENT);
    CHECK(reason_of(Ethernet{} / Ipv4{.frag_offset = 1, .proto = 17} / Payload{20}) ==
          PC_REASON_NONE);
    // RFC 7112: the chain of the first fragment goes on in the next one.
    CHECK(reason_of(Ethernet{} / Ipv6{} / Fragment{.more = true, .next = 60} /
                    Payload{.bytes = {6, 1, 0, 0, 0, 0, 0, 0}}) == PC_REASON_TINY_FRAGMENT);
    CHECK(reason_of(Ethernet{} / Ipv6{} / Fragment{.more = true} /
                    Fragment{.offset = 3, .next = 6} / Payload{20}) == PC_REASON_IPV6_EXT_DEPTH);
}

TEST_CASE("a frame cut anywhere is refused with the reason of the header that is missing") {
    const auto whole = bytes_of(Ethernet{} / Vlan{.id = 7} / Pppoe{} / Ipv4{} / Tcp{});
    REQUIRE(parse(whole).ok);
    for (size_t size = 0; size < whole.size(); ++size) {
        const pc_reason reason = parse(cut(whole, size)).reason();
        const pc_reason wanted = size < 14   ? PC_REASON_ETH_TRUNCATED
                                 : size < 18 ? PC_REASON_VLAN_TRUNCATED
                                             : PC_REASON_PPPOE_MALFORMED;
        CHECK(reason == wanted);
    }
    for (const bool v6 : {false, true}) {
        const auto frame = v6 ? bytes_of(Ethernet{} / Ipv6{} / Extension{} / Fragment{} / Tcp{})
                              : bytes_of(Ethernet{} / Ipv4{.option_words = 2} / Tcp{});
        REQUIRE(parse(frame).ok);
        for (size_t size = 14; size < frame.size(); ++size) {
            const pc_reason wanted =
                v6          ? size < 54 ? PC_REASON_IPV6_TRUNCATED : PC_REASON_IPV6_PAYLOAD_LENGTH
                : size < 34 ? PC_REASON_IPV4_TRUNCATED
                            : PC_REASON_IPV4_TOTAL_LENGTH;
            CHECK(parse(cut(frame, size)).reason() == wanted);
        }
    }
}

TEST_CASE("a packet whose own length cuts a header is refused too") {
    for (uint16_t len = 0; len < 56; ++len) {
        const pc_reason reason = reason_of(Ethernet{} / Ipv6{.len = len} / Extension{} /
                                           Extension{.len = 1} / Tcp{.dport = 1} / Payload{12});
        const pc_reason wanted = len < 24   ? PC_REASON_IPV6_EXT_TRUNCATED
                                 : len < 44 ? PC_REASON_L4_TRUNCATED
                                            : PC_REASON_NONE;
        CHECK(reason == wanted);
    }
    for (uint16_t len = 20; len < 28; ++len) {
        CHECK(reason_of(Ethernet{} / Ipv4{.len = len} / Udp{}) == PC_REASON_L4_TRUNCATED);
        CHECK(reason_of(Ethernet{} / Ipv4{.len = len} / Icmp{}) == PC_REASON_L4_TRUNCATED);
        CHECK(reason_of(Ethernet{} / Ipv4{.len = len} / Sctp{}) == PC_REASON_L4_TRUNCATED);
    }
}

TEST_CASE("a segmentation packet of the stack may be longer than its length field can say") {
    const auto frame = bytes_of(Ethernet{} / Ipv4{.len = 0} / Tcp{.dport = 80} / Payload{100});
    const pc_cursor cursor{.data = frame.data(),
                           .data_end = frame.data() + frame.size(),
                           .len = 100000,
                           .tag = PC_NO_TAG};
    pc_packet packet{};
    REQUIRE(pc_parse(&cursor, &packet));
    CHECK(packet.dport == 80);
    CHECK(packet.len == 65535);
}

TEST_CASE("headers outside of the linear part of an skb are not read") {
    const auto frame = bytes_of(Ethernet{} / Ipv4{} / Tcp{});
    for (size_t linear = 0; linear < frame.size(); ++linear) {
        const auto bytes = cut(frame, linear);
        const pc_cursor cursor{.data = bytes.data(),
                               .data_end = bytes.data() + bytes.size(),
                               .len = static_cast<uint32_t>(frame.size()),
                               .tag = PC_NO_TAG};
        pc_packet packet{};
        CHECK_FALSE(pc_parse(&cursor, &packet));
    }
}

} // namespace pc::test
