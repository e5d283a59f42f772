// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/flow_log.h"

#include <array>

#include <net/if.h>

namespace pc::inspect {

namespace {

constexpr uint64_t interface_names_ms = 10000;

} // namespace

WallTime wall_now() {
    using std::chrono::microseconds;
    return std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now());
}

void FlowLog::count(const Recognised& recognised, const Judgement& judgement) {
    names_.add(recognised.name, {.flows = 1, .denied = judgement.allowed ? 0U : 1U});
}

void FlowLog::announce(EveRecord record, const Config& config) {
    complete(record, config);
    notices_->line(eve_line(record));
}

void FlowLog::write(EveRecord record, const Config& config) {
    complete(record, config);
    std::string line = eve_line(record);
    file_->add(line);
    switch (record.way) {
    case protocol::InspectedWay::terminated:
        names_.add(record.recognised.name, {.bytes_to_server = record.bytes_to_server,
                                            .bytes_to_client = record.bytes_to_client});
        return;
    case protocol::InspectedWay::peeked:
        return; // it was never judged
    case protocol::InspectedWay::released:
    case protocol::InspectedWay::denied:
        break;
    }
    // From here on it is the kernel that knows its bytes, and the daemon that sees its end.
    if (notices_ != nullptr) {
        notices_->judged(inspected_flow(record));
    }
    if (is_heard()) {
        notices_->line(std::move(line));
    }
}

void FlowLog::complete(EveRecord& record, const Config& config) {
    record.written = wall_now();
    record.in_iface = interface_name(record.origin.in_ifindex);
    if (const auto rule = config.rules.find(record.origin.rule); rule != config.rules.end()) {
        record.rule_name = rule->second;
    }
    if (const InspectConfig* inspect = config.find(record.origin.inspect)) {
        record.inspect_name = inspect->name;
    }
}

void FlowLog::tick(uint64_t now_ms) {
    names_.tick(now_ms);
    if (now_ms >= names_until_ms_) {
        interface_names_.clear();
        names_until_ms_ = now_ms + interface_names_ms;
    }
}

const std::string& FlowLog::interface_name(uint32_t ifindex) {
    const auto [it, is_new] = interface_names_.try_emplace(ifindex);
    std::array<char, IF_NAMESIZE> name{};
    if (is_new && ifindex != 0 && if_indextoname(ifindex, name.data()) != nullptr) {
        it->second = name.data();
    }
    return it->second;
}

} // namespace pc::inspect
