// SPDX-License-Identifier: GPL-3.0-or-later
// Who sends the most: flows, those who began them, those whom they go to.
#pragma once

#include "ctl/daemon/flow_objects.h"

namespace pc::daemon {

enum class TopOf : uint8_t { flows, sources, destinations };
enum class TopBy : uint8_t { bytes, packets };

struct TopQuestion {
    TopOf of{};
    TopBy by{};
    enum class Since : uint8_t { begin, last } since{}; // of each flow, or the last such question
    size_t limit = 0;
};

// Both directions together.
struct TopRow {
    SeenFlow flow;      // TopOf::flows
    Address address;    // the others
    uint64_t flows = 0; // likewise
    uint64_t packets = 0;
    uint64_t bytes = 0;
};

struct TopAnswer {
    std::vector<TopRow> rows;
    TopRow others;                 // what `rows` has not
    std::optional<double> seconds; // since the last question; none: there was none
};

// Counts between two questions are of flows that are there at both, or began between them.
class FlowTop {
public:
    [[nodiscard]] TopAnswer ask(const FlowTable& table, const TopQuestion& question,
                                const FlowClock& clock);

    // Gives back what it remembers, if nobody has asked for minutes.
    void forget_if_idle(const FlowClock& clock);

    // The table is another one.
    void forget() { last_.clear(); }

private:
    struct Last {
        uint64_t flow = 0; // which; the place may have another one now
        uint64_t packets = 0;
        uint64_t bytes = 0;
    };

    std::vector<Last> last_; // by index into the table
    uint32_t asked_ = 0;     // ticks
};

[[nodiscard]] Result<TopQuestion> top_question(const Json& parameters);
[[nodiscard]] Json top_object(const TopAnswer& answer, const TopQuestion& question,
                              const FlowNames& names, const FlowClock& clock);

} // namespace pc::daemon
