// SPDX-License-Identifier: GPL-3.0-or-later
// The clock of bpf_jiffies64(), which userspace cannot read otherwise: a two-instruction program is
// run by BPF_PROG_TEST_RUN.
#pragma once

#include <cstdint>

#include "ctl/kern/fd.h"
#include "rules/result.h"

namespace pc {

class JiffiesClock {
public:
    [[nodiscard]] static Result<JiffiesClock> open();

    [[nodiscard]] Result<uint64_t> now() const;

    [[nodiscard]] uint64_t per_second() const { return per_second_; }

private:
    JiffiesClock() = default;

    Fd low_;
    Fd high_;
    uint64_t per_second_ = 100;
};

} // namespace pc
