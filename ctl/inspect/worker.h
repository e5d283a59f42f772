// SPDX-License-Identifier: GPL-3.0-or-later
// One event loop with its listeners, flows and signals. All state is its own, so that a process can
// have one for each core; the first one also beats the heart, writes the counters and hears the
// daemon.
//
// The heartbeat is stored from the loop itself: when the loop hangs, TC egress sees it and goes
// over to each rule's on_down.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ctl/inspect/anchors.h"
#include "ctl/inspect/config_watch.h"
#include "ctl/inspect/flows.h"
#include "ctl/inspect/tproxy.h"

namespace pc::inspect {

// The pinned maps that the inspector uses.
struct Maps {
    std::unique_ptr<MapStore> listeners, heartbeat, flows, stats;
};

struct WorkerSetup {
    Maps& maps;
    LogFile& log;
    Config config;
    Anchors anchors;
    std::string config_file; // read again on SIGHUP; empty: from `control_socket`
    std::string control_socket;
    size_t flows_max = 0;
};

class Worker {
public:
    // Blocks the signals it handles; `listeners` are published by the caller once run() is next.
    [[nodiscard]] static Result<std::unique_ptr<Worker>> create(WorkerSetup setup,
                                                                Listeners listeners);

    // So that the first flow does not find a stale heart.
    [[nodiscard]] Result<void> beat();

    [[nodiscard]] const Listeners& listeners() const { return listeners_; }

    // Until SIGTERM or SIGINT, or with an error when what it stands on is gone. Then listeners are
    // closed first, flows reset, the log written.
    [[nodiscard]] Result<void> run();

private:
    Worker(WorkerSetup setup, Listeners listeners, Poller poller, const Counters& counters);

    [[nodiscard]] Result<void> open_sources();
    void dispatch(const Ready& ready);
    void tick();
    void check_anchors();
    void hear_signals();
    void hear_daemon();
    void reload();
    void apply(Config config);
    void accept_all();
    [[nodiscard]] bool accept_from(const Fd& listener);
    void write_out();
    [[nodiscard]] int wait_ms() const;

    Maps& maps_;
    LogFile& log_;
    Anchors anchors_;
    std::string config_file_;
    uint32_t mark_;
    Listeners listeners_;
    Poller poller_;
    Counters counters_;
    Flows flows_;
    std::optional<ConfigWatch> watch_;
    Fd signals_, clock_;
    uint64_t now_ms_ = 0;
    uint64_t next_check_ms_ = 0;
    Result<void> outcome_;
    bool stop_ = false;
    bool accept_more_ = true;     // a listener may have more than was taken
    bool accept_blocked_ = false; // by the system; tried again at the next tick
    bool log_failed_ = false;
    bool maps_failed_ = false;
};

} // namespace pc::inspect
