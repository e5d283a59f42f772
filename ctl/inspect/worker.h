// SPDX-License-Identifier: GPL-3.0-or-later
// One event loop with its listeners and flows, on a thread of its own in the host's network
// namespace. It shares nothing with other workers: the programs in the kernel give each flow to one
// of them by its hash. What it is told by the supervisor waits in a mailbox.
//
// The heartbeat is stored from the loop itself: when the loop hangs, TC egress sees it and goes
// over to each rule's on_down, for the flows of this worker.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "ctl/inspect/flows.h"
#include "ctl/inspect/peek_flows.h"
#include "ctl/inspect/seen_walk.h"
#include "ctl/inspect/tproxy.h"
#include "ctl/inspect/udp_flows.h"

namespace pc::inspect {

// The pinned maps that the inspector uses.
struct Maps {
    std::unique_ptr<MapStore> listeners, heartbeat, flows, udp_flows, stats, upstream;
};

// At one time, of one worker.
struct FlowLimits {
    size_t tcp = 0;
    size_t udp = 0;
};

struct WorkerSetup {
    Maps& maps;
    NetnsThread& netns;
    ActiveFlows& active;
    RateBuckets& rates;
    LogFile log;
    Notices& notices;
    ConfigPtr config;
    FlowLimits limits;
    uint32_t number = 0;
    uint32_t workers = 1;
    uint32_t seed = 0;        // of the hash in the kernel's programs; the same for all workers
    bool handed_over = false; // the next process has the listeners as well
};

class Worker {
public:
    // `listeners` are published by the caller once run() is next.
    [[nodiscard]] static Result<std::unique_ptr<Worker>> create(WorkerSetup setup,
                                                                Listeners listeners);

    // So that the first flow does not find a stale heart.
    [[nodiscard]] Result<void> beat();

    [[nodiscard]] const Listeners& listeners() const { return listeners_; }

    // Until stop(). Then listeners are closed first, flows reset, the log written; where the next
    // process takes what comes, flows that are nearly done get the time for it.
    void run();

    // By any thread.
    void configure(ConfigPtr config);
    void reopen_log();
    void ask(SeenQuestionPtr question);
    void stop();

    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    struct Mail {
        ConfigPtr config;
        std::vector<SeenQuestionPtr> questions;
        bool reopen_log = false;
        bool stop = false;
    };

    Worker(WorkerSetup setup, Listeners listeners, Poller poller);

    [[nodiscard]] Result<void> open_sources();
    void wake() const;
    void dispatch(const Ready& ready);
    void tick();
    void read_mail();
    void apply(ConfigPtr config);
    void take_all();
    [[nodiscard]] bool accept_from(const Fd& listener);
    void answer_questions();
    void write_out();
    [[nodiscard]] int wait_ms() const;
    [[nodiscard]] bool is_done() const;

    MapStore& heartbeat_;
    uint32_t number_;
    pc_heartbeat heart_{};
    uint32_t mark_;
    ConfigPtr config_;
    Notices& notices_;
    LogFile log_file_;
    FlowLog log_;
    Listeners listeners_;
    Poller poller_;
    Counters counters_;
    Flows flows_;
    UdpFlows udp_flows_;
    PeekFlows peek_flows_;
    std::deque<SeenWalk> walks_; // one after another
    Fd clock_, bell_;            // bell_: there is mail
    std::mutex mutex_;           // of mail_
    Mail mail_;
    uint64_t now_ms_ = 0;
    bool handed_over_;
    bool stop_ = false;           // nothing more is taken
    uint64_t stopped_at_ms_ = 0;  // when that began
    bool accept_more_ = true;     // a TCP listener may have more than was taken
    bool receive_more_ = true;    // a UDP listener likewise
    bool peek_more_ = true;       // the packet socket likewise
    bool accept_blocked_ = false; // by the system; tried again at the next tick
    bool log_failed_ = false;
    bool maps_failed_ = false;
};

} // namespace pc::inspect
