// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/proxy_header.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace pc::inspect {

namespace {

constexpr std::array<uint8_t, 12> signature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                            0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr uint8_t version_2 = 0x20;
constexpr uint8_t command_local = 0x0;
constexpr uint8_t command_proxy = 0x1;
constexpr uint8_t unspecified = 0x00;
constexpr uint8_t tcp_over_ipv4 = 0x11;
constexpr uint8_t tcp_over_ipv6 = 0x21;

void add(std::vector<std::byte>& header, uint8_t byte) {
    header.push_back(static_cast<std::byte>(byte));
}

void add_word(std::vector<std::byte>& header, uint16_t word) { // in network order
    add(header, static_cast<uint8_t>(word >> 8));
    add(header, static_cast<uint8_t>(word));
}

std::vector<std::byte> start(uint8_t command, uint8_t family) {
    std::vector<std::byte> header;
    for (const uint8_t byte : signature) {
        add(header, byte);
    }
    add(header, version_2 | command);
    add(header, family);
    return header;
}

} // namespace

std::vector<std::byte> proxy_header(const Endpoint& client, const Endpoint& server) {
    assert(client.address.family == server.address.family);
    const bool is_v4 = client.address.family == Family::v4;
    const size_t address_bytes = is_v4 ? 4 : 16;
    std::vector<std::byte> header = start(command_proxy, is_v4 ? tcp_over_ipv4 : tcp_over_ipv6);
    add_word(header, static_cast<uint16_t>(2 * (address_bytes + sizeof(uint16_t))));
    for (const Endpoint* end : {&client, &server}) {
        for (size_t i = 0; i < address_bytes; ++i) {
            add(header, end->address.bytes.at(i));
        }
    }
    add_word(header, client.port);
    add_word(header, server.port);
    return header;
}

std::vector<std::byte> proxy_header_of_own() {
    std::vector<std::byte> header = start(command_local, unspecified);
    add_word(header, 0);
    return header;
}

} // namespace pc::inspect
