// SPDX-License-Identifier: GPL-3.0-or-later
// What flows mean, written the slowest clear way: the oracle of the kernel's flow table. A map of
// flows by the unordered pair of their endpoints, TCP after RFC 9293 and van Rooij's "Real Stateful
// TCP Packet Filtering in IP Filter". It shares no code with what it checks, and has no budgets: no
// table is full here.
#pragma once

#include <array>
#include <functional>
#include <map>

#include "rules/packet.h"

namespace pc::test {

struct Endpoint {
    Address address;
    uint16_t port = 0; // of an ICMP echo: its identifier; of protocols without ports: 0

    auto operator<=>(const Endpoint&) const = default;
};

// What an ICMP error tells of the packet that it complains about.
struct InnerPacket {
    Endpoint from, to;
    uint8_t proto = proto_tcp;
    uint32_t seq = 0;      // TCP
    uint8_t icmp_type = 0; // of an echo
};

struct FlowPacket {
    Endpoint from, to;
    uint8_t proto = proto_tcp;
    uint32_t seq = 0, ack = 0; // TCP, to `scale`
    uint8_t flags = 0;
    uint16_t window = 0;
    std::optional<uint8_t> scale = {};
    uint32_t payload = 0; // bytes after the headers
    uint8_t icmp_type = 0;
    std::optional<InnerPacket> inner = {}; // of an ICMP error
    uint32_t len = 0;                      // of L3
};

struct FlowSide {
    uint64_t packets = 0, bytes = 0;
    // TCP
    bool known = false;  // something it sent says where it is
    uint32_t first = 0;  // the number of its SYN
    uint32_t end = 0;    // after the last byte that it sent
    uint32_t maxend = 0; // the other side's window ends here
    // The largest acknowledgement that it sent; before it sent one, where the other side began.
    std::optional<uint32_t> acked;
    uint16_t maxwin = 0; // the largest window that it announced, as written, but at least 1
    std::optional<unsigned> scale_asked; // by its SYN
    bool fin = false;
};

struct Flow {
    pc_flow_state state = PC_FLOW_OTHER_NEW;
    Endpoint origin;
    bool inside = false;                // where the origin is; the other side is elsewhere
    std::map<Endpoint, FlowSide> sides; // two
    uint64_t deadline = 0;              // ticks; it is over after it
};

struct FlowSettings {
    bool loose = false;
    std::array<uint64_t, PC_FLOW_STATES> timeouts{}; // ticks
};

class FlowReference {
public:
    // What zone and rules say to a packet of this state.
    using Accepts = std::function<bool(pc_state_bit)>;

    struct Answer {
        pc_state_bit state = PC_STATE_INVALID;
        bool passes = false;
    };

    explicit FlowReference(const FlowSettings& settings) : settings_(settings) {}

    // A packet arrives from inside or outside, `now` in ticks; if it passes, it leaves on the other
    // side.
    Answer take(const FlowPacket& packet, bool inside, uint64_t now, const Accepts& accepts);

    // Protocol and endpoints, the lower one first.
    using Key = std::pair<uint8_t, std::pair<Endpoint, Endpoint>>;

    // Of the flow that this belongs to, or that an error is about.
    [[nodiscard]] static Key key_of(const FlowPacket& packet);

    // Null: no flow that is not over.
    [[nodiscard]] const Flow* find(const Key& key, uint64_t now) const;

    // How far the windows that this side announces are shifted.
    [[nodiscard]] static unsigned shift_of(const Flow& flow, const Endpoint& side);

    [[nodiscard]] const std::map<Key, Flow>& flows() const { return flows_; }

private:
    enum class Becomes : uint8_t; // see flow_reference.cc
    struct Step;

    [[nodiscard]] Step step(const FlowPacket& packet, Flow& flow) const;
    [[nodiscard]] Step step_without_flow(const FlowPacket& packet) const;
    [[nodiscard]] static Step step_of_syn(const FlowPacket& packet, Flow& flow);
    [[nodiscard]] static Step step_of_reset(const FlowPacket& packet, Flow& flow);
    [[nodiscard]] Step step_of_tcp(const FlowPacket& packet, Flow& flow) const;
    [[nodiscard]] pc_state_bit state_of_error(const FlowPacket& packet, uint64_t now) const;
    [[nodiscard]] static Flow begin(const FlowPacket& packet);

    FlowSettings settings_;
    std::map<Key, Flow> flows_;
};

// "tcp 10.1.0.2:1024 > 192.0.2.1:80 SA seq 5 ack 6 win 0 scale 7 data 100"
[[nodiscard]] std::string to_string(const FlowPacket& packet);
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

inline constexpr uint8_t tcp_fin = 1;
inline constexpr uint8_t tcp_syn = 2;
inline constexpr uint8_t tcp_rst = 4;
inline constexpr uint8_t tcp_ack = 16;

[[nodiscard]] bool is_echo(const FlowPacket& packet);
[[nodiscard]] bool is_icmp(uint8_t proto, Family family);

// After the last byte of this segment; SYN and FIN count as one each.
[[nodiscard]] uint32_t seq_end(const FlowPacket& packet);

} // namespace pc::test
