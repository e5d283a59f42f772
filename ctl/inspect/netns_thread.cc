// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/netns_thread.h"

#include <csignal>

#include <sched.h>

#include "ctl/inspect/privileges.h"
#include "ctl/inspect/socket_address.h"

namespace pc::inspect {

namespace {

Result<void> enter(int netns) {
    if (setns(netns, CLONE_NEWNET) != 0) {
        return failed("enter the inspector's network namespace");
    }
    return keep_only_net_admin();
}

} // namespace

Result<std::unique_ptr<NetnsThread>> NetnsThread::start(const Fd& netns) {
    std::unique_ptr<NetnsThread> made(new NetnsThread());
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    // Ignoring twice: neither can fail with these arguments.
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    made->thread_ = std::thread([&thread = *made, fd = netns.get()] { thread.live(fd); });
    (void)pthread_sigmask(SIG_SETMASK, &before, nullptr);
    std::unique_lock lock(made->mutex_);
    made->changed_.wait(lock, [&] { return made->ready_; });
    if (!made->entered_) {
        return made->entered_.error();
    }
    lock.unlock();
    return made;
}

NetnsThread::~NetnsThread() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

Result<Fd> NetnsThread::make(const std::function<Result<Fd>()>& work) {
    const std::lock_guard caller(callers_);
    std::unique_lock lock(mutex_);
    work_ = &work;
    done_ = false;
    changed_.notify_all();
    changed_.wait(lock, [&] { return done_; });
    return std::move(made_);
}

void NetnsThread::live(int netns) {
    std::unique_lock lock(mutex_);
    entered_ = enter(netns);
    ready_ = true;
    changed_.notify_all();
    while (entered_) {
        changed_.wait(lock, [&] { return stop_ || work_ != nullptr; });
        if (stop_) {
            return;
        }
        made_ = (*work_)();
        work_ = nullptr;
        done_ = true;
        changed_.notify_all();
    }
}

} // namespace pc::inspect
