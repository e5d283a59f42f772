// SPDX-License-Identifier: GPL-3.0-or-later
// The end of a flow as one line of EVE JSON, appended to a file. Packets never wait for it, and
// what cannot be written is lost.
#pragma once

#include "ctl/daemon/flow_objects.h"
#include "ctl/protocol/inspected_flow.h"

namespace pc::daemon {

class FlowLog {
public:
    explicit FlowLog(std::string path) : path_(std::move(path)) {}

    // Which ends are written; `per_second` is the ceiling of PC_LOG_SAMPLED.
    void set(pc_log log, uint32_t per_second) {
        log_ = log;
        per_second_ = per_second;
    }

    [[nodiscard]] bool is_on() const { return log_ != PC_LOG_NONE; }

    // A second begins.
    void next_second() { left_ = per_second_; }

    // `inspected`: what the inspector has said about it; null: nothing.
    void add(const EndedFlow& flow, const FlowNames& names, const FlowClock& clock,
             const protocol::InspectedFlow* inspected = nullptr);

    // An Error: some lines are lost. The file is opened each time, so that logrotate needs to tell
    // nobody.
    [[nodiscard]] Result<void> flush();

private:
    void write_lines();

    std::string path_;
    std::string lines_;
    pc_log log_ = PC_LOG_NONE;
    uint32_t per_second_ = 0;
    uint32_t left_ = 0;
    uint64_t suppressed_ = 0; // since the last record
    Result<void> failure_;    // since the last flush
};

// The source is the side that began: Suricata's client. `suppressed` records before were left out.
// Of a flow that the inspector has judged, and let go or denied, the record has its words and its
// flow_id, which is made of the client's address before NAT.
[[nodiscard]] Json flow_record(const EndedFlow& flow, const FlowNames& names,
                               const FlowClock& clock, uint64_t suppressed,
                               const protocol::InspectedFlow* inspected = nullptr);

} // namespace pc::daemon
