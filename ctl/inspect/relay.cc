// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/relay.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>

#include "ctl/inspect/clock.h"

namespace pc::inspect {

namespace {

constexpr size_t splice_bytes_max = 1 << 20; // of one call; the pipe's size is the true limit
// Of one turn, so that neither other flows nor the heartbeat wait for one that never runs dry.
constexpr size_t turn_bytes_max = size_t{256} << 10;

enum class Step { moved, blocked, ended, starved, held, failed };

Step fill(Direction& d, PipePool& pipes) {
    if (!d.pipe) {
        d.pipe = pipes.take();
        if (!d.pipe) {
            return Step::starved;
        }
    }
    const uint64_t may_move =
        d.rate == nullptr ? splice_bytes_max : d.rate->take(turn_bytes_max, monotonic_ns());
    if (may_move == 0) {
        return Step::held;
    }
    const ssize_t moved = splice(d.from, nullptr, d.pipe->in.get(), nullptr, may_move,
                                 SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (d.rate != nullptr) {
        d.rate->give_back(may_move - static_cast<uint64_t>(std::max<ssize_t>(moved, 0)));
    }
    if (moved > 0) {
        d.in_pipe += static_cast<size_t>(moved);
        return Step::moved;
    }
    if (moved == 0) {
        d.ended = true;
        return Step::ended;
    }
    if (errno == EINTR) {
        return Step::moved;
    }
    if (errno != EAGAIN) {
        return Step::failed;
    }
    // Either the socket is empty or the pipe is full. Only an empty pipe tells them apart: taking
    // a full pipe for an empty socket would wait for an event that has come already.
    if (d.in_pipe == 0) {
        d.readable = false;
    }
    return Step::blocked;
}

Step drain(Direction& d) {
    // Never SPLICE_F_MORE: a guess that more will come holds the last segment back for 200 ms.
    const ssize_t moved = splice(d.pipe->out.get(), nullptr, d.to, nullptr, d.in_pipe,
                                 SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved > 0) {
        d.in_pipe -= static_cast<size_t>(moved);
        d.bytes += static_cast<uint64_t>(moved);
        return Step::moved;
    }
    if (moved < 0 && errno == EINTR) {
        return Step::moved;
    }
    if (moved < 0 && errno == EAGAIN) {
        d.writable = false;
        return Step::blocked;
    }
    return Step::failed; // 0 cannot be: the pipe is not empty
}

// The stream has ended and the pipe is empty.
Pumped finish(Direction& d, PipePool& pipes) {
    release_pipe(d, pipes);
    if (!d.shut) {
        d.shut = true;
        if (shutdown(d.to, SHUT_WR) != 0) {
            return Pumped::failed;
        }
    }
    return Pumped::done;
}

} // namespace

Pumped pump(Direction& d, PipePool& pipes) {
    const uint64_t stop_at = d.bytes + turn_bytes_max;
    while (d.bytes < stop_at) {
        Step filled = Step::blocked;
        if (d.readable && !d.ended) {
            filled = fill(d, pipes);
            if (filled == Step::failed) {
                return Pumped::failed;
            }
            if (filled == Step::starved) {
                return Pumped::starved;
            }
        }
        Step drained = Step::blocked;
        if (d.in_pipe > 0 && d.writable) {
            drained = drain(d);
            if (drained == Step::failed) {
                return Pumped::failed;
            }
        }
        if (d.in_pipe == 0) {
            if (d.ended) {
                return finish(d, pipes);
            }
            if (!d.readable) {
                release_pipe(d, pipes);
                return Pumped::waiting;
            }
        }
        if (filled == Step::held && d.in_pipe == 0) {
            release_pipe(d, pipes);
            return Pumped::starved;
        }
        if (filled != Step::moved && drained != Step::moved) {
            return filled == Step::held ? Pumped::starved : Pumped::waiting;
        }
    }
    return Pumped::again;
}

void release_pipe(Direction& d, PipePool& pipes) {
    if (!d.pipe) {
        return;
    }
    if (d.in_pipe == 0) {
        pipes.put(std::move(*d.pipe));
    } else {
        pipes.discard(std::move(*d.pipe));
        d.in_pipe = 0;
    }
    d.pipe.reset();
}

} // namespace pc::inspect
