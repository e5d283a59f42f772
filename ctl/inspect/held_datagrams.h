// SPDX-License-Identifier: GPL-3.0-or-later
// What a client sent before it is known whether it may: bounded, so that nobody fills the memory by
// never becoming clear.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace pc::inspect {

constexpr size_t held_datagrams_max = 16;    // of one flow
constexpr size_t held_bytes_max = 64 * 1024; // likewise; one of any size has room

class HeldDatagrams {
public:
    // False if there is no room: the datagram is lost, as any may be.
    [[nodiscard]] bool add(std::span<const std::byte> datagram);

    [[nodiscard]] bool empty() const { return datagrams_.empty(); }

    // All of them, in order; none are held afterwards.
    [[nodiscard]] std::vector<std::vector<std::byte>> take();

private:
    std::vector<std::vector<std::byte>> datagrams_;
    size_t bytes_ = 0;
};

} // namespace pc::inspect
