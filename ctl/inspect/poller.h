// SPDX-License-Identifier: GPL-3.0-or-later
// One epoll instance. Everything is registered edge triggered: whoever is told that a descriptor is
// ready works on it until EAGAIN, or remembers that there is more to do.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <sys/epoll.h>

#include "ctl/kern/fd.h"
#include "rules/result.h"

namespace pc::inspect {

// Whose event it is.
enum class Source : uint8_t {
    signals,
    control,
    clock,
    mail,
    listener,
    client,
    upstream,
    udp_listener,
    udp_upstream,
    peek,
    check,
};

// Which object of that kind. A flow's place in its table is used again; the generation tells an
// event of the flow that was there before from one of the flow that is there now.
struct Token {
    Source source = Source::clock;
    uint32_t index = 0; // below 2^24
    uint32_t generation = 0;
};

struct Ready {
    Token token;
    uint32_t events = 0; // EPOLLIN, ...
};

class Poller {
public:
    [[nodiscard]] static Result<Poller> create();

    // Removed when the descriptor is closed.
    [[nodiscard]] Result<void> add(int fd, uint32_t events, Token token);

    // An empty span after `timeout_ms` (0: at once, -1: never). Valid until the next call.
    [[nodiscard]] std::span<const Ready> wait(int timeout_ms);

private:
    static constexpr size_t batch = 256;
    Fd fd_;
    std::array<epoll_event, batch> events_{};
    std::array<Ready, batch> ready_{};
};

} // namespace pc::inspect
