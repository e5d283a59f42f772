// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/clock.h"

#include <ctime>

#include <sys/timerfd.h>
#include <unistd.h>

#include "ctl/inspect/socket_address.h"
#include "rules/abi.h"

namespace pc::inspect {

namespace {

constexpr long tick_ns = 100'000'000;

static_assert(PC_HEARTBEAT_TIMEOUT_NS >= 3 * tick_ns, "one late tick must not look like a hang");

} // namespace

uint64_t monotonic_ns() {
    timespec now{};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); // ignoring: cannot fail with these arguments
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

Result<Fd> open_pulse() {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    const itimerspec every{{0, tick_ns}, {0, tick_ns}};
    if (!fd.valid() || timerfd_settime(fd.get(), 0, &every, nullptr) != 0) {
        return failed("create timerfd");
    }
    return fd;
}

void take_pulse(const Fd& pulse) {
    uint64_t expirations = 0;
    // Ignoring: how many ticks were missed makes no difference.
    (void)!read(pulse.get(), &expirations, sizeof(expirations));
}

} // namespace pc::inspect
