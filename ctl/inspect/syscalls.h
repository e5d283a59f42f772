// SPDX-License-Identifier: GPL-3.0-or-later
// What the running inspector asks of the kernel, and nothing else (seccomp(2)): whoever takes it
// over by what a client sends finds no exec, no ptrace, no namespaces, no new programs or maps.
#pragma once

#include "rules/result.h"

namespace pc::inspect {

// For all threads of the process, and for good. Another system call fails with EPERM, so that one
// that was forgotten here costs a function, not all flows.
[[nodiscard]] Result<void> keep_only_needed_syscalls();

} // namespace pc::inspect
