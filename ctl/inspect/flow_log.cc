// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/flow_log.h"

#include <array>

#include <net/if.h>

#include "ctl/inspect/random.h"

namespace pc::inspect {

namespace {

constexpr uint64_t flow_id_mask = (uint64_t{1} << 53) - 1;
constexpr uint64_t interface_names_ms = 10000;

} // namespace

WallTime wall_now() {
    using std::chrono::microseconds;
    return std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now());
}

FlowLog::FlowLog(LogFile& file) : file_(&file), next_id_(random_number() & flow_id_mask) {}

uint64_t FlowLog::next_id() {
    return next_id_++ & flow_id_mask;
}

void FlowLog::write(EveRecord record, const Config& config) {
    record.written = wall_now();
    record.in_iface = interface_name(record.origin.in_ifindex);
    if (const auto rule = config.rules.find(record.origin.rule); rule != config.rules.end()) {
        record.rule_name = rule->second;
    }
    if (const InspectConfig* inspect = config.find(record.origin.inspect)) {
        record.inspect_name = inspect->name;
    }
    file_->add(eve_line(record));
}

void FlowLog::tick(uint64_t now_ms) {
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
