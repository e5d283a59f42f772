// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/frame.h"

#include <cstddef>

namespace pc::bench {
namespace {

constexpr size_t eth_size = 14;
constexpr size_t l4_size = 26; // 60 bytes with Ethernet and IPv4

} // namespace

Frame frame_template(uint32_t family) {
    Frame frame;
    size_t l4 = eth_size + 20;
    if (family == 4) {
        frame.bytes[12] = 0x08;
        frame.bytes[eth_size] = 0x45;
        frame.bytes[eth_size + 3] = 20 + l4_size;
        frame.bytes[eth_size + 8] = 64;
    } else {
        l4 = eth_size + 40;
        frame.bytes[12] = 0x86;
        frame.bytes[13] = 0xdd;
        frame.bytes[eth_size] = 0x60;
        frame.bytes[eth_size + 5] = l4_size;
        frame.bytes[eth_size + 7] = 64;
    }
    // UDP's length; for TCP it makes the sequence number 0x1a0000. A SYN with six bytes ends seven
    // later, and that is acknowledged.
    frame.bytes[l4 + 5] = l4_size;
    frame.bytes[l4 + 9] = l4_size;
    frame.bytes[l4 + 11] = 7;
    frame.bytes[l4 + 12] = 0x50; // TCP's data offset
    frame.bytes[l4 + 14] = 0xff; // its window
    frame.bytes[l4 + 15] = 0xff;
    frame.size = static_cast<unsigned>(l4 + l4_size);
    return frame;
}

} // namespace pc::bench
