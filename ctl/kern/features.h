// SPDX-License-Identifier: GPL-3.0-or-later
// What this kernel can do, asked once at start.
#pragma once

#include <string>

namespace pc {

struct Features {
    std::string kernel;              // release
    bool btf = false;                // /sys/kernel/btf/vmlinux
    bool extension_programs = false; // XDP programs of several owners behind libxdp's dispatcher
    std::string extension_note;      // why not
    bool conntrack = false;          // TC programs can ask conntrack who a masqueraded client is
    bool network_namespaces = false;
};

// Loads the module nf_conntrack where the kernel has it as one.
[[nodiscard]] Features probe_features();

} // namespace pc
