// SPDX-License-Identifier: GPL-3.0-or-later
// How often progress is worth a line: each phase of large work at its beginning, since the next
// word may be long in coming, and ten times a second within; nothing of what is over at once.
#pragma once

#include <chrono>
#include <optional>

#include "rules/progress.h"

namespace pc::protocol {

class Pace {
public:
    using Clock = std::chrono::steady_clock;

    explicit Pace(Clock::time_point now) : next_(now + std::chrono::milliseconds(300)) {}

    [[nodiscard]] bool lets_pass(Phase phase, size_t total, Clock::time_point now) {
        is_large_ = is_large_ || total >= progress_step;
        const bool is_new = is_large_ && phase_ != phase;
        phase_ = phase;
        if (!is_new && now < next_) {
            return false;
        }
        next_ = now + std::chrono::milliseconds(100);
        return true;
    }

private:
    Clock::time_point next_;
    std::optional<Phase> phase_;
    bool is_large_ = false;
};

} // namespace pc::protocol
