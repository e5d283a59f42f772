// SPDX-License-Identifier: GPL-3.0-or-later
// A worker's answer to a question about its flows: a walk over its tables, some places a turn of
// the event loop, so that no flow and no heartbeat waits for a curious operator.
#pragma once

#include <string>
#include <unordered_map>

#include "ctl/inspect/config.h"
#include "ctl/inspect/flow_log.h"
#include "ctl/inspect/notices.h"

namespace pc::inspect {

class Flows;
class UdpFlows;
class PeekFlows;

// What is walked over, and who knows names; of one worker.
struct SeenTables {
    const Flows& tcp;
    const UdpFlows& udp;
    const PeekFlows& peeked;
    FlowLog& log;
    const Config& config;
};

class SeenWalk {
public:
    explicit SeenWalk(SeenQuestionPtr question);

    // True: it is over, and take() has the answer.
    [[nodiscard]] bool step(const SeenTables& tables);

    [[nodiscard]] SeenPart take(const FlowLog& log);

private:
    static constexpr size_t places_per_turn = 1024;

    enum class Table { tcp, udp, peeked, end };

    template <typename Kind>
    void visit(const Kind& flows, const SeenTables& tables, Table next);
    void note(EveRecord record, const SeenTables& tables);

    SeenQuestionPtr question_;
    Table table_ = Table::tcp;
    size_t place_ = 0;
    protocol::InspectedRows rows_;
    std::unordered_map<std::string, protocol::NameTally> live_; // bytes of flows that go on
};

} // namespace pc::inspect
