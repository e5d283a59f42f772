// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/protocol/eve_flow_id.h"

namespace pc::protocol {

uint64_t eve_flow_id(const Address& a, uint16_t port_a, const Address& b, uint16_t port_b,
                     uint8_t proto) {
    const auto hash = [proto](const Address& address, uint16_t port) {
        uint64_t value = 0xcbf29ce484222325;
        for (const uint8_t byte : address.bytes) {
            value = (value ^ byte) * 0x100000001b3;
        }
        const std::array<uint8_t, 3> rest{static_cast<uint8_t>(port >> 8),
                                          static_cast<uint8_t>(port & 0xff), proto};
        for (const uint8_t byte : rest) {
            value = (value ^ byte) * 0x100000001b3;
        }
        return value;
    };
    return (hash(a, port_a) + hash(b, port_b)) >> 11U;
}

} // namespace pc::protocol
