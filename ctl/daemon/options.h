// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "rules/result.h"

namespace pc::daemon {

struct Options {
    enum class What : uint8_t { run, detach, version, help } what{};
    std::string config = "/etc/portcullis/rules.toml";
    std::string run_dir = "/run/portcullis";
    std::string state_dir = "/var/lib/portcullis";
    std::string bpffs = "/sys/fs/bpf/portcullis";
    std::string inspect_netns; // <run_dir>/inspect.netns
    std::string eve;           // <state_dir>/eve.json
    std::string flow_log;      // flow.json in the folder of `eve`
};

// An Error's message is a line for the user.
[[nodiscard]] Result<Options> parse_options(int argc, char** argv);

[[nodiscard]] std::string help_text();

} // namespace pc::daemon
