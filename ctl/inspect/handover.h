// SPDX-License-Identifier: GPL-3.0-or-later
// Listeners outlive a process that is replaced: the service manager keeps their descriptors and
// gives them to the next one (FDSTORE of sd_notify(3), sd_listen_fds_with_names(3)). What connects
// meanwhile waits in their queues and is not refused.
#pragma once

#include <vector>

#include "ctl/inspect/tproxy.h"

namespace pc::inspect {

// Listeners that an earlier process left, by worker, without the packet socket; of a worker all or
// none. To be called once, by the process that the service manager started.
[[nodiscard]] std::vector<Listeners> take_kept_listeners();

// Asks the service manager to keep these, and no others. False: there is none.
[[nodiscard]] bool keep_listeners(const std::vector<Listeners>& listeners);

// Whether both are of one network namespace.
[[nodiscard]] bool is_same_netns(int a, int b);

} // namespace pc::inspect
