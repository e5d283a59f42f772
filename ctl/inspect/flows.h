// SPDX-License-Identifier: GPL-3.0-or-later
// All TCP flows of one worker: admits, judges, connects onward, relays, ends and logs them.
// Whatever a flow does, it can only end itself.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "ctl/inspect/config.h"
#include "ctl/inspect/counters.h"
#include "ctl/inspect/flow.h"
#include "ctl/inspect/flow_log.h"
#include "ctl/inspect/flow_table.h"
#include "ctl/inspect/poller.h"
#include "ctl/kern/map_store.h"

namespace pc::inspect {

// What flows work with; all outlive them.
struct FlowNeeds {
    Poller& poller;
    const MapStore& flow_map;
    Counters& counters;
    FlowLog& log;
    RateBuckets& rates;
};

class Flows {
public:
    Flows(FlowNeeds needs, ConfigPtr config, size_t flows_max);

    [[nodiscard]] bool full() const { return table_.full(); }

    [[nodiscard]] bool empty() const { return table_.empty(); }

    // There is work that no event will announce.
    [[nodiscard]] bool has_queued() const { return !queued_.empty(); }

    // Of the current turn of the event loop; all that is below uses it.
    void set_now_ms(uint64_t now_ms) { now_ms_ = now_ms; }

    // Only when not full().
    void admit(Fd client);

    void on_ready(const Ready& ready);
    void run_queued();

    // Timers, flows that found no pipe.
    void tick();

    // Holds for new flows, and for those that are not judged yet.
    void configure(ConfigPtr config);

    // For the end of the program.
    void end_all();

    // For whoever asks what there is: places of the table, and the flow at one of them, if any.
    [[nodiscard]] size_t places() const { return table_.places(); }

    [[nodiscard]] std::optional<EveRecord> seen(size_t place) const;

private:
    void start(Flow& flow);
    void note_events(Flow& flow, const Ready& ready);
    void examine(Flow& flow);
    void wait_for_more(Flow& flow, const Undecided& undecided, size_t bytes);
    void decide(Flow& flow, Recognised recognised);
    void connect(Flow& flow);
    void connect_next(Flow& flow);
    [[nodiscard]] Result<void> connect_to(Flow& flow, const Endpoint& server);
    void note_failed(Flow& flow, int err, std::string_view message);
    void finish_connect(Flow& flow);
    void relay(Flow& flow);
    void hold_to_rates(Flow& flow);
    [[nodiscard]] Pumped pump_counted(Flow& flow, Direction& direction, __u64& total);
    void on_deadline(Flow& flow);
    void on_undecided_deadline(Flow& flow);
    void end(Flow& flow, End why);
    void deny(Flow& flow, std::string reason);
    void deny(Flow& flow, Judgement judgement);
    [[nodiscard]] bool refuse(Flow& flow);
    void finish_refusal(Flow& flow, uint32_t events);
    [[nodiscard]] EveRecord record_of(const Flow& flow, std::string_view end_reason) const;
    void note_judgement(const Flow& flow);
    void write_line(const Flow& flow, End why);
    void queue(Flow& flow);
    [[nodiscard]] const InspectConfig* settings(const Flow& flow) const;

    FlowNeeds needs_;
    ConfigPtr config_;
    FlowTable<Flow> table_;
    PipePool pipes_;
    uint64_t now_ms_ = 0;
    std::deque<Token> queued_;
    std::vector<Token> starved_;
    std::vector<std::byte> peeked_; // one buffer for all: nothing stays in it between two flows
};

} // namespace pc::inspect
