// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/random_flows.h"

#include <tuple>

namespace pc::test {

namespace {

constexpr uint8_t psh = 8;
constexpr uint8_t gre = 47;
constexpr size_t remembered = 12;

const std::vector<uint16_t> ports{1024, 1025, 443, 80};

// Both orders of the two sides' addresses are there.
const std::vector<std::vector<const char*>> hosts{
    {"10.1.0.2", "10.1.0.3"},
    {"192.0.2.1", "8.8.8.8"},
    {"2001:db8:1::2", "2001:db8:1::3"},
    {"2001:db8:9::1", "2001:db8:0:ffff::1"},
};

bool is_inside(const Address& address) {
    for (const char* text : {"10.1.0.0/16", "2001:db8:1::/48"}) {
        const Prefix prefix = parse_prefix(text).prefix;
        if (prefix.address.family == address.family && contains(prefix, address)) {
            return true;
        }
    }
    return false;
}

const Endpoint& other_of(const Flow& flow, const Endpoint& side) {
    return flow.sides.begin()->first == side ? flow.sides.rbegin()->first
                                             : flow.sides.begin()->first;
}

} // namespace

RandomFlows::RandomFlows(uint64_t seed, Traffic traffic)
    : dice_(seed), traffic_(traffic), family_(dice_.one_in(2) ? Family::v4 : Family::v6) {
    for (uint32_t i = dice_.between(1, 3); i > 0; i--) {
        Talk talk;
        const size_t client = dice_.one_in(3) ? 1 : 0;
        talk.sides[client].at = some(true, family_);
        talk.sides[1 - client].at = some(false, family_);
        begin_again(talk);
        talks_.push_back(talk);
    }
}

Endpoint RandomFlows::some(bool inside, Family family) {
    const auto& names = hosts.at((family == Family::v4 ? 0U : 2U) + (inside ? 0U : 1U));
    return {*parse_address(dice_.pick(names)), dice_.pick(ports)};
}

// Sequence numbers begin where they turn around, where their sign does, or anywhere.
uint32_t RandomFlows::number() {
    const auto any = dice_.between(0, UINT32_MAX - 1);
    switch (dice_.below(6)) {
    case 0:
        return 0;
    case 1:
        return UINT32_MAX - dice_.below(3000);
    case 2:
        return (1U << 31U) - 1500 + dice_.below(3000);
    default:
        return any;
    }
}

// -1, 0 or 1.
uint32_t RandomFlows::nearby() {
    return dice_.below(3) - 1;
}

uint16_t RandomFlows::window() {
    switch (dice_.below(6)) {
    case 0:
        return 0;
    case 1:
        return static_cast<uint16_t>(dice_.below(3));
    case 2:
        return 65535;
    default:
        return static_cast<uint16_t>(dice_.below(65536));
    }
}

// The ports are used again: these hosts know nothing of what was before.
void RandomFlows::begin_again(Talk& talk) {
    const bool scales = dice_.one_in(2);
    for (Talker& side : talk.sides) {
        side = Talker{.at = side.at};
        side.first = number();
        side.next = side.first;
        side.window = window();
        if (scales || dice_.one_in(4)) {
            side.scale = static_cast<uint8_t>(dice_.one_in(5) ? dice_.below(256) : dice_.below(15));
        }
    }
    if (dice_.one_in(8)) { // nobody saw how it began
        for (size_t i = 0; i < 2; i++) {
            talk.sides.at(i).began = talk.sides.at(i).heard = true;
            talk.sides.at(i).got = talk.sides.at(1 - i).next;
        }
    }
    if (dice_.one_in(8)) {
        std::swap(talk.sides[0], talk.sides[1]);
    }
}

// The side sends this, as it stands; not as the network delivers it.
FlowPacket RandomFlows::say(Talk& talk, size_t side, uint8_t flags) {
    Talker& self = talk.sides.at(side);
    const Talker& other = talk.sides.at(1 - side);
    FlowPacket packet{.from = self.at, .to = other.at, .flags = flags, .window = self.window};
    packet.seq = self.next;
    packet.ack = flags & tcp_ack ? self.got : dice_.one_in(4) ? number() : 0;
    if (flags & tcp_syn) {
        packet.seq = self.first;
        packet.scale = self.scale;
        packet.payload = dice_.one_in(6) ? dice_.between(1, 1460) : 0;
        self.next = self.first;
        self.began = true;
    } else if (!(flags & tcp_rst) && !self.ended && dice_.one_in(2)) {
        packet.payload = dice_.one_in(4) ? dice_.below(4) : dice_.below(1461);
    }
    if (dice_.one_in(4)) {
        packet.window = window();
    }
    self.ended = self.ended || (flags & tcp_fin) != 0;
    self.next = seq_end(packet) - self.next < 1U << 31U ? seq_end(packet) : self.next;
    talk.sent.push_back(packet);
    if (talk.sent.size() > remembered) {
        talk.sent.erase(talk.sent.begin());
    }
    return packet;
}

// What one of two hosts that follow RFC 9293 would send now.
FlowPacket RandomFlows::polite(Talk& talk) {
    Talker& client = talk.sides[0];
    Talker& server = talk.sides[1];
    if (!client.began) {
        return say(talk, 0, tcp_syn);
    }
    if (!server.began) {
        if (dice_.one_in(8)) {
            return say(talk, dice_.below(2), tcp_syn); // again, or both at the same time
        }
        if (dice_.one_in(12)) {
            server.got = client.next;
            server.heard = true;
            return say(talk, 1, tcp_rst | tcp_ack);
        }
    }
    const size_t side = !server.began ? 1 : !client.heard ? 0 : dice_.below(2);
    Talker& self = talk.sides.at(side);
    const Talker& other = talk.sides.at(1 - side);
    const bool first = !self.heard;
    if (first || !dice_.one_in(6)) {
        self.heard = true;
        self.got = first && dice_.one_in(10) ? other.first + 1 : other.next;
    }
    if (first && (side == 1 || !server.heard)) {
        return say(talk, side, tcp_syn | tcp_ack);
    }
    if (self.ended) {
        return say(talk, side, tcp_ack);
    }
    const uint8_t end = dice_.one_in(8) ? tcp_fin : dice_.one_in(80) ? tcp_rst : 0;
    return say(talk, side, static_cast<uint8_t>(tcp_ack | end | (dice_.one_in(3) ? psh : 0)));
}

// Somebody who sees the flow as the router does tries each bound of the window.
FlowPacket RandomFlows::at_an_edge(const Flow& flow) {
    const Endpoint from = dice_.one_in(2) ? flow.sides.begin()->first : flow.sides.rbegin()->first;
    const Endpoint to = other_of(flow, from);
    const FlowSide& sender = flow.sides.at(from);
    const FlowSide& receiver = flow.sides.at(to);
    const uint32_t own_window = uint32_t{sender.maxwin} << FlowReference::shift_of(flow, from);
    const uint32_t window_of_other = uint32_t{receiver.maxwin} << FlowReference::shift_of(flow, to);
    FlowPacket packet{.from = from, .to = to, .seq = sender.end, .ack = receiver.end};
    packet.flags = tcp_ack;
    packet.window = window();
    packet.payload = dice_.one_in(2) ? dice_.below(1461) : 0;
    if (dice_.one_in(8)) {
        packet.flags |= dice_.one_in(2) ? tcp_fin : tcp_syn;
        packet.scale = static_cast<uint8_t>(dice_.below(15));
    }
    const uint32_t size = seq_end(packet) - packet.seq;
    switch (dice_.below(7)) {
    case 0:
        packet.seq = sender.maxend + nearby();
        break;
    case 1:
        packet.seq = sender.end - window_of_other - size + nearby();
        break;
    case 2:
        packet.ack = receiver.end + nearby();
        break;
    case 3:
        packet.ack = receiver.end - std::max(own_window, 66000U) + nearby();
        break;
    case 4:
        packet.seq = (dice_.one_in(2) ? sender.maxend : sender.end) + (1U << 31U) + nearby();
        break;
    case 5:
        packet.ack = receiver.end - (dice_.one_in(2) ? 1460U : 0U) + nearby();
        packet.flags |= tcp_syn;
        break;
    default: {
        packet.flags = static_cast<uint8_t>(tcp_rst | (dice_.one_in(2) ? tcp_ack : 0));
        packet.payload = 0;
        packet.seq = dice_.one_in(2) ? sender.end : receiver.acked.value_or(0);
        packet.seq += dice_.one_in(4) ? 0 : nearby();
        packet.ack += dice_.one_in(2) ? nearby() : 0;
        break;
    }
    }
    return packet;
}

// Blind: the addresses are known, the numbers are not, and flags are any.
FlowPacket RandomFlows::guessed(const Talk& talk) {
    const size_t side = dice_.below(2);
    const Talker& self = talk.sides.at(side);
    FlowPacket packet{.from = self.at, .to = talk.sides.at(1 - side).at, .window = window()};
    packet.flags = static_cast<uint8_t>(dice_.one_in(2) ? tcp_rst : dice_.below(256));
    packet.seq = dice_.one_in(2) ? number() : self.next;
    packet.ack = dice_.one_in(2) ? number() : self.got;
    packet.payload = dice_.one_in(4) ? dice_.below(200) : 0;
    return packet;
}

FlowPacket RandomFlows::of_tcp(Talk& talk, const FlowReference& reference, uint64_t now) {
    const Flow* flow = reference.find(
        FlowReference::key_of({.from = talk.sides[0].at, .to = talk.sides[1].at}), now);
    const bool is_over = flow != nullptr && flow->state >= PC_FLOW_TCP_TIME_WAIT;
    const uint32_t choice = dice_.below(100);
    if (choice < 2 || (is_over && dice_.one_in(4))) {
        begin_again(talk);
    } else if (choice < 12 && !talk.sent.empty()) {
        return dice_.pick(talk.sent); // again, or late
    } else if (choice < 27 && flow != nullptr) {
        return at_an_edge(*flow);
    } else if (choice < 32) {
        return guessed(talk);
    } else if (choice < 40) {
        (void)polite(talk); // lost, unless it comes late
    }
    return polite(talk);
}

FlowPacket RandomFlows::of_other(Family family) {
    const bool outward = !dice_.one_in(3);
    FlowPacket packet{.from = some(outward, family), .to = some(!outward, family)};
    packet.payload = dice_.below(100);
    const bool v4 = family == Family::v4;
    switch (dice_.below(4)) {
    case 0:
    case 1:
        packet.proto = proto_udp;
        break;
    case 2: {
        packet.proto = v4 ? proto_icmp : proto_icmp6;
        packet.to.port = packet.from.port;
        const std::vector<uint8_t> types = v4 ? std::vector<uint8_t>{8, 0, 8, 0, 13, 10}
                                              : std::vector<uint8_t>{128, 129, 128, 129, 135, 130};
        packet.icmp_type = dice_.pick(types);
        break;
    }
    default:
        packet.proto = gre;
        packet.from.port = packet.to.port = 0;
    }
    return packet;
}

// An error about a packet of a flow, or of none, from anybody on the way.
FlowPacket RandomFlows::about(const FlowReference& reference, uint64_t now) {
    InnerPacket inner{.from = some(true, family_), .to = some(false, family_)};
    if (!reference.flows().empty() && !dice_.one_in(6)) {
        auto at = reference.flows().begin();
        std::advance(at, dice_.below(static_cast<uint32_t>(reference.flows().size())));
        inner.proto = at->first.first;
        std::tie(inner.from, inner.to) = at->first.second;
        if (dice_.one_in(2)) {
            std::swap(inner.from, inner.to);
        }
    }
    FlowPacket packet;
    packet.inner = inner;
    const Flow* flow = reference.find(FlowReference::key_of(packet), now);
    if (flow != nullptr && inner.proto == proto_tcp) {
        // Where a side is that has not said a word, nobody can say.
        if (!flow->sides.at(inner.from).known) {
            std::swap(inner.from, inner.to);
        }
        // Whatever the windows are, this is inside or outside of them.
        inner.seq = flow->sides.at(inner.from).end - dice_.below(1461);
        inner.seq += dice_.one_in(3) ? (dice_.one_in(2) ? 0x70000000U : 0x90000000U) : 0U;
    }
    const bool asks = flow == nullptr || inner.from == flow->origin;
    inner.icmp_type = family_ == Family::v4 ? (asks ? 8 : 0) : (asks ? 128 : 129);
    packet.inner = inner;
    packet.from = some(!is_inside(inner.from.address), family_);
    packet.to = inner.from;
    packet.from.port = packet.to.port = 0;
    packet.proto = family_ == Family::v4 ? proto_icmp : proto_icmp6;
    const std::vector<uint8_t> types =
        family_ == Family::v4 ? std::vector<uint8_t>{3, 11, 12} : std::vector<uint8_t>{1, 2, 3, 4};
    packet.icmp_type = dice_.pick(types);
    return packet;
}

FlowEvent RandomFlows::next(const FlowReference& reference, uint64_t now) {
    FlowEvent event;
    const uint32_t choice = dice_.below(100);
    const uint32_t others = traffic_ == Traffic::all ? 50 : 4;
    if (choice < others) {
        event.packet = of_other(family_);
    } else if (choice < others + 6) {
        event.packet = about(reference, now);
    } else {
        event.packet =
            of_tcp(talks_.at(dice_.below(static_cast<uint32_t>(talks_.size()))), reference, now);
    }
    event.shape.more_options = dice_.one_in(3);
    if (dice_.one_in(10)) {
        event.shape.frame = {.priority_tag = dice_.one_in(2),
                             .ipv4_option_words = static_cast<uint8_t>(dice_.below(3)),
                             .extension_headers = dice_.one_in(2),
                             .atomic_fragment = dice_.one_in(2)};
    }
    measure(event.packet, event.shape);
    event.inside = is_inside(event.packet.from.address) != dice_.one_in(30);
    return event;
}

} // namespace pc::test
