// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/kern/jiffies.h"

#include <array>
#include <ctime>
#include <vector>

#include <bpf/bpf.h>

#include "ctl/kern/libbpf_log.h"

namespace pc {
namespace {

// The result of a test run has 32 bits, so one program returns the low half and one the high half.
Result<Fd> load_half(int shift) {
    std::vector<bpf_insn> program{{BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_jiffies64}};
    if (shift > 0) {
        program.push_back({BPF_ALU64 | BPF_RSH | BPF_K, 0, 0, 0, shift});
    }
    program.push_back({BPF_JMP | BPF_EXIT, 0, 0, 0, 0});
    const int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "pc_jiffies", "GPL", program.data(),
                                 program.size(), nullptr);
    if (fd < 0) {
        return library_error(fd, "load the program that reads the clock");
    }
    return Fd(fd);
}

Result<uint32_t> run(const Fd& program) {
    const std::array<char, 64> frame{};
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(),
                .data_size_in = static_cast<uint32_t>(frame.size()));
    const int result = bpf_prog_test_run_opts(program.get(), &options);
    if (result != 0) {
        return library_error(result, "read the clock");
    }
    return options.retval;
}

} // namespace

Result<JiffiesClock> JiffiesClock::open() {
    JiffiesClock clock;
    clock.low_ = TRY(load_half(0));
    clock.high_ = TRY(load_half(32));
    timespec resolution{};
    // One tick is the resolution of the coarse clock.
    if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) == 0 && resolution.tv_nsec > 0) {
        clock.per_second_ =
            static_cast<uint64_t>((1000000000 + resolution.tv_nsec / 2) / resolution.tv_nsec);
    }
    return clock;
}

Result<uint64_t> JiffiesClock::now() const {
    for (;;) {
        const uint64_t high = TRY(run(high_));
        const uint64_t low = TRY(run(low_));
        if (high == TRY(run(high_))) {
            return high << 32 | low;
        }
    }
}

} // namespace pc
