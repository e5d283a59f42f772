// SPDX-License-Identifier: GPL-3.0-or-later
// A thread that lives in the inspector's network namespace, for the sockets that have to be made
// there while the program runs: a socket belongs to the namespace of the thread that makes it, and
// to enter one takes a right that the program gives up at its start.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "ctl/kern/fd.h"
#include "rules/result.h"

namespace pc::inspect {

class NetnsThread {
public:
    // With CAP_SYS_ADMIN, which the new thread gives up. It takes no signals.
    [[nodiscard]] static Result<std::unique_ptr<NetnsThread>> start(const Fd& netns);

    ~NetnsThread();
    NetnsThread(const NetnsThread&) = delete;
    NetnsThread& operator=(const NetnsThread&) = delete;

    // Waits for the outcome: some 20 microseconds for a socket. From any thread.
    [[nodiscard]] Result<Fd> make(const std::function<Result<Fd>()>& work);

private:
    NetnsThread() = default;
    void live(int netns);

    std::mutex callers_; // one at a time
    std::mutex mutex_;   // of all below
    std::condition_variable changed_;
    const std::function<Result<Fd>()>* work_ = nullptr;
    Result<Fd> made_ = Fd();
    Result<void> entered_;
    bool ready_ = false;
    bool done_ = false;
    bool stop_ = false;
    std::thread thread_;
};

} // namespace pc::inspect
