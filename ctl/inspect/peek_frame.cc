// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/peek_frame.h"

#include <algorithm>
#include <cstring>

#include <netinet/in.h>

namespace pc::inspect {

namespace {

constexpr size_t ethernet_size = 14;
constexpr size_t ipv4_size = 20;
constexpr size_t ipv6_size = 40;
constexpr size_t tcp_size = 20;
constexpr uint16_t type_ipv4 = 0x0800;
constexpr uint16_t type_ipv6 = 0x86dd;
constexpr uint8_t flag_reset = 0x04;
constexpr uint8_t flag_ack = 0x10;
constexpr uint8_t hop_limit = 64;
constexpr int extension_headers_max = 6;

uint8_t byte_at(std::span<const std::byte> bytes, size_t at) {
    return static_cast<uint8_t>(bytes[at]);
}

uint16_t word_at(std::span<const std::byte> bytes, size_t at) {
    return static_cast<uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

uint32_t long_at(std::span<const std::byte> bytes, size_t at) {
    return static_cast<uint32_t>(word_at(bytes, at)) << 16 | word_at(bytes, at + 2);
}

Address address_at(std::span<const std::byte> bytes, size_t at, Family family) {
    Address address;
    address.family = family;
    std::memcpy(address.bytes.data(), bytes.data() + at, family == Family::v4 ? 4 : 16);
    return address;
}

// Of an IP packet: what is in it, and where.
struct Transport {
    Address from, to;
    std::span<const std::byte> bytes; // TCP
};

std::optional<Transport> in_ipv4(std::span<const std::byte> packet) {
    if (packet.size() < ipv4_size || byte_at(packet, 0) >> 4 != 4) {
        return std::nullopt;
    }
    const size_t header = size_t{byte_at(packet, 0) & 15U} * 4;
    const size_t total = word_at(packet, 2);
    const bool is_fragment = (word_at(packet, 6) & 0x3fff) != 0;
    // A length of 0 is a packet beyond 64 KiB, put together by the kernel.
    const size_t end = total == 0 ? packet.size() : total;
    if (header < ipv4_size || end < header || end > packet.size() || is_fragment ||
        byte_at(packet, 9) != IPPROTO_TCP) {
        return std::nullopt;
    }
    return Transport{address_at(packet, 12, Family::v4), address_at(packet, 16, Family::v4),
                     packet.subspan(header, end - header)};
}

bool is_extension(uint8_t header) {
    return header == IPPROTO_HOPOPTS || header == IPPROTO_DSTOPTS || header == IPPROTO_ROUTING;
}

std::optional<Transport> in_ipv6(std::span<const std::byte> packet) {
    if (packet.size() < ipv6_size || byte_at(packet, 0) >> 4 != 6) {
        return std::nullopt;
    }
    const size_t length = word_at(packet, 4);
    const size_t end = length == 0 ? packet.size() : ipv6_size + length;
    if (end > packet.size()) {
        return std::nullopt;
    }
    uint8_t header = byte_at(packet, 6);
    size_t at = ipv6_size;
    for (int i = 0; i < extension_headers_max && is_extension(header); ++i) {
        if (at + 8 > end) {
            return std::nullopt;
        }
        header = byte_at(packet, at);
        at += (size_t{byte_at(packet, at + 1)} + 1) * 8;
    }
    if (header != IPPROTO_TCP || at > end) {
        return std::nullopt;
    }
    return Transport{address_at(packet, 8, Family::v6), address_at(packet, 24, Family::v6),
                     packet.subspan(at, end - at)};
}

// RFC 1071, in host order.
uint32_t sum_of(std::span<const std::byte> bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
        sum += word_at(bytes, i);
    }
    return sum;
}

uint16_t folded(uint32_t sum) {
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<uint16_t>(~sum);
}

class Writer {
public:
    explicit Writer(size_t size) { bytes_.reserve(size); }

    void u8(uint8_t value) { bytes_.push_back(std::byte{value}); }

    void u16(uint16_t value) {
        u8(static_cast<uint8_t>(value >> 8));
        u8(static_cast<uint8_t>(value));
    }

    void u32(uint32_t value) {
        u16(static_cast<uint16_t>(value >> 16));
        u16(static_cast<uint16_t>(value));
    }

    void zeros(size_t count) { bytes_.insert(bytes_.end(), count, std::byte{0}); }

    void address(const Address& address) {
        const size_t size = address.family == Family::v4 ? 4 : 16;
        std::for_each_n(address.bytes.begin(), size, [&](uint8_t byte) { u8(byte); });
    }

    void put_u16(size_t at, uint16_t value) {
        bytes_[at] = std::byte{static_cast<uint8_t>(value >> 8)};
        bytes_[at + 1] = std::byte{static_cast<uint8_t>(value)};
    }

    [[nodiscard]] std::span<const std::byte> from(size_t at) const {
        return std::span(bytes_).subspan(at);
    }

    [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

private:
    std::vector<std::byte> bytes_;
};

void write_ip(Writer& writer, const Reset& reset) {
    if (reset.from.address.family == Family::v6) {
        writer.u32(6U << 28);
        writer.u16(tcp_size);
        writer.u8(IPPROTO_TCP);
        writer.u8(hop_limit);
        writer.address(reset.from.address);
        writer.address(reset.to.address);
        return;
    }
    writer.u16(0x4500);
    writer.u16(ipv4_size + tcp_size);
    writer.u16(0);      // identification: of no matter for what is not fragmented (RFC 6864)
    writer.u16(0x4000); // don't fragment
    writer.u8(hop_limit);
    writer.u8(IPPROTO_TCP);
    writer.u16(0);
    writer.address(reset.from.address);
    writer.address(reset.to.address);
    writer.put_u16(ethernet_size + 10, folded(sum_of(writer.from(ethernet_size))));
}

} // namespace

std::optional<TcpSegment> parse_segment(std::span<const std::byte> frame) {
    if (frame.size() < ethernet_size) {
        return std::nullopt;
    }
    const uint16_t type = word_at(frame, 12);
    const std::span<const std::byte> packet = frame.subspan(ethernet_size);
    const std::optional<Transport> transport = type == type_ipv4   ? in_ipv4(packet)
                                               : type == type_ipv6 ? in_ipv6(packet)
                                                                   : std::nullopt;
    if (!transport || transport->bytes.size() < tcp_size) {
        return std::nullopt;
    }
    const std::span<const std::byte> tcp = transport->bytes;
    const size_t header = static_cast<size_t>(byte_at(tcp, 12) >> 4U) * 4;
    if (header < tcp_size || header > tcp.size()) {
        return std::nullopt;
    }
    TcpSegment segment{.from = {transport->from, word_at(tcp, 0)},
                       .to = {transport->to, word_at(tcp, 2)},
                       .seq = long_at(tcp, 4),
                       .ack = long_at(tcp, 8),
                       .flags = byte_at(tcp, 13),
                       .payload = tcp.subspan(header)};
    return segment;
}

std::vector<std::byte> reset_frame(const Reset& reset) {
    Writer writer(ethernet_size + ipv6_size + tcp_size);
    const bool v6 = reset.from.address.family == Family::v6;
    writer.zeros(12);
    writer.u16(v6 ? type_ipv6 : type_ipv4);
    write_ip(writer, reset);
    const size_t tcp = ethernet_size + (v6 ? ipv6_size : ipv4_size);
    writer.u16(reset.from.port);
    writer.u16(reset.to.port);
    writer.u32(reset.seq);
    writer.u32(reset.ack.value_or(0));
    writer.u8(tcp_size / 4 << 4);
    writer.u8(reset.ack ? flag_reset | flag_ack : flag_reset);
    writer.zeros(6); // window, checksum, urgent pointer
    const size_t addresses = v6 ? 32 : 8;
    const uint32_t sum = sum_of(writer.from(tcp - addresses)) + IPPROTO_TCP + tcp_size;
    writer.put_u16(tcp + 16, folded(sum));
    return writer.take();
}

void set_source(std::span<std::byte> frame, const EthernetAddress& source) {
    if (frame.size() >= ethernet_size) {
        std::memcpy(frame.data() + source.size(), source.data(), source.size());
    }
}

} // namespace pc::inspect
