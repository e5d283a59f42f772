// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/peek_flows.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "ctl/inspect/random.h"
#include "ctl/inspect/subject.h"

namespace pc::inspect {

namespace {

// Of one turn, so that neither other flows nor the heartbeat wait.
constexpr size_t frames_per_turn = 256;

constexpr EthernetAddress peek_address(pc_peek_word word) {
    EthernetAddress address = PC_PEEK_MAC;
    address.back() = static_cast<uint8_t>(word);
    return address;
}

FlowId id_of(const PeekFlow& flow) {
    return {flow.origin.nat, flow.origin.server};
}

constexpr uint8_t flag_urgent = 0x20;

constexpr const char* too_much = "too much before a name";

Recognised malformed(const char* fault) {
    Recognised recognised;
    recognised.state = NameState::malformed;
    recognised.fault = fault;
    return recognised;
}

Recognised too_late() {
    Recognised recognised;
    recognised.state = NameState::late;
    recognised.fault = "it does not become complete";
    return recognised;
}

int32_t offset_of(const PeekFlow& flow, const TcpSegment& segment) {
    return static_cast<int32_t>(segment.seq - (flow.origin.isn + 1));
}

protocol::InspectedWay way_of(PeekFlow::State state) {
    switch (state) {
    case PeekFlow::State::undecided:
        return protocol::InspectedWay::peeked;
    case PeekFlow::State::released:
        return protocol::InspectedWay::released;
    case PeekFlow::State::denied:
        return protocol::InspectedWay::denied;
    }
    return protocol::InspectedWay::peeked;
}

uint64_t deadline_ms(const PeekFlow& flow) {
    const bool longer = flow.certain || flow.waits_for_config || flow.head.has_gap();
    return flow.began_ms + (longer ? peek_hello_ms : peek_silence_ms);
}

} // namespace

PeekFlows::PeekFlows(PeekNeeds needs, ConfigPtr config, size_t flows_max)
    : needs_(needs), config_(std::move(config)), table_(flows_max),
      by_id_(0, FlowIdHash{random_number()}) {}

pc_inspect_stats& PeekFlows::stats(const PeekFlow& flow) {
    return needs_.counters.of(flow.origin.inspect);
}

bool PeekFlows::receive() {
    SeenFrame frame;
    for (size_t i = 0; i < frames_per_turn; ++i) {
        if (!receiver_.receive(needs_.socket, frame)) {
            return false;
        }
        take_frame(frame);
    }
    return true;
}

// What cannot be read is not sent on: TC has read it, and asked for a verdict.
void PeekFlows::take_frame(const SeenFrame& frame) {
    const std::optional<TcpSegment> segment = parse_segment(frame.bytes);
    if (!segment) {
        return;
    }
    const FlowId id{segment->from, segment->to};
    PeekFlow* flow = find(id);
    if (flow == nullptr) {
        flow = admit(id, frame);
    }
    if (flow == nullptr) {
        return;
    }
    if (flow->state == PeekFlow::State::undecided && flow->origin.released) {
        // The server never got what was judged, and that was so long ago that nobody knows
        // whether this is the same.
        flow->last_ack = segment->ack;
        answer(frame.offload, frame.bytes, PC_PEEK_DENY);
        deny(*flow, Judgement{false, "it is too late"});
        return;
    }
    switch (flow->state) {
    case PeekFlow::State::undecided:
        look_at(*flow, *segment, frame);
        count_memory(*flow);
        return;
    case PeekFlow::State::released:
        look_again(*flow, *segment, frame);
        return;
    case PeekFlow::State::denied:
        answer(frame.offload, frame.bytes, PC_PEEK_DENY);
        return;
    }
}

// The client may have begun another connection from the same port.
PeekFlow* PeekFlows::find(const FlowId& id) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) {
        return nullptr;
    }
    PeekFlow* flow = table_.find(found->second.index, found->second.generation);
    if (flow == nullptr) {
        return nullptr;
    }
    const Result<Origin> now = find_origin(needs_.flow_map, IPPROTO_TCP, id.client, id.server);
    if (!now || now.value().isn == flow->origin.isn) {
        return flow;
    }
    if (flow->state == PeekFlow::State::undecided) {
        write_line(*flow, End::reset);
    }
    end(*flow);
    return nullptr;
}

// Null if there is no room for it, or its policy is not known: then all is said about the frame.
PeekFlow* PeekFlows::admit(const FlowId& id, const SeenFrame& frame) {
    const Result<Origin> origin = find_origin(needs_.flow_map, IPPROTO_TCP, id.client, id.server);
    if (!origin) {
        return nullptr;
    }
    pc_inspect_stats& counted = needs_.counters.of(origin.value().inspect);
    const InspectConfig* inspect = config_->find(origin.value().inspect);
    const bool at_limit = inspect != nullptr && inspect->flows_max != 0 &&
                          needs_.counters.active(origin.value().inspect) >= inspect->flows_max;
    if (at_limit || !make_room()) {
        const bool passes = inspect != nullptr && inspect->policy->overload_passes;
        ++counted.overload;
        answer(frame.offload, frame.bytes, passes ? PC_PEEK_RELEASE : PC_PEEK_DENY);
        return nullptr;
    }
    PeekFlow& flow = table_.add();
    by_id_[id] = {Source::peek, flow.index, flow.generation};
    flow.started = wall_now();
    flow.began_ms = now_ms_;
    flow.origin = origin.value();
    needs_.counters.flow_begins(flow.origin.inspect);
    table_.arm(flow, deadline_ms(flow));
    return &flow;
}

void PeekFlows::look_at(PeekFlow& flow, const TcpSegment& segment, const SeenFrame& frame) {
    flow.last_ack = segment.ack;
    // RFC 6093: most servers read past urgent data, so what they get is not what is seen here.
    if ((segment.flags & flag_urgent) != 0) {
        refuse(flow, frame, "urgent data before a name");
        return;
    }
    switch (flow.head.add(offset_of(flow, segment), segment.payload)) {
    case StreamHead::Added::nothing_new:
        // It is held already, and sent again for lack of an answer; or it was lost after it had
        // been sent on.
        if (flow.certain && flow.held.empty()) {
            answer(frame.offload, frame.bytes, PC_PEEK_PASS);
        }
        return;
    case StreamHead::Added::too_much:
        refuse(flow, frame, too_much);
        return;
    case StreamHead::Added::contradiction:
        refuse(flow, frame, "it contradicts itself");
        return;
    case StreamHead::Added::something_new:
        break;
    }
    if (flow.held.size() == peek_frames_max ||
        flow.held_bytes + frame.bytes.size() > peek_bytes_max || memory_ >= peek_memory_max) {
        refuse(flow, frame, too_much);
        return;
    }
    flow.held.push_back({frame.offload, {frame.bytes.begin(), frame.bytes.end()}});
    flow.held_bytes += frame.bytes.size();
    examine(flow);
}

// For a frame that is not held. TC has to hear the verdict by something.
void PeekFlows::refuse(PeekFlow& flow, const SeenFrame& frame, const char* fault) {
    decide(flow, malformed(fault));
    if (flow.state == PeekFlow::State::denied) {
        answer(frame.offload, frame.bytes, PC_PEEK_DENY);
    }
}

// Of a flow that was let go, and that TC asks about all the same: the server does not have yet what
// was judged, and what it gets instead must be the same.
void PeekFlows::look_again(PeekFlow& flow, const TcpSegment& segment, const SeenFrame& frame) {
    flow.last_ack = segment.ack;
    if (!flow.head.contradicts(offset_of(flow, segment), segment.payload)) {
        answer(frame.offload, frame.bytes, PC_PEEK_RELEASE);
        return;
    }
    answer(frame.offload, frame.bytes, PC_PEEK_DENY);
    --stats(flow).allowed;
    flow.passed_bytes = 0; // it was not for the server
    deny(flow, Judgement{false, "it contradicts itself"});
}

void PeekFlows::rest(PeekFlow& flow) {
    table_.arm(flow, now_ms_ + peek_rest_ms);
    resting_.push_back({Source::peek, flow.index, flow.generation});
}

// What is judged already makes room for what is not.
bool PeekFlows::make_room() {
    while (table_.full() || memory_ >= peek_memory_max) {
        if (resting_.empty()) {
            return false;
        }
        end(*table_.find(resting_.front().index, resting_.front().generation));
    }
    return true;
}

void PeekFlows::count_memory(PeekFlow& flow) {
    const size_t now = flow.held_bytes + flow.head.size();
    memory_ += now - flow.memory;
    flow.memory = now;
}

void PeekFlows::examine(PeekFlow& flow) {
    if (flow.waits_for_config || flow.head.contiguous().empty()) {
        return;
    }
    FirstBytes found = recognise(flow.head.contiguous());
    if (const auto* undecided = std::get_if<Undecided>(&found)) {
        if (undecided->certain) {
            pass_on(flow);
        }
        return;
    }
    decide(flow, std::get<Recognised>(std::move(found)));
}

// Part of a hello, or of a head, is nothing that a server acts on. And a client whose segments are
// not acknowledged says no more than its first window holds.
void PeekFlows::pass_on(PeekFlow& flow) {
    flow.certain = true;
    send_held(flow, PC_PEEK_PASS);
    flow.passed_bytes = flow.head.contiguous().size();
}

// The last one says that all of it is let go: TC knows by then how much that is.
void PeekFlows::send_held(PeekFlow& flow, pc_peek_word word) {
    std::vector<HeldFrame> all = std::exchange(flow.held, {});
    for (HeldFrame& held : all) {
        const bool last = &held == &all.back();
        answer(held.offload, held.bytes, word == PC_PEEK_RELEASE && !last ? PC_PEEK_PASS : word);
    }
    flow.held_bytes = 0;
}

void PeekFlows::decide(PeekFlow& flow, Recognised recognised) {
    flow.recognised = std::move(recognised);
    const InspectConfig* inspect = config_->find(flow.origin.inspect);
    flow.waits_for_config = inspect == nullptr;
    if (flow.waits_for_config) {
        return; // the kernel may know a commit some milliseconds before we do
    }
    flow.judgement = judge(*config_, flow.origin, flow.recognised);
    if (flow.judgement.allowed) {
        release(flow);
    } else {
        deny(flow, flow.judgement);
    }
}

void PeekFlows::release(PeekFlow& flow) {
    send_held(flow, PC_PEEK_RELEASE);
    count_memory(flow);
    flow.state = PeekFlow::State::released;
    ++stats(flow).allowed;
    needs_.counters.flow_ends(flow.origin.inspect);
    needs_.log.count(flow.recognised, flow.judgement);
    write_line(flow, End::released);
    rest(flow);
}

void PeekFlows::deny(PeekFlow& flow, Judgement judgement) {
    flow.judgement = std::move(judgement);
    // The first one carries the verdict; none of them goes anywhere.
    send_held(flow, PC_PEEK_DENY);
    count_memory(flow);
    reset_both(flow);
    if (flow.state == PeekFlow::State::undecided) {
        needs_.counters.flow_ends(flow.origin.inspect);
    }
    flow.state = PeekFlow::State::denied;
    ++stats(flow).denied;
    needs_.log.count(flow.recognised, flow.judgement);
    write_line(flow, End::denied);
    rest(flow);
}

// The client has had an answer to no more than what was passed on.
void PeekFlows::reset_both(const PeekFlow& flow) {
    const uint32_t first = flow.origin.isn + 1;
    const auto seen = static_cast<uint32_t>(flow.head.contiguous().size());
    const auto passed = static_cast<uint32_t>(flow.passed_bytes);
    std::vector<std::byte> to_client = reset_frame({.from = flow.origin.server,
                                                    .to = flow.origin.nat,
                                                    .seq = flow.last_ack,
                                                    .ack = first + seen});
    std::vector<std::byte> to_server = reset_frame(
        {.from = flow.origin.nat, .to = flow.origin.server, .seq = first + passed, .ack = {}});
    (void)send_frame(needs_.socket, {}, to_client); // ignoring: then it finds out by itself
    answer({}, to_server, PC_PEEK_PASS);
}

void PeekFlows::answer(const Offload& offload, std::span<std::byte> frame, pc_peek_word word) {
    set_source(frame, peek_address(word));
    // Ignoring: the client sends again what is lost here, and is answered again.
    (void)send_frame(needs_.socket, offload, frame);
}

void PeekFlows::tick() {
    while (PeekFlow* flow = table_.next_due(now_ms_)) {
        if (flow->state != PeekFlow::State::undecided) {
            end(*flow);
        } else if (const uint64_t deadline = deadline_ms(*flow); deadline > now_ms_) {
            table_.arm(*flow, deadline);
        } else if (flow->waits_for_config) {
            deny(*flow, Judgement{false, fmt::format("inspect {} is not configured",
                                                     flow->origin.inspect)});
        } else if (flow->certain || flow->head.has_gap()) {
            decide(*flow, too_late());
        } else {
            decide(*flow, Recognised{});
        }
    }
}

void PeekFlows::configure(ConfigPtr config) {
    config_ = std::move(config);
    for (size_t place = 0; place < table_.places(); ++place) {
        PeekFlow* flow = table_.at(place);
        if (flow != nullptr && flow->state == PeekFlow::State::undecided &&
            flow->waits_for_config) {
            decide(*flow, std::move(flow->recognised));
        }
    }
}

void PeekFlows::end_all() {
    for (size_t place = 0; place < table_.places(); ++place) {
        if (PeekFlow* flow = table_.at(place)) {
            if (flow->state == PeekFlow::State::undecided) {
                write_line(*flow, End::shutdown);
            }
            end(*flow);
        }
    }
}

void PeekFlows::end(PeekFlow& flow) {
    if (flow.state == PeekFlow::State::undecided) {
        needs_.counters.flow_ends(flow.origin.inspect);
    }
    memory_ -= flow.memory;
    by_id_.erase(id_of(flow));
    table_.remove(flow);
    while (!resting_.empty() &&
           table_.find(resting_.front().index, resting_.front().generation) == nullptr) {
        resting_.pop_front();
    }
}

void PeekFlows::write_line(const PeekFlow& flow, End why) {
    needs_.log.write(record_of(flow, word_for(why)), *config_);
}

EveRecord PeekFlows::record_of(const PeekFlow& flow, std::string_view end_reason) const {
    EveRecord record;
    record.start = flow.started;
    record.origin = flow.origin;
    record.way = way_of(flow.state);
    record.recognised = flow.recognised;
    record.allowed = flow.judgement.allowed;
    record.verdict_reason = flow.judgement.reason;
    record.inspect_rule = flow.judgement.rule;
    record.logged = flow.judgement.logged;
    record.reached_server = true;
    record.end_reason = end_reason;
    record.bytes_to_server = flow.judgement.allowed ? flow.head.contiguous().size() : 0;
    return record;
}

} // namespace pc::inspect
