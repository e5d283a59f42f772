// SPDX-License-Identifier: GPL-3.0-or-later
// Writes the line of each flow that ends, with the names of what the kernel knows by number.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "ctl/inspect/config.h"
#include "ctl/inspect/eve.h"
#include "ctl/inspect/log_file.h"

namespace pc::inspect {

[[nodiscard]] WallTime wall_now();

class FlowLog {
public:
    // `file` must outlive this.
    explicit FlowLog(LogFile& file);

    // Of a new flow.
    [[nodiscard]] uint64_t next_id();

    // Fills in when it is written, and the names.
    void write(EveRecord record, const Config& config);

    // Names of interfaces may change.
    void tick(uint64_t now_ms);

private:
    [[nodiscard]] const std::string& interface_name(uint32_t ifindex);

    LogFile* file_;
    uint64_t next_id_ = 0;
    uint64_t names_until_ms_ = 0;
    std::unordered_map<uint32_t, std::string> interface_names_;
};

} // namespace pc::inspect
