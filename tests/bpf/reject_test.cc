// SPDX-License-Identifier: GPL-3.0-or-later
// The answers of `reject`, byte by byte, and what is never answered.
#include <catch2/catch.hpp>
#include <linux/bpf.h>

#include "tests/bpf/harness.h"
#include "tests/support/packet.h"

namespace pc::test {
namespace {

constexpr std::string_view reject_all = R"(
schema = 1
[zone.wan]
interfaces = ["wan0"]
[[rule]]
name = "no"
in = "wan"
action = "reject"
)";

Outcome rejected(const Layers& layers) {
    Harness& harness = Harness::get();
    harness.load(reject_all);
    Outcome outcome = harness.run(bytes_of(layers), "wan0");
    CHECK(outcome.rules["no"] == 1);
    return outcome;
}

uint32_t number(const Frame& frame, size_t at, size_t size) {
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
        value = value << 8 | static_cast<uint32_t>(frame.at(at + i));
    }
    return value;
}

Frame part(const Frame& frame, size_t from, size_t size) {
    REQUIRE(frame.size() >= from + size);
    return Frame(frame.begin() + static_cast<ptrdiff_t>(from),
                 frame.begin() + static_cast<ptrdiff_t>(from + size));
}

// The answer goes back: link headers are the packet's, with the addresses exchanged; and so are the
// IP addresses. Checksums add up.
void check_way_back(const Frame& sent, const Frame& answer, size_t l3) {
    CHECK(part(answer, 0, 6) == part(sent, 6, 6));
    CHECK(part(answer, 6, 6) == part(sent, 0, 6));
    CHECK(part(answer, 12, 2) == part(sent, 12, 2));
    const bool v6 = number(sent, l3, 1) >> 4 == 6;
    const size_t at = l3 + (v6 ? 8 : 12);
    const size_t size = v6 ? 16 : 4;
    CHECK(part(answer, at, size) == part(sent, at + size, size));
    CHECK(part(answer, at + size, size) == part(sent, at, size));
    CHECK(has_right_checksums(part(answer, l3, answer.size() - l3)));
}

struct Reset {
    uint32_t seq, ack, flags;
};

Reset check_reset(const Layers& layers, size_t l3 = 14) {
    const Frame sent = bytes_of(layers);
    const Outcome outcome = rejected(layers);
    REQUIRE(outcome.action == XDP_TX);
    CHECK(outcome.reasons.at(PC_REASON_REJECT) == 1);
    const Frame& answer = outcome.frame;
    check_way_back(sent, answer, l3);
    const bool v6 = number(answer, l3, 1) >> 4 == 6;
    const size_t l4 = l3 + (v6 ? 40 : 20);
    CHECK(number(answer, l3 + (v6 ? 4 : 2), 2) == (v6 ? 20 : 40));
    CHECK(number(answer, l4, 2) == 80);
    CHECK(number(answer, l4 + 2, 2) == 40000);
    // Not cut below what Ethernet carries, and never made longer.
    CHECK(answer.size() == std::max(l4 + 20, std::min<size_t>(sent.size(), 60)));
    return {number(answer, l4 + 4, 4), number(answer, l4 + 8, 4), number(answer, l4 + 12, 2)};
}

// The quote is the beginning of the packet as it came.
void check_unreachable(const Layers& layers, size_t l3 = 14, size_t padding = 0) {
    const Frame sent = bytes_of(layers);
    const Outcome outcome = rejected(layers);
    REQUIRE(outcome.action == XDP_TX);
    CHECK(outcome.reasons.at(PC_REASON_REJECT) == 1);
    const Frame& answer = outcome.frame;
    check_way_back(sent, answer, l3);
    const bool v6 = number(answer, l3, 1) >> 4 == 6;
    const size_t icmp = l3 + (v6 ? 40 : 20);
    CHECK(number(answer, l3 + (v6 ? 6 : 9), 1) == (v6 ? 58 : 1));
    CHECK(number(answer, icmp, 2) == (v6 ? 0x0101 : 0x030d));
    CHECK(number(answer, icmp + 4, 4) == 0);
    const size_t quote = std::min<size_t>(sent.size() - l3 - padding, 128);
    CHECK(answer.size() == icmp + 8 + quote);
    CHECK(number(answer, l3 + (v6 ? 4 : 2), 2) == quote + (v6 ? 8 : 28));
    CHECK(part(answer, icmp + 8, quote) == part(sent, l3, quote));
}

void check_silent(const Layers& layers) {
    const Outcome outcome = rejected(layers);
    CHECK(outcome.action == XDP_DROP);
    CHECK(outcome.reasons.at(PC_REASON_REJECT) == 1);
}

} // namespace

TEST_CASE("a SYN is answered by a reset that acknowledges it") {
    for (const Layer& ip : {Layer(Ipv4{}), Layer(Ipv6{}), Layer(Ipv4{.option_words = 3})}) {
        const Reset reset =
            check_reset(Ethernet{} / ip / Tcp{.seq = 0xffffffff, .option_words = 5});
        CHECK(reset.seq == 0);
        CHECK(reset.ack == 0); // one more than the SYN's, which wraps
        CHECK(reset.flags == 0x5014);
    }
}

TEST_CASE("a segment without ACK is acknowledged with its payload, SYN and FIN") {
    const Reset reset =
        check_reset(Ethernet{} / Ipv4{} / Tcp{.seq = 1000, .flags = 3} / Payload{100});
    CHECK(reset.seq == 0);
    CHECK(reset.ack == 1102);
    CHECK(reset.flags == 0x5014);
}

TEST_CASE("a segment with ACK is answered by a reset at the place it acknowledges") {
    for (const Layer& ip : {Layer(Ipv4{}), Layer(Ipv6{})}) {
        const Reset reset = check_reset(
            Ethernet{} / ip / Tcp{.seq = 7, .ack = 0x12345678, .flags = 0x18} / Payload{1000});
        CHECK(reset.seq == 0x12345678);
        CHECK(reset.ack == 0);
        CHECK(reset.flags == 0x5004);
    }
}

TEST_CASE("a reset leaves extension headers and padding out") {
    CHECK(check_reset(Ethernet{} / Ipv6{} / Extension{.len = 2} / Tcp{.seq = 5}).ack == 6);
    CHECK(check_reset(Ethernet{} / Ipv4{.len = 40} / Tcp{.seq = 5} / Payload{6}).ack == 6);
}

TEST_CASE("what is not TCP is answered as administratively prohibited") {
    for (const Layer& ip : {Layer(Ipv4{}), Layer(Ipv6{})}) {
        for (const size_t size :
             {size_t{0}, size_t{1}, size_t{17}, size_t{80}, size_t{81}, size_t{1000}}) {
            check_unreachable(Ethernet{} / ip / Udp{} / Payload{size});
        }
    }
    check_unreachable(Ethernet{} / Ipv4{.option_words = 10} / Udp{} / Payload{500});
    check_unreachable(Ethernet{} / Ipv4{.proto = 47} / Payload{});
    check_unreachable(Ethernet{} / Ipv6{} / Extension{} / Udp{});
    check_unreachable(Ethernet{} / Ipv4{.len = 28} / Udp{.len = 8} / Payload{18}, 14, 18);
    check_unreachable(Ethernet{} / Ipv4{} / Icmp{.type = 8});
    check_unreachable(Ethernet{} / Ipv6{} / Icmp{.type = 128});
}

TEST_CASE("an answer keeps VLAN tags and PPPoE, whose length follows") {
    check_reset(Ethernet{} / Vlan{.id = 7, .priority = 3} / Ipv4{} / Tcp{}, 18);
    check_unreachable(Ethernet{} / Vlan{.id = 7, .tpid = 0x88a8} / Vlan{.id = 9} / Ipv6{} / Udp{},
                      22);
    const Layers pppoe = Ethernet{} / Vlan{.id = 7} / Pppoe{} / Ipv4{};
    check_reset(pppoe / Tcp{} / Payload{100}, 26);
    CHECK(number(rejected(pppoe / Tcp{} / Payload{100}).frame, 22, 2) == 42);
    check_unreachable(pppoe / Udp{}, 26);
    const Frame answer = rejected(pppoe / Udp{}).frame;
    CHECK(number(answer, 14, 2) == 7);
    CHECK(number(answer, 22, 2) == 2 + 20 + 8 + 28);
}

TEST_CASE("fragments, errors, resets and groups are dropped in silence") {
    check_silent(Ethernet{} / Ipv4{} / Tcp{.flags = 4});
    check_silent(Ethernet{} / Ipv6{} / Tcp{.flags = 0x14});
    check_silent(Ethernet{} / Ipv4{.more = true} / Udp{.len = 3000} / Payload{1000});
    check_silent(Ethernet{} / Ipv4{.frag_offset = 9, .proto = 17} / Payload{64});
    check_silent(Ethernet{} / Ipv6{} / Fragment{.offset = 9, .next = 17} / Payload{64});
    for (const uint8_t type : {uint8_t{3}, uint8_t{4}, uint8_t{5}, uint8_t{11}, uint8_t{12}}) {
        check_silent(Ethernet{} / Ipv4{} / Icmp{.type = type});
    }
    for (const uint8_t type :
         {uint8_t{1}, uint8_t{2}, uint8_t{3}, uint8_t{4}, uint8_t{127}, uint8_t{137}}) {
        check_silent(Ethernet{} / Ipv6{} / Icmp{.type = type});
    }
    for (const char* src :
         {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1"}) {
        check_silent(Ethernet{} / Ipv4{.src = src} / Udp{});
        check_silent(Ethernet{} / Ipv4{.dst = src} / Udp{});
    }
    for (const char* src : {"::", "::1", "ff02::1"}) {
        check_silent(Ethernet{} / Ipv6{.src = src} / Udp{});
        check_silent(Ethernet{} / Ipv6{.dst = src} / Udp{});
    }
    check_silent(Ethernet{.dst = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} / Ipv4{} / Udp{});
    check_silent(Ethernet{.dst = {0x33, 0x33, 0, 0, 0, 1}} / Ipv6{} / Tcp{});
}

TEST_CASE("answers have a ceiling, and what is over it has a reason of its own") {
    Harness& harness = Harness::get();
    harness.load(reject_all);
    const Frame sent = bytes_of(Ethernet{} / Ipv4{} / Udp{});
    uint64_t answered = 0;
    uint64_t limited = 0;
    for (int i = 0; i < 4000 && limited < 100; ++i) {
        const Outcome outcome = harness.run(sent, "wan0");
        answered += outcome.action == XDP_TX ? 1 : 0;
        limited += outcome.reasons.count(PC_REASON_REJECT_LIMITED);
        REQUIRE((outcome.action == XDP_TX) !=
                (outcome.reasons.count(PC_REASON_REJECT_LIMITED) == 1));
    }
    CHECK(answered > 0);
    CHECK(limited > 0);
}

} // namespace pc::test
