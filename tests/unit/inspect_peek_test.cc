// SPDX-License-Identifier: GPL-3.0-or-later
// What the inspector understands of connections that it only looks at: the start of a stream
// against a model that keeps each byte by itself, frames built byte by byte, cut and lied about,
// and the resets it sends, read back and summed up in another way.
#include <algorithm>
#include <map>
#include <random>
#include <string_view>

#include <catch2/catch.hpp>

#include "ctl/inspect/peek_frame.h"

namespace {

using pc::Address;
using pc::Family;
using pc::parse_address;
using pc::inspect::Endpoint;
using pc::inspect::parse_segment;
using pc::inspect::Reset;
using pc::inspect::reset_frame;
using pc::inspect::TcpSegment;
using Bytes = std::vector<std::byte>;

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

void put(Bytes& to, std::string_view text) {
    const auto bytes = bytes_of(text);
    to.insert(to.end(), bytes.begin(), bytes.end());
}

void put(Bytes& to, const Bytes& from) {
    to.insert(to.end(), from.begin(), from.end());
}

void put_number(Bytes& to, size_t width, uint64_t value) {
    for (size_t i = width; i-- > 0;) {
        to.push_back(static_cast<std::byte>(value >> (8 * i)));
    }
}

uint64_t number_at(std::span<const std::byte> bytes, size_t at, size_t width) {
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) {
        value = value << 8U | static_cast<uint64_t>(bytes[at + i]);
    }
    return value;
}

void set_number(Bytes& in, size_t at, size_t width, uint64_t value) {
    for (size_t i = width; i-- > 0; value >>= 8U) {
        in[at + i] = static_cast<std::byte>(value);
    }
}

// --- Frames.

constexpr size_t ethernet_size = 14;

struct Extension {
    uint8_t type;
    Bytes rest; // all after "next header"
};

struct Shape {
    Family family = Family::v4;
    size_t option_words = 0; // of IPv4
    std::vector<Extension> extensions{};
    size_t tcp_option_words = 0;
    uint8_t flags = 0x18;
    std::string payload = "hello";
};

const Endpoint client4{*parse_address("192.0.2.1"), 40000};
const Endpoint server4{*parse_address("198.51.100.2"), 443};
const Endpoint client6{*parse_address("2001:db8::1"), 40001};
const Endpoint server6{*parse_address("2001:db8:1::2"), 8443};

void put_address(Bytes& to, const Address& address) {
    const size_t size = address.family == Family::v4 ? 4 : 16;
    for (size_t i = 0; i < size; ++i) {
        to.push_back(static_cast<std::byte>(address.bytes.at(i)));
    }
}

Bytes tcp_of(const Shape& shape, const Endpoint& from, const Endpoint& to) {
    Bytes tcp;
    put_number(tcp, 2, from.port);
    put_number(tcp, 2, to.port);
    put_number(tcp, 4, 0xfedcba98);
    put_number(tcp, 4, 0x89abcdef);
    put_number(tcp, 1, (5 + shape.tcp_option_words) << 4U);
    put_number(tcp, 1, shape.flags);
    put_number(tcp, 2, 64240);
    put_number(tcp, 4, 0);
    for (size_t i = 0; i < shape.tcp_option_words; ++i) {
        put_number(tcp, 4, 0x01010101);
    }
    put(tcp, shape.payload);
    return tcp;
}

Bytes frame_of4(const Shape& shape) {
    Bytes frame(12);
    put_number(frame, 2, 0x0800);
    const Bytes tcp = tcp_of(shape, client4, server4);
    put_number(frame, 1, 0x45 + shape.option_words);
    put_number(frame, 1, 0);
    put_number(frame, 2, 20 + 4 * shape.option_words + tcp.size());
    put_number(frame, 2, 7);
    put_number(frame, 2, 0x4000);
    put_number(frame, 1, 64);
    put_number(frame, 1, 6);
    put_number(frame, 2, 0);
    put_address(frame, client4.address);
    put_address(frame, server4.address);
    for (size_t i = 0; i < shape.option_words; ++i) {
        put_number(frame, 4, 0x01010101);
    }
    put(frame, tcp);
    return frame;
}

Bytes frame_of6(const Shape& shape) {
    Bytes frame(12);
    put_number(frame, 2, 0x86dd);
    Bytes rest;
    for (size_t i = 0; i < shape.extensions.size(); ++i) {
        put_number(rest, 1, i + 1 < shape.extensions.size() ? shape.extensions[i + 1].type : 6);
        put(rest, shape.extensions[i].rest);
    }
    put(rest, tcp_of(shape, client6, server6));
    put_number(frame, 4, 0x60000000);
    put_number(frame, 2, rest.size());
    put_number(frame, 1, shape.extensions.empty() ? 6 : shape.extensions[0].type);
    put_number(frame, 1, 64);
    put_address(frame, client6.address);
    put_address(frame, server6.address);
    put(frame, rest);
    return frame;
}

Bytes frame_of(const Shape& shape) {
    return shape.family == Family::v4 ? frame_of4(shape) : frame_of6(shape);
}

void check_whole(const Shape& shape, const Bytes& frame) {
    const auto segment = parse_segment(frame);
    REQUIRE(segment.has_value());
    CHECK(segment->from == (shape.family == Family::v4 ? client4 : client6));
    CHECK(segment->to == (shape.family == Family::v4 ? server4 : server6));
    CHECK(segment->seq == 0xfedcba98);
    CHECK(segment->ack == 0x89abcdef);
    CHECK(segment->flags == shape.flags);
    CHECK(text_of(segment->payload) == shape.payload);
}

// Options of n * 8 bytes in all, but the first one, which frame_of6() writes.
Extension options(uint8_t type, size_t eights) {
    Extension extension{type, {}};
    put_number(extension.rest, 1, eights - 1);
    extension.rest.resize(eights * 8 - 1);
    return extension;
}

Extension fragment(uint16_t offset_and_more) {
    Extension extension{44, {}};
    put_number(extension.rest, 1, 0);
    put_number(extension.rest, 2, offset_and_more);
    put_number(extension.rest, 4, 12345);
    return extension;
}

std::vector<Shape> shapes() {
    std::vector<Shape> all;
    for (const Family family : {Family::v4, Family::v6}) {
        for (const size_t tcp_words : {0, 3, 10}) {
            all.push_back({.family = family, .tcp_option_words = tcp_words});
        }
        all.push_back({.family = family, .payload = ""});
        all.push_back({.family = family, .flags = 0xff, .payload = std::string(1460, 'x')});
    }
    all.push_back({.option_words = 1});
    all.push_back({.option_words = 10, .tcp_option_words = 10});
    all.push_back({.family = Family::v6, .extensions = {options(0, 1)}});
    all.push_back({.family = Family::v6, .extensions = {options(60, 4)}});
    all.push_back(
        {.family = Family::v6, .extensions = {options(0, 1), options(43, 3), options(60, 2)}});
    return all;
}

// --- Checksums, by another way than adding up 16 bits: arithmetic modulo 65535 of one long number.

uint32_t remainder_of(const Bytes& bytes) {
    uint64_t remainder = 0;
    for (size_t i = 0; i < bytes.size() + bytes.size() % 2; ++i) {
        const uint64_t byte = i < bytes.size() ? static_cast<uint64_t>(bytes[i]) : 0;
        remainder = (remainder * 256 + byte) % 65535;
    }
    return static_cast<uint32_t>(remainder);
}

// RFC 1071: the sum of all, the checksum among them, is -0 in ones' complement.
void check_sums(const Bytes& frame, Family family) {
    const Bytes packet(frame.begin() + ethernet_size, frame.end());
    const size_t header = family == Family::v4 ? 20 : 40;
    REQUIRE(packet.size() == header + 20);
    if (family == Family::v4) {
        CHECK(remainder_of(Bytes(packet.begin(), packet.begin() + 20)) == 0);
        CHECK(number_at(packet, 10, 2) != 0);
    }
    const size_t addresses = family == Family::v4 ? 12 : 8;
    Bytes summed(packet.begin() + static_cast<std::ptrdiff_t>(addresses), packet.end());
    put_number(summed, 4, 20); // the pseudo-header's length and protocol, at its other end
    put_number(summed, 4, 6);
    CHECK(remainder_of(summed) == 0);
    CHECK(number_at(packet, header + 16, 2) != 0);
}

} // namespace

TEST_CASE("a segment is read whole, whatever headers are around it") {
    for (const Shape& shape : shapes()) {
        check_whole(shape, frame_of(shape));
    }
}

TEST_CASE("padding after the IP packet is not payload") {
    for (const Shape& shape : shapes()) {
        Bytes frame = frame_of(shape);
        put(frame, "padding");
        check_whole(shape, frame);
    }
}

TEST_CASE("a frame that ends too early is no segment") {
    for (const Shape& shape : shapes()) {
        const Bytes frame = frame_of(shape);
        for (size_t size = 0; size < frame.size(); ++size) {
            INFO(size << " of " << frame.size());
            const Bytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
            REQUIRE_FALSE(parse_segment(cut).has_value());
        }
    }
}

TEST_CASE("fragments are no segments") {
    Bytes frame = frame_of({});
    for (const uint16_t offset_and_more : {0x2000, 0x0001, 0x2001, 0x1fff}) {
        set_number(frame, ethernet_size + 6, 2, offset_and_more);
        CHECK_FALSE(parse_segment(frame).has_value());
    }
    for (const uint16_t more : {uint16_t{1}, uint16_t{8}, uint16_t{9}}) {
        CHECK_FALSE(
            parse_segment(frame_of({.family = Family::v6, .extensions = {fragment(more)}})));
        CHECK_FALSE(parse_segment(
            frame_of({.family = Family::v6, .extensions = {options(60, 1), fragment(more)}})));
    }
}

TEST_CASE("a length that lies is no segment") {
    const Bytes good = frame_of({});
    const size_t ip = ethernet_size;
    const size_t tcp = ip + 20;
    const auto broken = [&](size_t at, size_t width, uint64_t value) {
        Bytes frame = good;
        set_number(frame, at, width, value);
        INFO("at " << at << ": " << value);
        CHECK_FALSE(parse_segment(frame).has_value());
    };
    for (unsigned words = 0; words < 5; ++words) {
        broken(ip, 1, 0x40 + words);
        broken(tcp + 12, 1, words << 4U);
    }
    broken(ip, 1, 0x4f);                     // IP options beyond the frame
    broken(tcp + 12, 1, 0xf0);               // TCP options likewise
    broken(ip + 2, 2, good.size() - ip + 1); // more than the frame has
    broken(ip + 2, 2, 0xffff);
    for (unsigned size = 1; size < 40; ++size) {
        broken(ip + 2, 2, size); // less than the headers
    }
    broken(ip, 1, 0x65);   // IPv6 by its version, IPv4 by its type
    broken(ip + 9, 1, 17); // UDP
    broken(12, 2, 0x0806); // ARP
    broken(12, 2, 0x86dd); // IPv4 by its version, IPv6 by its type
    Bytes inside = frame_of({.tcp_option_words = 2, .payload = ""});
    set_number(inside, ip + 2, 2, 40); // the options are beyond the packet, not beyond the frame
    CHECK_FALSE(parse_segment(inside).has_value());
}

TEST_CASE("a length of IPv6 that lies is no segment") {
    const Bytes good = frame_of({.family = Family::v6});
    const size_t ip = ethernet_size;
    const size_t payload = good.size() - ip - 40;
    for (size_t size = 1; size < 20; ++size) {
        Bytes frame = good;
        set_number(frame, ip + 4, 2, size);
        CHECK_FALSE(parse_segment(frame).has_value());
    }
    for (const size_t size : {payload + 1, size_t{0xffff}}) {
        Bytes frame = good;
        set_number(frame, ip + 4, 2, size);
        CHECK_FALSE(parse_segment(frame).has_value());
    }
    Bytes extended = frame_of({.family = Family::v6, .extensions = {options(60, 1)}});
    set_number(extended, ip + 41, 1, 255); // an extension header beyond the packet
    CHECK_FALSE(parse_segment(extended).has_value());
    for (const uint8_t next : {17, 50, 59, 135}) { // UDP, ESP, nothing, mobility
        Bytes other = good;
        set_number(other, ip + 6, 1, next);
        CHECK_FALSE(parse_segment(other).has_value());
    }
}

TEST_CASE("any number of extension headers takes bounded time and reads nothing outside") {
    Shape shape{.family = Family::v6};
    for (int i = 0; i < 8000; ++i) {
        shape.extensions.push_back(options(60, 1));
    }
    const Bytes frame = frame_of(shape);
    CHECK_FALSE(parse_segment(frame).has_value());
}

TEST_CASE("a packet of more than 64 KiB has length 0, and goes to the frame's end") {
    for (const Family family : {Family::v4, Family::v6}) {
        const Shape shape{.family = family, .payload = std::string(80000, 'z')};
        Bytes frame = frame_of(shape);
        set_number(frame, ethernet_size + (family == Family::v4 ? 2 : 4), 2, 0);
        check_whole(shape, frame);
    }
}

TEST_CASE("a reset reads back as what was asked for, and its checksums hold") {
    std::mt19937 dice(21);
    for (const bool v4 : {true, false}) {
        for (int i = 0; i < 200; ++i) {
            Reset reset{v4 ? client4 : client6, v4 ? server4 : server6,
                        static_cast<uint32_t>(dice()), std::nullopt};
            reset.from.port = static_cast<uint16_t>(dice());
            reset.to.address.bytes.at(3) = static_cast<uint8_t>(dice());
            if (i % 2 == 0) {
                reset.ack = static_cast<uint32_t>(dice());
            }
            const Bytes frame = reset_frame(reset);
            check_sums(frame, v4 ? Family::v4 : Family::v6);
            const auto segment = parse_segment(frame);
            REQUIRE(segment.has_value());
            CHECK(segment->from == reset.from);
            CHECK(segment->to == reset.to);
            CHECK(segment->seq == reset.seq);
            CHECK(segment->ack == reset.ack.value_or(0));
            CHECK(segment->flags == (reset.ack ? 0x14 : 0x04));
            CHECK(segment->payload.empty());
            CHECK(number_at(frame, ethernet_size + (v4 ? 8 : 7), 1) >= 64); // it gets far
        }
    }
}

TEST_CASE("the source address of a frame is changed, and nothing else") {
    const Bytes before = frame_of({});
    Bytes frame = before;
    pc::inspect::set_source(frame, {0x02, 0x50, 0x43, 0x50, 0x4b, 0x03});
    CHECK(number_at(frame, 6, 6) == 0x025043504b03);
    frame.erase(frame.begin() + 6, frame.begin() + 12);
    Bytes rest = before;
    rest.erase(rest.begin() + 6, rest.begin() + 12);
    CHECK(frame == rest);
}
