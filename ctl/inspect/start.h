// SPDX-License-Identifier: GPL-3.0-or-later
// The steps of starting that depend on the daemon. Each waits a while for what is not there yet,
// and says what it waited for when it gives up; the service manager then starts the program again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ctl/inspect/anchors.h"
#include "ctl/inspect/config.h"
#include "ctl/inspect/options.h"
#include "ctl/inspect/privileges.h"
#include "ctl/inspect/tproxy.h"
#include "ctl/inspect/worker.h"
#include "rules/result.h"

namespace pc::inspect {

// From --config-file, or from <run-dir>/inspect.json, where the daemon leaves it so that the
// inspector can start without the daemon. The running program asks the daemon itself.
[[nodiscard]] Result<Config> wait_for_config(const Options& options);

[[nodiscard]] Result<Maps> wait_for_maps(const std::string& bpffs);

// Some may be left by an earlier process.
[[nodiscard]] Result<std::vector<Listeners>> wait_for_listeners(const std::string& netns_file,
                                                                uint32_t mark, size_t workers);

// What the started program must not lose.
[[nodiscard]] Anchors anchors_of(const Options& options);

// What the options ask for, or the machine has.
[[nodiscard]] size_t worker_count(const Options& options);

// The share of one worker of what the options ask for, and the limit of descriptors allows: two
// sockets and two pipes for a TCP flow, one socket for a UDP flow.
[[nodiscard]] Result<FlowLimits> fit_descriptor_limit(const Options& options, size_t workers);

// A log of its own for each worker, over one file: whole lines are appended.
[[nodiscard]] Result<std::vector<LogFile>> open_logs(const std::string& path, size_t workers);

struct WorkerNeeds {
    Maps& maps;
    NetnsThread& netns;
    ActiveFlows& active;
    RateBuckets& rates;
    Notices& notices;
    ConfigPtr config;
    FlowLimits limits;
    bool handed_over = false; // the listeners, to the next process
};

// One for each of the listeners.
[[nodiscard]] Result<std::vector<std::unique_ptr<Worker>>>
make_workers(const WorkerNeeds& needs, std::vector<Listeners> listeners, std::vector<LogFile> logs);

} // namespace pc::inspect
