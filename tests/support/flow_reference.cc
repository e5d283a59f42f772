// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/flow_reference.h"

#include <algorithm>

namespace pc::test {

namespace {

constexpr unsigned scale_max = 14;
constexpr uint16_t loose_window = 65535;
constexpr int64_t old_ack_min = 66000; // how old an acknowledgement may be at the least

// Sequence numbers turn around. The way from a up to b, or down if that is shorter: as a signed
// number of 32 bits has it.
int64_t distance(uint32_t a, uint32_t b) {
    const int64_t up =
        (static_cast<int64_t>(b) - static_cast<int64_t>(a) + (1LL << 32)) % (1LL << 32);
    return up < 1LL << 31 ? up : up - (1LL << 32);
}

bool at_most(uint32_t a, uint32_t b) {
    return distance(b, a) <= 0;
}

uint32_t later(uint32_t a, uint32_t b) {
    return distance(a, b) > 0 ? b : a;
}

uint32_t plus(uint32_t number, int64_t bytes) {
    return static_cast<uint32_t>((static_cast<int64_t>(number) + bytes + (1LL << 33)) %
                                 (1LL << 32));
}

bool has(const FlowPacket& packet, uint8_t flag) {
    return packet.flags / flag % 2 == 1;
}

// Opens a connection.
bool is_syn(const FlowPacket& packet) {
    return has(packet, tcp_syn) && !has(packet, tcp_ack) && !has(packet, tcp_rst) &&
           !has(packet, tcp_fin);
}

bool is_loose_beginning(const FlowPacket& packet) {
    return has(packet, tcp_ack) && !has(packet, tcp_syn) && !has(packet, tcp_rst);
}

int64_t window_in_bytes(const Flow& flow, const Endpoint& side, uint16_t window) {
    return static_cast<int64_t>(window) << FlowReference::shift_of(flow, side);
}

FlowReference::Key key_between(uint8_t proto, const Endpoint& a, const Endpoint& b) {
    return {proto, {std::min(a, b), std::max(a, b)}};
}

// ---- the steps of TCP

// A side as its own SYN, or SYN-ACK, has it.
void set_up(FlowSide& side, const FlowPacket& syn) {
    side.known = true;
    side.first = syn.seq;
    side.end = seq_end(syn);
    side.maxend = plus(side.end, 1);
    side.acked.reset();
    if (has(syn, tcp_ack)) {
        side.acked = syn.ack;
    }
    side.maxwin = std::max<uint16_t>(syn.window, 1);
    side.scale_asked = syn.scale;
    side.fin = false;
}

// An established connection that nobody saw the beginning of, from one packet of it.
void set_up_loosely(Flow& flow, const FlowPacket& packet) {
    FlowSide& sender = flow.sides[packet.from];
    FlowSide& other = flow.sides[packet.to];
    for (FlowSide* side : {&sender, &other}) {
        side->known = true;
        side->scale_asked = scale_max;
        side->maxwin = loose_window;
        side->fin = false;
    }
    const int64_t window = static_cast<int64_t>(loose_window) << scale_max;
    sender.end = seq_end(packet);
    sender.maxend = plus(sender.end, window);
    sender.acked = packet.ack;
    sender.fin = has(packet, tcp_fin);
    other.end = packet.ack;
    other.maxend = plus(packet.ack, window);
    other.acked = packet.seq;
    flow.state = PC_FLOW_TCP_ESTABLISHED;
}

// All of what came with the SYN, or less; but the SYN.
bool answers_the_syn(const Flow& flow, const FlowPacket& packet) {
    const FlowSide& origin = flow.sides.at(flow.origin);
    return at_most(plus(origin.first, 1), packet.ack) && at_most(packet.ack, origin.end);
}

void take_syn_ack(Flow& flow, const FlowPacket& packet) {
    FlowSide& origin = flow.sides[packet.to];
    FlowSide& other = flow.sides[packet.from];
    set_up(other, packet);
    origin.acked = packet.seq;
    origin.maxend = plus(packet.ack, std::max<int64_t>(packet.window, 1));
    other.maxend = plus(other.end, window_in_bytes(flow, packet.to, origin.maxwin));
    flow.state = PC_FLOW_TCP_SYN_RECEIVED;
}

bool is_in_window(const Flow& flow, const FlowPacket& packet) {
    const FlowSide& sender = flow.sides.at(packet.from);
    const FlowSide& receiver = flow.sides.at(packet.to);
    const int64_t window = window_in_bytes(flow, packet.to, receiver.maxwin);
    const int64_t old =
        std::max<int64_t>(window_in_bytes(flow, packet.from, sender.maxwin), old_ack_min);
    return at_most(packet.seq, sender.maxend) &&
           at_most(plus(sender.end, -window), seq_end(packet)) &&
           at_most(packet.ack, receiver.end) && at_most(plus(receiver.end, -old), packet.ack);
}

void take_segment(Flow& flow, const FlowPacket& packet) {
    FlowSide& sender = flow.sides[packet.from];
    FlowSide& receiver = flow.sides[packet.to];
    const int64_t window =
        has(packet, tcp_syn) ? packet.window : window_in_bytes(flow, packet.from, packet.window);
    sender.maxwin = std::max(sender.maxwin, packet.window);
    sender.end = later(sender.end, seq_end(packet));
    sender.acked = sender.acked ? later(*sender.acked, packet.ack) : packet.ack;
    receiver.maxend = later(receiver.maxend, plus(packet.ack, std::max<int64_t>(window, 1)));
    if (flow.state == PC_FLOW_TCP_SYN_RECEIVED && !has(packet, tcp_syn) &&
        packet.from == flow.origin) {
        flow.state = PC_FLOW_TCP_ESTABLISHED;
    }
    if (has(packet, tcp_fin)) {
        sender.fin = true;
        flow.state = receiver.fin ? PC_FLOW_TCP_TIME_WAIT : PC_FLOW_TCP_CLOSING;
    }
}

bool is_new_flow_state(pc_flow_state state) {
    return state == PC_FLOW_TCP_SYN_SENT || state == PC_FLOW_UDP_NEW || state == PC_FLOW_ICMP_NEW ||
           state == PC_FLOW_OTHER_NEW;
}

bool is_echo_request(const FlowPacket& packet) {
    return is_echo(packet) &&
           packet.icmp_type == (packet.from.address.family == Family::v4 ? 8 : 128);
}

} // namespace

// What a packet does to its flow if it passes.
enum class FlowReference::Becomes : uint8_t {
    nothing,   // as if it had not been
    counted,   // its packet counts
    prolonged, // and the deadline moves; the flow is as step() changed it
    begun,     // a flow begins with this packet, where one was or where none was
};

struct FlowReference::Step {
    pc_state_bit state = PC_STATE_INVALID;
    Becomes becomes = Becomes::nothing;
};

unsigned FlowReference::shift_of(const Flow& flow, const Endpoint& side) {
    for (const auto& [endpoint, other] : flow.sides) {
        if (!other.scale_asked) {
            return 0;
        }
    }
    return std::min(*flow.sides.at(side).scale_asked, scale_max);
}

FlowReference::Key FlowReference::key_of(const FlowPacket& packet) {
    return packet.inner ? key_between(packet.inner->proto, packet.inner->from, packet.inner->to)
                        : key_between(packet.proto, packet.from, packet.to);
}

const Flow* FlowReference::find(const Key& key, uint64_t now) const {
    const auto found = flows_.find(key);
    return found == flows_.end() || now > found->second.deadline ? nullptr : &found->second;
}

FlowReference::Step FlowReference::step_without_flow(const FlowPacket& packet) const {
    const bool opens = packet.proto == proto_tcp
                           ? is_syn(packet) || (settings_.loose && is_loose_beginning(packet))
                           : !is_echo(packet) || is_echo_request(packet);
    return opens ? Step{PC_STATE_NEW, Becomes::begun} : Step{};
}

FlowReference::Step FlowReference::step_of_syn(const FlowPacket& packet, Flow& flow) {
    if (flow.state == PC_FLOW_TCP_TIME_WAIT || flow.state == PC_FLOW_TCP_CLOSED) {
        return {PC_STATE_NEW, Becomes::begun};
    }
    if (flow.state != PC_FLOW_TCP_SYN_SENT) {
        return {PC_STATE_NEW, Becomes::nothing};
    }
    FlowSide& sender = flow.sides[packet.from];
    set_up(sender, packet);
    if (packet.from == flow.origin) {
        return {PC_STATE_NEW, Becomes::prolonged};
    }
    // Both opened at the same time. As if each knew of the other's SYN.
    FlowSide& origin = flow.sides[packet.to];
    sender.acked = plus(origin.end, -1);
    origin.acked = packet.seq;
    flow.state = PC_FLOW_TCP_SYN_RECEIVED;
    return {PC_STATE_ESTABLISHED, Becomes::prolonged};
}

// A RST is of use to nobody who only guesses: its number must be one that the sides know.
FlowReference::Step FlowReference::step_of_reset(const FlowPacket& packet, Flow& flow) {
    const bool from_origin = packet.from == flow.origin;
    const FlowSide& sender = flow.sides.at(packet.from);
    const FlowSide& receiver = flow.sides.at(packet.to);
    if (has(packet, tcp_syn) || has(packet, tcp_fin)) {
        return {};
    }
    pc_state_bit state = PC_STATE_ESTABLISHED;
    bool closes = packet.seq == sender.end || packet.seq == receiver.acked;
    if (flow.state == PC_FLOW_TCP_SYN_SENT && from_origin) {
        state = PC_STATE_NEW;
        closes = packet.seq == sender.end;
        if (!closes) {
            return {state, Becomes::counted};
        }
    } else if (flow.state == PC_FLOW_TCP_SYN_SENT) {
        closes = has(packet, tcp_ack) && packet.ack == receiver.end;
    }
    if (!closes) {
        return {};
    }
    flow.state = PC_FLOW_TCP_CLOSED;
    return {state, Becomes::prolonged};
}

// May change the flow: of a packet that turns out to be invalid it must not.
FlowReference::Step FlowReference::step_of_tcp(const FlowPacket& packet, Flow& flow) const {
    const bool from_origin = packet.from == flow.origin;
    const bool syn_sent = flow.state == PC_FLOW_TCP_SYN_SENT;
    const pc_state_bit state = syn_sent && from_origin ? PC_STATE_NEW : PC_STATE_ESTABLISHED;
    const Step valid{state, Becomes::prolonged};
    if (is_syn(packet)) {
        return step_of_syn(packet, flow);
    }
    if (has(packet, tcp_rst)) {
        return step_of_reset(packet, flow);
    }
    if (!has(packet, tcp_ack) || (has(packet, tcp_syn) && has(packet, tcp_fin))) {
        return {};
    }
    if (syn_sent && from_origin) {
        if (!settings_.loose || !is_loose_beginning(packet)) {
            return {};
        }
        set_up_loosely(flow, packet);
        return valid;
    }
    if (syn_sent && has(packet, tcp_syn)) {
        if (!answers_the_syn(flow, packet)) {
            return {};
        }
        take_syn_ack(flow, packet);
        return valid;
    }
    if (syn_sent) {
        return {state, Becomes::counted};
    }
    if (!is_in_window(flow, packet)) {
        return {};
    }
    if (flow.state == PC_FLOW_TCP_CLOSED) {
        return {state, Becomes::counted};
    }
    take_segment(flow, packet);
    return valid;
}

FlowReference::Step FlowReference::step(const FlowPacket& packet, Flow& flow) const {
    if (packet.proto == proto_tcp) {
        return step_of_tcp(packet, flow);
    }
    const bool from_origin = packet.from == flow.origin;
    // Who began asks, the other one answers.
    if (is_echo(packet) && is_echo_request(packet) != from_origin) {
        return from_origin ? Step{} : Step{PC_STATE_NEW, Becomes::nothing};
    }
    const bool is_new = from_origin && is_new_flow_state(flow.state);
    if (!from_origin) {
        switch (flow.state) {
        case PC_FLOW_UDP_NEW:
            flow.state = PC_FLOW_UDP_REPLIED;
            break;
        case PC_FLOW_ICMP_NEW:
            flow.state = PC_FLOW_ICMP_REPLIED;
            break;
        case PC_FLOW_OTHER_NEW:
            flow.state = PC_FLOW_OTHER_REPLIED;
            break;
        default:
            break;
        }
    }
    return {is_new ? PC_STATE_NEW : PC_STATE_ESTABLISHED, Becomes::prolonged};
}

Flow FlowReference::begin(const FlowPacket& packet) {
    Flow flow;
    flow.origin = packet.from;
    FlowSide& sender = flow.sides[packet.from];
    flow.sides[packet.to];
    if (packet.proto == proto_tcp && is_syn(packet)) {
        flow.state = PC_FLOW_TCP_SYN_SENT;
        set_up(sender, packet);
    } else if (packet.proto == proto_tcp) {
        set_up_loosely(flow, packet);
    } else if (packet.proto == proto_udp) {
        flow.state = PC_FLOW_UDP_NEW;
    } else if (is_icmp(packet.proto, packet.from.address.family)) {
        flow.state = PC_FLOW_ICMP_NEW;
    }
    return flow;
}

pc_state_bit FlowReference::state_of_error(const FlowPacket& packet, uint64_t now) const {
    const Flow* flow = find(key_of(packet), now);
    const InnerPacket& inner = *packet.inner;
    if (flow == nullptr) {
        return PC_STATE_INVALID;
    }
    if (inner.proto != proto_tcp) {
        return PC_STATE_RELATED;
    }
    const FlowSide& sender = flow->sides.at(inner.from);
    const FlowSide& receiver = flow->sides.at(inner.to);
    const int64_t old =
        std::max<int64_t>(window_in_bytes(*flow, inner.to, receiver.maxwin), old_ack_min);
    const bool inside = sender.known && at_most(inner.seq, sender.maxend) &&
                        at_most(plus(sender.end, -old), inner.seq);
    return inside ? PC_STATE_RELATED : PC_STATE_INVALID;
}

FlowReference::Answer FlowReference::take(const FlowPacket& packet, bool inside, uint64_t now,
                                          const Accepts& accepts) {
    if (packet.inner) {
        const pc_state_bit state = state_of_error(packet, now);
        return {state, accepts(state)};
    }
    if (is_icmp(packet.proto, packet.from.address.family) && !is_echo(packet)) {
        return {PC_STATE_NEW, accepts(PC_STATE_NEW)};
    }
    const Flow* known = find(key_of(packet), now);
    if (known != nullptr && !settings_.loose &&
        inside != ((packet.from == known->origin) == known->inside)) {
        return {PC_STATE_INVALID, accepts(PC_STATE_INVALID)};
    }
    Flow flow = known == nullptr ? Flow{} : *known;
    const Step step = known == nullptr ? step_without_flow(packet) : this->step(packet, flow);
    const Answer answer{step.state, accepts(step.state)};
    if (step.becomes == Becomes::nothing || (step.becomes == Becomes::begun && !answer.passes)) {
        return answer;
    }
    if (step.becomes == Becomes::begun) {
        flow = begin(packet);
        flow.inside = inside;
    }
    if (step.becomes != Becomes::counted) {
        flow.deadline = now + settings_.timeouts.at(flow.state);
    }
    flow.sides[packet.from].packets++;
    flow.sides[packet.from].bytes += packet.len;
    flows_[key_of(packet)] = flow;
    return answer;
}

bool is_icmp(uint8_t proto, Family family) {
    return proto == (family == Family::v4 ? proto_icmp : proto_icmp6);
}

bool is_echo(const FlowPacket& packet) {
    const bool v4 = packet.from.address.family == Family::v4;
    return is_icmp(packet.proto, packet.from.address.family) &&
           (v4 ? packet.icmp_type == 8 || packet.icmp_type == 0
               : packet.icmp_type == 128 || packet.icmp_type == 129);
}

uint32_t seq_end(const FlowPacket& packet) {
    return plus(packet.seq, static_cast<int64_t>(packet.payload) + (has(packet, tcp_syn) ? 1 : 0) +
                                (has(packet, tcp_fin) ? 1 : 0));
}

std::string to_string(const Endpoint& endpoint) {
    return "[" + to_string(endpoint.address) + "]:" + std::to_string(endpoint.port);
}

std::string to_string(const FlowPacket& packet) {
    std::string text = "proto " + std::to_string(packet.proto) + " " + to_string(packet.from) +
                       " > " + to_string(packet.to);
    if (packet.proto == proto_tcp) {
        std::string flags;
        for (unsigned bit = 0; bit < 8; bit++) {
            flags += packet.flags >> bit & 1U ? std::string(1, "FSRPAUEC"[bit]) : "";
        }
        text += " " + flags + " seq " + std::to_string(packet.seq) + " ack " +
                std::to_string(packet.ack) + " win " + std::to_string(packet.window) +
                (packet.scale ? " scale " + std::to_string(*packet.scale) : "");
    }
    if (is_icmp(packet.proto, packet.from.address.family)) {
        text += " type " + std::to_string(packet.icmp_type);
    }
    if (packet.inner) {
        const InnerPacket& inner = *packet.inner;
        text += " about proto " + std::to_string(inner.proto) + " " + to_string(inner.from) +
                " > " + to_string(inner.to) + " seq " + std::to_string(inner.seq);
    }
    return text + " data " + std::to_string(packet.payload);
}

} // namespace pc::test
