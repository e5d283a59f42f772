// SPDX-License-Identifier: GPL-3.0-or-later
// What workers leave for the supervisor, which hands it to the daemon: flows that were judged in
// passing, lines for whoever watches, answers to questions. Bounded: a worker never waits, and what
// there is no room for is counted as lost.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ctl/protocol/inspected_flow.h"
#include "ctl/protocol/top_names.h"

namespace pc::inspect {

// What the daemon asks all workers.
struct SeenQuestion {
    enum class Of { flows, names } of = Of::flows;
    uint64_t number = 0; // the daemon's
    protocol::InspectedFilter filter;
    protocol::InspectedOrder order{};
    protocol::NameOrder by{};
    size_t limit = 0;
};

using SeenQuestionPtr = std::shared_ptr<const SeenQuestion>;

// What one worker says to it.
struct SeenPart {
    uint64_t number = 0;
    std::vector<protocol::InspectedFlow> flows;
    uint64_t matched = 0; // flows, also those that `flows` has no room for
    protocol::NameCounts names;
};

class Notices {
public:
    static constexpr size_t judged_max = 16384;
    static constexpr size_t lines_bytes_max = size_t{1} << 20;

    // All of them by any thread.
    void judged(protocol::InspectedFlow flow);
    void line(std::string eve);
    void answer(SeenPart part);

    [[nodiscard]] bool wants_lines() const { return wants_lines_; }

    void listen() { wants_lines_ = true; }

    void stop_listening() { wants_lines_ = false; }

    struct Taken {
        std::vector<protocol::InspectedFlow> judged;
        std::vector<std::string> lines;
        uint64_t lost = 0; // lines
        std::vector<SeenPart> parts;
    };

    // All that has come since the last call.
    [[nodiscard]] Taken take();

private:
    std::atomic<bool> wants_lines_ = false;
    std::mutex mutex_; // of all that is below
    Taken waiting_;
    size_t lines_bytes_ = 0;
};

} // namespace pc::inspect
