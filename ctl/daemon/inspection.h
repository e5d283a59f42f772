// SPDX-License-Identifier: GPL-3.0-or-later
// What the inspector needs from the daemon: its network namespace, the programs on its path, and
// which inspect id means what.
#pragma once

#include "ctl/daemon/generations.h"
#include "ctl/kern/datapath.h"
#include "ctl/protocol/protocol.h"
#include "rules/rule.h"

namespace pc::daemon {

// Makes the namespace at `netns` if it is not there, with an MTU that the flows of `links` fit
// through, and attaches the programs. The value is what the control map shall hold.
[[nodiscard]] Result<InspectorWiring> set_up_inspection(Datapath& datapath,
                                                        const std::string& netns,
                                                        const std::vector<Link>& links,
                                                        uint32_t bypass_mark);

// The object of WatchInspect and of <run-dir>/inspect.json.
[[nodiscard]] protocol::Json inspect_object(const RuleSet& rules, const Plan& plan,
                                            uint64_t revision, uint32_t bypass_mark);

} // namespace pc::daemon
