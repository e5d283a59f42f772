// SPDX-License-Identifier: GPL-3.0-or-later
// Packets of a few hosts inside and outside that talk with each other, most of them as hosts do,
// some of them as networks and attackers do: lost, late, twice, guessed, at the very edge of a
// window.
#pragma once

#include "tests/support/flow_frame.h"
#include "tests/support/random_rules.h"

namespace pc::test {

struct FlowEvent {
    FlowPacket packet; // measured
    FlowShape shape;
    bool inside = false; // whose packet it is
};

class RandomFlows {
public:
    enum class Traffic : uint8_t { tcp, all };

    RandomFlows(uint64_t seed, Traffic traffic);

    // What is sent next, at the flows as they are now.
    [[nodiscard]] FlowEvent next(const FlowReference& reference, uint64_t now);

    [[nodiscard]] Dice& dice() { return dice_; }

private:
    // What a host knows of its connection.
    struct Talker {
        Endpoint at;
        bool began = false;  // sent a SYN
        bool heard = false;  // of the other one's SYN
        bool ended = false;  // sent a FIN
        uint32_t first = 0;  // of its sequence numbers
        uint32_t next = 0;   // to be sent
        uint32_t got = 0;    // up to here from the other one
        uint16_t window = 0; // that it announces mostly
        std::optional<uint8_t> scale = {};
    };

    struct Talk {
        std::array<Talker, 2> sides;  // the client first
        std::vector<FlowPacket> sent; // the last ones, for retransmission and for what comes late
    };

    void begin_again(Talk& talk);
    [[nodiscard]] FlowPacket of_tcp(Talk& talk, const FlowReference& reference, uint64_t now);
    [[nodiscard]] FlowPacket polite(Talk& talk);
    [[nodiscard]] FlowPacket say(Talk& talk, size_t side, uint8_t flags);
    [[nodiscard]] FlowPacket at_an_edge(const Flow& flow);
    [[nodiscard]] FlowPacket guessed(const Talk& talk);
    [[nodiscard]] FlowPacket of_other(Family family);
    [[nodiscard]] FlowPacket about(const FlowReference& reference, uint64_t now);
    [[nodiscard]] uint32_t number();
    [[nodiscard]] uint32_t nearby();
    [[nodiscard]] uint16_t window();
    [[nodiscard]] Endpoint some(bool inside, Family family);

    Dice dice_;
    Traffic traffic_;
    Family family_;
    std::vector<Talk> talks_;
};

} // namespace pc::test
