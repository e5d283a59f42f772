// SPDX-License-Identifier: GPL-3.0-or-later
// The connections of one worker that are only looked at: TC lets their handshakes pass and hands
// over what their clients say, until it is judged here. Then all that was held is sent on, as it
// came, and TC lets the rest of the flow pass by; or both ends get a reset.
//
// A client that is not what it seems to be may say two things about the same bytes, of which the
// server gets one only. So nothing is let go that contradicts itself, and TC asks about what is
// said again until the server has acknowledged what was judged.
//
// Full: TC has asked already whether the worker is alive, so a flow that there is no room for gets
// what its inspect says in `on_overload`, at once.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "ctl/inspect/config.h"
#include "ctl/inspect/counters.h"
#include "ctl/inspect/flow.h"
#include "ctl/inspect/flow_id.h"
#include "ctl/inspect/flow_log.h"
#include "ctl/inspect/flow_table.h"
#include "ctl/inspect/peek_flow.h"
#include "ctl/inspect/peek_frame.h"
#include "ctl/inspect/peek_socket.h"
#include "ctl/inspect/poller.h"

namespace pc::inspect {

// What these flows work with; all outlive them.
struct PeekNeeds {
    int socket = -1; // open_peek_socket()
    const MapStore& flow_map;
    Counters& counters;
    FlowLog& log;
};

class PeekFlows {
public:
    PeekFlows(PeekNeeds needs, ConfigPtr config, size_t flows_max);

    // Of the current turn of the event loop; all that is below uses it.
    void set_now_ms(uint64_t now_ms) { now_ms_ = now_ms; }

    // True if there may be more frames than one turn takes.
    [[nodiscard]] bool receive();

    void tick();

    // Holds for new flows, and for those that are not judged yet.
    void configure(ConfigPtr config);

    // For the end of the program. What is held is lost: the clients send it again, and TC knows
    // then that nobody is there.
    void end_all();

    // For whoever asks what there is: places of the table, and the flow at one of them, if any.
    [[nodiscard]] size_t places() const { return table_.places(); }

    [[nodiscard]] std::optional<EveRecord> seen(size_t place) const;

private:
    void take_frame(const SeenFrame& frame);
    [[nodiscard]] PeekFlow* find(const FlowId& id);
    [[nodiscard]] PeekFlow* admit(const FlowId& id, const SeenFrame& frame);
    void look_at(PeekFlow& flow, const TcpSegment& segment, const SeenFrame& frame);
    void examine(PeekFlow& flow);
    void decide(PeekFlow& flow, Recognised recognised);
    void pass_on(PeekFlow& flow);
    void send_held(PeekFlow& flow, pc_peek_word word);
    void look_again(PeekFlow& flow, const TcpSegment& segment, const SeenFrame& frame);
    void refuse(PeekFlow& flow, const SeenFrame& frame, const char* fault);
    void rest(PeekFlow& flow);
    [[nodiscard]] bool make_room();
    void count_memory(PeekFlow& flow);
    void release(PeekFlow& flow);
    void deny(PeekFlow& flow, Judgement judgement);
    void reset_both(const PeekFlow& flow);
    void answer(const Offload& offload, std::span<std::byte> frame, pc_peek_word word);
    void end(PeekFlow& flow);
    [[nodiscard]] EveRecord record_of(const PeekFlow& flow, std::string_view end_reason) const;
    void write_line(const PeekFlow& flow, End why);
    [[nodiscard]] pc_inspect_stats& stats(const PeekFlow& flow);

    PeekNeeds needs_;
    ConfigPtr config_;
    FlowTable<PeekFlow> table_;
    std::unordered_map<FlowId, Token, FlowIdHash> by_id_;
    PeekReceiver receiver_;
    std::deque<Token> resting_; // judged, the oldest first; and some that are over
    size_t memory_ = 0;         // of all flows
    uint64_t now_ms_ = 0;
};

} // namespace pc::inspect
