// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "rules/result.h"

namespace pc::inspect {

struct Options {
    enum class Mode { run, help, version } mode = Mode::run;
    std::string run_dir = "/run/portcullis";
    std::string state_dir = "/var/lib/portcullis";
    std::string bpffs = "/sys/fs/bpf/portcullis";
    std::string netns; // default: <run-dir>/inspect.netns
    std::string log = "/var/log/portcullis/eve.json";
    std::string config_file;      // empty: from the daemon
    std::string user;             // empty: stay
    size_t flows_max = 16384;     // TCP, of all workers
    size_t udp_flows_max = 16384; // likewise
    size_t workers = 0;           // 0: one for each CPU
};

[[nodiscard]] Result<Options> parse_options(int argc, char** argv);
[[nodiscard]] std::string help_text();

} // namespace pc::inspect
