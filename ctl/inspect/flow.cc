// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/flow.h"

#include <algorithm>

#include <sys/socket.h>

namespace pc::inspect {

namespace {

// Timers of flows that are gone stay in the queue until they are due. An hour of them, at thousands
// of flows a second, would be hundreds of MiB.
constexpr uint64_t timer_ahead_max_ms = 15000;

} // namespace

void wake_at(const Flow& flow, size_t bytes) {
    const int value = static_cast<int>(bytes);
    // Ignoring: without it there are more wake-ups, nothing else.
    (void)setsockopt(flow.client.get(), SOL_SOCKET, SO_RCVLOWAT, &value, sizeof(value));
}

std::string_view word_for(End why) {
    switch (why) {
    case End::closed:
        return "closed";
    case End::reset:
        return "reset";
    case End::denied:
        return "denied";
    case End::upstream_failed:
        return "upstream-failed";
    case End::timeout:
        return "timeout";
    case End::shutdown:
        return "shutdown";
    case End::crowded_out:
        return "crowded-out";
    case End::released:
        return "released";
    }
    return {};
}

uint64_t next_deadline_ms(const Flow& flow, uint64_t now_ms) {
    const bool half_closed = flow.to_server.ended || flow.to_client.ended;
    uint64_t deadline = flow.active_ms + (half_closed ? half_closed_idle_ms : idle_ms);
    deadline = std::min(deadline, now_ms + timer_ahead_max_ms);
    const auto sooner = [&](uint64_t candidate) {
        if (candidate > now_ms) { // what is past has been acted on
            deadline = std::min(deadline, candidate);
        }
    };
    if (flow.refused_ms != 0) {
        sooner(flow.refused_ms + refusal_ms);
    } else if (!flow.judged) {
        const uint64_t since = flow.first_byte_ms != 0 ? flow.first_byte_ms : flow.accepted_ms;
        sooner(since + silence_ms);
        sooner(since + hello_ms);
    }
    if (flow.upstream.valid() && !flow.connected) {
        sooner(flow.connect_until_ms);
    }
    return deadline;
}

} // namespace pc::inspect
