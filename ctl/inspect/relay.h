// SPDX-License-Identifier: GPL-3.0-or-later
// Moves the bytes of one direction of a flow from socket to socket through a pipe, without a copy
// to user space (splice), and carries the end of the stream over: FIN becomes shutdown once the
// pipe is empty, an error is reported for the caller to reset both sides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ctl/inspect/pipe_pool.h"
#include "ctl/inspect/rate_bucket.h"

namespace pc::inspect {

struct Direction {
    int from = -1;              // lent
    int to = -1;                // lent
    RateBucket* rate = nullptr; // lent; null: as fast as it goes
    std::optional<Pipe> pipe;
    size_t in_pipe = 0;    // bytes
    bool readable = false; // `from` has not said EAGAIN since its last event
    bool writable = false; // `to` likewise
    bool ended = false;    // `from` gave its FIN
    bool shut = false;     // and `to` was told
    uint64_t bytes = 0;    // delivered to `to`
};

enum class Pumped {
    waiting, // for an event of either socket
    again,   // the budget of one turn is spent: call again soon
    starved, // no pipe, or nothing in the bucket: call again later
    done,    // shut
    failed,  // a socket is dead: reset both
};

[[nodiscard]] Pumped pump(Direction& direction, PipePool& pipes);

// Returns the pipe, whatever is in it. For the end of a flow.
void release_pipe(Direction& direction, PipePool& pipes);

} // namespace pc::inspect
