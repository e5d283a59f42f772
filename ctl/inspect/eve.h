// SPDX-License-Identifier: GPL-3.0-or-later
// One flow as one line of EVE JSON, the names as in Suricata's eve.json where it has one; what is
// ours stands under "portcullis". Pure.
//
// The line is written when the flow ends or is denied, so that it can hold name, verdict, bytes and
// duration together. Bytes are of payload, not of packets.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "ctl/inspect/first_bytes.h"
#include "ctl/inspect/origin.h"
#include "ctl/protocol/inspected_flow.h"

namespace pc::inspect {

using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

struct EveRecord {
    WallTime written, start;
    Origin origin;
    bool udp = false;
    protocol::InspectedWay way = protocol::InspectedWay::terminated;
    bool decided = true;      // false: `allowed` and its reason mean nothing yet
    std::string in_iface;     // empty: not known
    std::string rule_name;    // empty: not known
    std::string inspect_name; // empty: not known
    Recognised recognised;
    bool allowed = false;
    std::string_view verdict_reason;     // why it was allowed or denied
    std::string_view inspect_rule;       // that did so; empty: none
    std::span<const std::string> logged; // rules that only note, and "ech"
    bool reached_server = false;
    std::string upstream;        // which of several servers; empty: the original destination
    std::string_view error;      // of the connection onward; empty: none
    std::string_view end_reason; // "closed", "reset", "denied", "timeout", ...
    uint64_t bytes_to_server = 0;
    uint64_t bytes_to_client = 0;
    uint64_t datagrams_to_server = 0; // UDP
    uint64_t datagrams_to_client = 0; // UDP
};

[[nodiscard]] std::string eve_line(const EveRecord& record); // with its newline

// The same flow for the daemon and the shell.
[[nodiscard]] protocol::InspectedFlow inspected_flow(const EveRecord& record);

// "2026-01-02T03:04:05.000006+0000"
[[nodiscard]] std::string eve_time(WallTime time);

// "TLS 1.3" as EVE writes it; "0x7f1c" for one without a name.
[[nodiscard]] std::string tls_version_name(uint16_t version);

} // namespace pc::inspect
