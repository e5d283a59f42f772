// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/syscalls.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <linux/bpf.h>
#include <seccomp.h>
#include <sys/socket.h>

namespace pc::inspect {

namespace {

// By any arguments. Those of the C and C++ libraries are among them: memory, threads, time.
constexpr int any_arguments[] = {
    // sockets and pipes
    SCMP_SYS(accept4),
    SCMP_SYS(bind),
    SCMP_SYS(close),
    SCMP_SYS(connect),
    SCMP_SYS(fcntl),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockname),
    SCMP_SYS(getsockopt),
    SCMP_SYS(ioctl),
    SCMP_SYS(listen),
    SCMP_SYS(pipe2),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(setsockopt),
    SCMP_SYS(shutdown),
    SCMP_SYS(splice),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    // events
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(eventfd2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(signalfd4),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    // the log, sets of names, the configuration, the time zone; whether the namespace is still
    // there
    SCMP_SYS(fstat),
    SCMP_SYS(lseek),
    SCMP_SYS(newfstatat),
    SCMP_SYS(openat),
    SCMP_SYS(pread64),
    SCMP_SYS(stat),
    SCMP_SYS(statx),
    // threads
    SCMP_SYS(clone),
    SCMP_SYS(clone3),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(futex),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(membarrier),
    SCMP_SYS(prctl),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(setpriority),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(tgkill),
    // memory, time
    SCMP_SYS(brk),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(getrandom),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(madvise),
    SCMP_SYS(mmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(nanosleep),
    SCMP_SYS(restart_syscall),
};

// Of maps that are open already.
constexpr int map_commands[] = {BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
                                BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_BATCH};

constexpr int socket_domains[] = {AF_INET, AF_INET6, AF_UNIX};

struct Release {
    void operator()(void* filter) const { seccomp_release(filter); }
};

Result<void> checked(int answer) {
    if (answer < 0) {
        return Error{-answer, fmt::format("make a filter of system calls: {}", strerror(-answer))};
    }
    return {};
}

} // namespace

Result<void> keep_only_needed_syscalls() {
    const std::unique_ptr<void, Release> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
    if (!filter) {
        return Error{ENOMEM, "make a filter of system calls"};
    }
    TRY(checked(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1)));
    TRY(checked(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2))); // a tree
    for (const int number : any_arguments) {
        // One that this architecture does not have (a negative number) is none that it can make.
        if (number >= 0) {
            TRY(checked(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, number, 0)));
        }
    }
    for (const int command : map_commands) {
        TRY(checked(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
                                     SCMP_A0_32(SCMP_CMP_EQ, static_cast<uint32_t>(command)))));
    }
    for (const int domain : socket_domains) {
        TRY(checked(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                     SCMP_A0_32(SCMP_CMP_EQ, static_cast<uint32_t>(domain)))));
    }
    return checked(seccomp_load(filter.get()));
}

} // namespace pc::inspect
