// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/drops.h"

#include <cerrno>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>

#include "ctl/daemon/counters.h"
#include "ctl/daemon/eve.h"
#include "ctl/protocol/eve_flow_id.h"

namespace pc::daemon {
namespace {

using protocol::Json;

constexpr size_t recent_max = 200;
// What cannot be written for the moment is given up beyond this.
constexpr size_t lines_max = size_t{4} << 20;

int64_t nanoseconds(clockid_t clock) {
    timespec now{};
    (void)clock_gettime(clock, &now); // ignoring: these clocks always exist
    return int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
}
} // namespace

Json eve_record(const pc_event& event, const std::string& rule, const std::string& interface,
                int64_t realtime_ns) {
    const char* action = event.reason == PC_REASON_REJECT ? "reject"
                         : is_drop_reason(event.reason)   ? "drop"
                                                          : "accept";
    Json record{{"timestamp", eve_time(realtime_ns)},
                {"in_iface", interface},
                {"event_type", is_drop_reason(event.reason) ? "drop" : "accept"}};
    if (event.family == 4 || event.family == 6) {
        const Address src = eve_address(event.saddr, event.family);
        const Address dst = eve_address(event.daddr, event.family);
        record["flow_id"] = protocol::eve_flow_id(src, event.sport, dst, event.dport, event.proto);
        record["src_ip"] = to_string(src);
        record["dest_ip"] = to_string(dst);
        record["proto"] = eve_protocol(event.proto);
        const bool icmp = event.proto == 1 || event.proto == 58;
        record[icmp ? "icmp_type" : "src_port"] = event.sport;
        record[icmp ? "icmp_code" : "dest_port"] = event.dport;
    }
    if (event.vlan < PC_VLAN_NONE) {
        record["vlan"] = Json::array({event.vlan});
    }
    Json drop{{"reason", std::string(reason_word(event.reason))},
              {"generation", event.generation},
              {"len", event.len},
              {"action", action},
              {"hook", event.hook == 0 ? "xdp" : "tc"}};
    drop["rule"] = rule.empty() ? Json() : Json(rule);
    if (event.proto == 6) {
        drop["tcp_flags"] = event.tcp_flags;
    }
    record["drop"] = std::move(drop);
    return record;
}

Result<std::unique_ptr<Drops>> Drops::open(int events_fd, std::string eve_path,
                                           RuleName rule_name) {
    std::unique_ptr<Drops> drops(new Drops(std::move(eve_path), std::move(rule_name)));
    Drops* self = drops.get();
    drops->ring_ = std::make_unique<EventRing>(
        TRY(EventRing::open(events_fd, [self](const pc_event& event) { self->take(event); })));
    return drops;
}

void Drops::take(const pc_event& event) {
    const int64_t offset = nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_MONOTONIC);
    char name[IF_NAMESIZE] = {};
    const std::string interface =
        if_indextoname(event.ifindex, name) != nullptr ? name : std::to_string(event.ifindex);
    Json record = eve_record(event, event.rule_id == 0 ? "" : rule_name_(event.rule_id), interface,
                             static_cast<int64_t>(event.time_ns) + offset);
    if (lines_.size() < lines_max) {
        lines_ += record.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    if (!is_drop_reason(event.reason)) {
        return; // a rule that accepts, with `log`
    }
    recent_.push_back(std::move(record));
    if (recent_.size() > recent_max) {
        recent_.pop_front();
    }
}

Result<void> Drops::consume() {
    ring_->consume();
    return write_lines();
}

// Opened each time, so that logrotate needs to tell nobody.
Result<void> Drops::write_lines() {
    if (lines_.empty()) {
        return {};
    }
    const std::string lines = std::exchange(lines_, {});
    const Fd fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
    if (!fd.valid() || write(fd.get(), lines.data(), lines.size()) < 0) {
        const int err = errno;
        return Error{err, fmt::format("write {}: {}", path_, std::strerror(err))};
    }
    return {};
}

} // namespace pc::daemon
