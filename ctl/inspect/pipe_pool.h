// SPDX-License-Identifier: GPL-3.0-or-later
// Pipes for splice(2). A direction of a flow holds one only while bytes are in it, so thousands of
// quiet flows need a handful; empty ones are kept for the next user, because making one costs more
// than relaying a small answer.
#pragma once

#include <optional>
#include <vector>

#include "ctl/kern/fd.h"

namespace pc::inspect {

struct Pipe {
    Fd out; // read end
    Fd in;  // write end
};

class PipePool {
public:
    // `pipes_max` bounds the pipes in use, and with it descriptors and kernel memory.
    explicit PipePool(size_t pipes_max) : pipes_max_(pipes_max) {}

    // An empty pipe. None at the limit, or when the system has no more.
    [[nodiscard]] std::optional<Pipe> take();

    // Gives back an empty pipe.
    void put(Pipe pipe);

    // Closes a pipe with bytes in it, which the next user must not get.
    void discard(Pipe pipe);

private:
    static constexpr size_t spare_max = 64;
    size_t pipes_max_;
    size_t used_ = 0;
    std::vector<Pipe> spare_;
};

} // namespace pc::inspect
