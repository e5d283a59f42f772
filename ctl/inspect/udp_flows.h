// SPDX-License-Identifier: GPL-3.0-or-later
// All UDP flows of one worker: takes datagrams from its listeners, judges, relays, ends and logs.
//
// Full: the flow that has waited longest for its first answer makes way, so that a flood that
// nobody answers ends no conversation. Where all are answered, or an inspect has its max_flows, TC
// egress is told to turn the flow away for some seconds.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "ctl/inspect/config.h"
#include "ctl/inspect/counters.h"
#include "ctl/inspect/datagrams.h"
#include "ctl/inspect/flow.h"
#include "ctl/inspect/flow_id.h"
#include "ctl/inspect/flow_log.h"
#include "ctl/inspect/flow_table.h"
#include "ctl/inspect/poller.h"
#include "ctl/inspect/reply_sockets.h"
#include "ctl/inspect/udp_flow.h"
#include "ctl/kern/map_store.h"

namespace pc::inspect {

// What UDP flows work with; all outlive them.
struct UdpFlowNeeds {
    Poller& poller;
    MapStore& flow_map;
    Counters& counters;
    FlowLog& log;
    NetnsThread& netns;
    RateBuckets& rates;
};

class UdpFlows {
public:
    UdpFlows(UdpFlowNeeds needs, ConfigPtr config, size_t flows_max);

    // There is work that no event will announce.
    [[nodiscard]] bool has_queued() const { return !queued_.empty(); }

    // Of the current turn of the event loop; all that is below uses it.
    void set_now_ms(uint64_t now_ms) { now_ms_ = now_ms; }

    // True if the listener may have more than one turn takes.
    [[nodiscard]] bool receive_from(int listener);

    void on_ready(const Ready& ready);
    void run_queued();
    void tick();

    // Holds for new flows, and for those that are not judged yet.
    void configure(ConfigPtr config);

    // For the end of the program.
    void end_all();

    // For whoever asks what there is: places of the table, and the flow at one of them, if any.
    [[nodiscard]] size_t places() const { return table_.places(); }

    [[nodiscard]] std::optional<EveRecord> seen(size_t place) const;

private:
    void take_datagram(const FlowId& id, std::span<const std::byte> bytes);
    [[nodiscard]] UdpFlow* find(const FlowId& id);
    [[nodiscard]] bool is_still_of_client(const UdpFlow& flow, const FlowId& id) const;
    [[nodiscard]] UdpFlow* admit(const FlowId& id);
    [[nodiscard]] bool has_room_for(const FlowId& id, const Origin& origin);
    [[nodiscard]] bool make_room();
    void judge_datagram(UdpFlow& flow, std::span<const std::byte> bytes);
    void decide(UdpFlow& flow);
    void deny(UdpFlow& flow, Judgement judgement);
    void connect(UdpFlow& flow);
    void send_to_server(UdpFlow& flow, std::span<const std::byte> bytes);
    void relay_answers(UdpFlow& flow);
    void send_to_client(UdpFlow& flow, std::span<const std::byte> bytes);
    void note_refusal(UdpFlow& flow, int error);
    void end(UdpFlow& flow, End why);
    [[nodiscard]] EveRecord record_of(const UdpFlow& flow, std::string_view end_reason) const;
    void note_judgement(const UdpFlow& flow);
    void write_line(const UdpFlow& flow, End why);
    [[nodiscard]] pc_inspect_stats& stats(const UdpFlow& flow);

    UdpFlowNeeds needs_;
    ConfigPtr config_;
    FlowTable<UdpFlow> table_;
    std::unordered_map<FlowId, Token, FlowIdHash> by_id_;
    ReplySockets replies_;
    DatagramBatch batch_; // one for all: nothing stays in it between two flows
    uint64_t now_ms_ = 0;
    std::deque<Token> queued_;
    std::deque<Token> unanswered_; // in the order in which they began; some are answered by now
};

} // namespace pc::inspect
