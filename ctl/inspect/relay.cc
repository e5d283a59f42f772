// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/relay.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>

namespace pc::inspect {

namespace {

constexpr size_t splice_bytes_max = 1 << 20; // of one call; the pipe's size is the true limit
// Of one turn, so that neither other flows nor the heartbeat wait for one that never runs dry.
constexpr size_t turn_bytes_max = size_t{256} << 10;

enum class Step { moved, blocked, ended, starved, failed };

Step fill(Direction& d, PipePool& pipes) {
    if (!d.pipe) {
        d.pipe = pipes.take();
        if (!d.pipe) {
            return Step::starved;
        }
    }
    const ssize_t moved = splice(d.from, nullptr, d.pipe->in.get(), nullptr, splice_bytes_max,
                                 SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
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
        if (filled != Step::moved && drained != Step::moved) {
            return Pumped::waiting;
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
