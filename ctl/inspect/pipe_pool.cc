// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/pipe_pool.h"

#include <array>
#include <cassert>

#include <fcntl.h>
#include <unistd.h>

namespace pc::inspect {

namespace {

// A pipe of 16 slots takes 16 segments when the driver does not coalesce; 64 make fewer wake-ups.
constexpr int pipe_bytes = 256 * 1024;

} // namespace

std::optional<Pipe> PipePool::take() {
    if (used_ == pipes_max_) {
        return std::nullopt;
    }
    if (!spare_.empty()) {
        Pipe pipe = std::move(spare_.back());
        spare_.pop_back();
        ++used_;
        return pipe;
    }
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) {
        return std::nullopt;
    }
    // Ignoring: over the user's pipe quota (fs.pipe-user-pages-soft) a smaller pipe does as well.
    (void)fcntl(ends[1], F_SETPIPE_SZ, pipe_bytes);
    ++used_;
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

void PipePool::put(Pipe pipe) {
    assert(used_ > 0);
    --used_;
    if (spare_.size() < spare_max) {
        spare_.push_back(std::move(pipe));
    }
}

void PipePool::discard(Pipe pipe) {
    assert(used_ > 0);
    assert(pipe.out.valid());
    --used_;
}

} // namespace pc::inspect
