// SPDX-License-Identifier: GPL-3.0-or-later
// What the inspector needs from the daemon: its network namespace, the programs on its path, and
// which inspect id means what.
#pragma once

#include <map>

#include "ctl/daemon/generations.h"
#include "ctl/daemon/zones.h"
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

// The names of a set in a file of the run directory: they may be millions, too many for a message.
// A file never changes, since its name holds a digest of what is in it: an inspector that reads a
// configuration of a moment ago finds it as it was, or does not find it and is told of the next
// one.
struct NameFile {
    std::string name; // "names/ads.0123456789abcdef0123456789abcdef"
    std::string lines;
};

using NameFiles = std::map<std::string, NameFile>; // by set

[[nodiscard]] NameFiles name_files(const RuleSet& rules, const Plan& plan);

// Before the inspector is told of them, and after it.
[[nodiscard]] Result<void> write_name_files(const std::string& run_dir, const NameFiles& files);
void remove_name_files(const std::string& run_dir, const NameFiles& but);

// The object of WatchInspect and of <run-dir>/inspect.json. `tables`: which zone an interface is
// in.
[[nodiscard]] protocol::Json inspect_object(const Plan& plan, const NameFiles& files,
                                            const InterfaceTables& tables, uint64_t revision,
                                            uint32_t bypass_mark);

} // namespace pc::daemon
