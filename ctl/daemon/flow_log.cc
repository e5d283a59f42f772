// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/flow_log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "ctl/daemon/eve.h"
#include "ctl/kern/fd.h"
#include "ctl/protocol/eve_flow_id.h"

namespace pc::daemon {
namespace {

constexpr size_t lines_max = size_t{1} << 20;

// Suricata knows three states of flows that ended; the exact one stands under "portcullis".
const char* eve_state(uint8_t state) {
    switch (state) {
    case PC_FLOW_TCP_ESTABLISHED:
    case PC_FLOW_TCP_CLOSING:
    case PC_FLOW_UDP_REPLIED:
    case PC_FLOW_ICMP_REPLIED:
    case PC_FLOW_OTHER_REPLIED:
        return "established";
    case PC_FLOW_TCP_TIME_WAIT:
    case PC_FLOW_TCP_CLOSED:
        return "closed";
    default:
        return "new";
    }
}

template <typename Key>
void add_name(Json& object, const char* key, const std::map<Key, std::string>& names, Key number) {
    if (const auto found = names.find(number); found != names.end()) {
        object[key] = found->second;
    }
}

void add_inspected(Json& record, const protocol::InspectedFlow& flow) {
    record["flow_id"] = protocol::eve_flow_id(flow.src.address, flow.src.port, flow.dst.address,
                                              flow.dst.port, flow.proto);
    if (!flow.protocol.empty()) {
        record["app_proto"] = flow.protocol;
    }
    Json& ours = record["portcullis"];
    const auto add = [&ours](const char* key, const std::string& text) {
        if (!text.empty()) {
            ours[key] = text;
        }
    };
    add("name", flow.name);
    add("verdict", flow.verdict);
    add("reason", flow.reason);
    add("inspect", flow.inspect);
    add("inspect_rule", flow.inspect_rule);
    ours["client_ip"] = to_string(flow.src.address);
    ours["client_port"] = flow.src.port;
}

} // namespace

Json flow_record(const EndedFlow& flow, const FlowNames& names, const FlowClock& clock,
                 uint64_t suppressed, const protocol::InspectedFlow* inspected) {
    const pc_flow_entry& entry = flow.entry;
    const auto from = static_cast<uint8_t>(PC_WHERE_ORIGIN(entry.where));
    const auto to = static_cast<uint8_t>(1 - from);
    const Address src = flow_address(entry, from);
    const Address dst = flow_address(entry, to);
    const int64_t start = clock.realtime_of(entry.created);
    const int64_t end = std::max(start, clock.realtime_of(clock.last_packet(entry)));
    Json ours{{"state", std::string(flow_state_word(entry.state))}};
    add_name(ours, "rule", names.rules, uint32_t{PC_DECISION_RULE(entry.decision)});
    add_name(ours, "zone", names.zones, static_cast<uint8_t>(PC_WHERE_ZONE(entry.where)));
    if (suppressed > 0) {
        ours["suppressed"] = suppressed;
    }
    Json record{
        {"timestamp", eve_time(clock.realtime_ns)},
        {"flow_id", protocol::eve_flow_id(src, entry.port[from], dst, entry.port[to], entry.proto)},
        {"event_type", "flow"},
        {"src_ip", to_string(src)},
        {"dest_ip", to_string(dst)},
        {"proto", eve_protocol(entry.proto)},
        {"flow",
         {{"pkts_toserver", entry.packets[from]},
          {"pkts_toclient", entry.packets[to]},
          {"bytes_toserver", entry.bytes[from]},
          {"bytes_toclient", entry.bytes[to]},
          {"start", eve_time(start)},
          {"end", eve_time(end)},
          {"age", (end - start) / 1000000000},
          {"state", eve_state(entry.state)},
          {"reason", flow.why == EndedFlow::Why::cleared ? "forced" : "timeout"}}},
        {"portcullis", std::move(ours)}};
    if (has_ports(entry)) {
        record["src_port"] = entry.port[from];
        record["dest_port"] = entry.port[to];
    }
    if (inspected != nullptr) {
        add_inspected(record, *inspected);
    }
    return record;
}

void FlowLog::add(const EndedFlow& flow, const FlowNames& names, const FlowClock& clock,
                  const protocol::InspectedFlow* inspected) {
    if (log_ == PC_LOG_NONE || !makes_sense(flow.entry)) {
        return;
    }
    if (log_ == PC_LOG_SAMPLED && left_ == 0) {
        ++suppressed_;
        return;
    }
    left_ -= log_ == PC_LOG_SAMPLED ? 1 : 0;
    const Json record = flow_record(flow, names, clock, std::exchange(suppressed_, 0), inspected);
    lines_ += record.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    if (lines_.size() >= lines_max) {
        write_lines();
    }
}

Result<void> FlowLog::flush() {
    write_lines();
    return std::exchange(failure_, {});
}

// Without waiting, should it be a pipe. What is left of a line that did not fit is cut off by a
// line break, lest the next one be lost too.
void FlowLog::write_lines() {
    if (lines_.empty()) {
        return;
    }
    const std::string lines = std::exchange(lines_, {});
    const Fd fd(::open(path_.c_str(),
                       O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640));
    const ssize_t written = fd.valid() ? write(fd.get(), lines.data(), lines.size()) : -1;
    if (written < 0) {
        const int err = errno;
        failure_ = Error{err, fmt::format("write {}: {}", path_, std::strerror(err))};
    } else if (static_cast<size_t>(written) < lines.size()) {
        failure_ = Error{ENOSPC, fmt::format("write {}: {}", path_, std::strerror(ENOSPC))};
        (void)!write(fd.get(), "\n", 1); // ignoring: what was to be written is lost already
    }
}

} // namespace pc::daemon
