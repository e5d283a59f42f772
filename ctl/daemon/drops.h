// SPDX-License-Identifier: GPL-3.0-or-later
// The sampled events of the kernel: the last ones are kept for `show drops`, and each becomes one
// line in the EVE log.
#pragma once

#include <deque>
#include <functional>

#include "ctl/kern/event_ring.h"
#include "ctl/kern/fd.h"
#include "ctl/protocol/protocol.h"

namespace pc::daemon {

class Drops {
public:
    // The name of a rule by its id; empty: no longer known.
    using RuleName = std::function<std::string(uint32_t id)>;

    [[nodiscard]] static Result<std::unique_ptr<Drops>> open(int events_fd, std::string eve_path,
                                                             RuleName rule_name);

    [[nodiscard]] int fd() const { return ring_->fd(); }

    // Reads what has come. An Error: the log cannot be written.
    [[nodiscard]] Result<void> consume();

    // Oldest first.
    [[nodiscard]] const std::deque<protocol::Json>& recent() const { return recent_; }

private:
    explicit Drops(std::string path, RuleName rule_name)
        : path_(std::move(path)), rule_name_(std::move(rule_name)) {}

    void take(const pc_event& event);
    [[nodiscard]] Result<void> write_lines();

    std::string path_;
    RuleName rule_name_;
    std::unique_ptr<EventRing> ring_;
    std::deque<protocol::Json> recent_;
    std::string lines_;
};

// One EVE record; "event_type" is "drop", or "accept" for a rule that logs what it accepts.
[[nodiscard]] protocol::Json eve_record(const pc_event& event, const std::string& rule,
                                        const std::string& interface, int64_t realtime_ns);

} // namespace pc::daemon
