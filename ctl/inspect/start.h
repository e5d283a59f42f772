// SPDX-License-Identifier: GPL-3.0-or-later
// The steps of starting that depend on the daemon. Each waits a while for what is not there yet,
// and says what it waited for when it gives up; the service manager then starts the program again.
#pragma once

#include <string>

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

[[nodiscard]] Result<Listeners> wait_for_listeners(const std::string& netns_file, uint32_t mark);

// What the started program must not lose.
[[nodiscard]] Anchors anchors_of(const Options& options);

// How many flows the limit of descriptors allows: two sockets and two pipes each.
[[nodiscard]] Result<size_t> fit_descriptor_limit(size_t flows_wanted);

} // namespace pc::inspect
