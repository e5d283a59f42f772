// SPDX-License-Identifier: GPL-3.0-or-later
// Writes the line of each flow that ends, with the names of what the kernel knows by number; counts
// the servers that were asked for, and tells of what was judged.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "ctl/inspect/config.h"
#include "ctl/inspect/eve.h"
#include "ctl/inspect/log_file.h"
#include "ctl/inspect/notices.h"

namespace pc::inspect {

[[nodiscard]] WallTime wall_now();

class FlowLog {
public:
    // Both must outlive this; without `notices` nobody hears of flows but by the file.
    explicit FlowLog(LogFile& file, Notices* notices = nullptr) : file_(&file), notices_(notices) {}

    // When a flow is judged.
    void count(const Recognised& recognised, const Judgement& judgement);

    // Somebody wants announce() of what is judged.
    [[nodiscard]] bool is_heard() const { return notices_ != nullptr && notices_->wants_lines(); }

    // The line of a flow that was judged and goes on, for those who watch.
    void announce(EveRecord record, const Config& config);

    // Of a flow that is over, or goes by. Fills in when it is written, and the names.
    void write(EveRecord record, const Config& config);

    void complete(EveRecord& record, const Config& config);

    // Names of interfaces may change; names of servers are forgotten.
    void tick(uint64_t now_ms);

    [[nodiscard]] const protocol::TopNames& names() const { return names_; }

private:
    [[nodiscard]] const std::string& interface_name(uint32_t ifindex);

    LogFile* file_;
    Notices* notices_;
    protocol::TopNames names_;
    uint64_t names_until_ms_ = 0;
    std::unordered_map<uint32_t, std::string> interface_names_;
};

} // namespace pc::inspect
