// SPDX-License-Identifier: GPL-3.0-or-later
// One UDP flow: what a client sends to one address and port, and what comes back. UDP has neither a
// beginning nor an end, so a flow begins with a datagram that is of no other and ends by silence.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ctl/inspect/eve.h"
#include "ctl/inspect/first_datagrams.h"
#include "ctl/inspect/held_datagrams.h"
#include "ctl/inspect/origin.h"
#include "ctl/inspect/policy.h"
#include "ctl/inspect/rate_bucket.h"
#include "ctl/kern/fd.h"

namespace pc::inspect {

constexpr uint64_t unanswered_ms = 30'000;
constexpr uint64_t answered_ms = 180'000;
constexpr uint64_t dns_unanswered_ms = 10'000; // one question, one answer
constexpr uint64_t dns_answered_ms = 5'000;
constexpr uint64_t denied_ms = 30'000; // its datagrams are swallowed before it is judged anew
constexpr uint64_t undecided_ms = 3000;
// Conntrack forgets a UDP flow after 30 s at the earliest: then its port may be another client's.
constexpr uint64_t client_sure_ms = 20'000;

struct UdpFlow {
    uint32_t index = 0; // in its table
    uint32_t generation = 0;
    uint64_t armed_ms = 0; // of its one valid timer

    enum class State { undecided, allowed, denied } state = State::undecided;
    Fd upstream;                     // once allowed
    std::shared_ptr<RatePair> rates; // likewise; null: none
    FirstDatagrams first;
    HeldDatagrams held; // while undecided
    bool waits_for_config = false;
    bool answered = false;
    bool queued = false; // for another turn

    Origin origin;
    WallTime started;
    Recognised recognised;
    Judgement judgement{false, "not judged"};
    std::string error; // of the way onward
    uint64_t bytes_to_server = 0;
    uint64_t bytes_to_client = 0;
    uint64_t datagrams_to_server = 0;
    uint64_t datagrams_to_client = 0;

    // Monotonic milliseconds.
    uint64_t began_ms = 0;
    uint64_t active_ms = 0; // a datagram of either side
};

// When nothing more is expected of it, unless something comes.
[[nodiscard]] uint64_t deadline_ms(const UdpFlow& flow);

} // namespace pc::inspect
