// SPDX-License-Identifier: GPL-3.0-or-later
// The main thread: starts the workers, hears signals and the daemon for them, writes the sum of
// their counters, and ends them. It handles no packet, so that a worker that hangs takes nothing
// along with it but its own flows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "ctl/inspect/anchors.h"
#include "ctl/inspect/config_watch.h"
#include "ctl/inspect/health_checker.h"
#include "ctl/inspect/reporter.h"
#include "ctl/inspect/worker.h"

namespace pc::inspect {

struct SupervisorSetup {
    Maps& maps;
    Notices& notices;
    Anchors anchors;
    std::string config_file; // read again on SIGHUP; empty: from `control_socket`
    std::string control_socket;
    NameSets sets; // of the configuration that the workers begin with
};

class Supervisor {
public:
    // Blocks the signals it handles, so that no thread that is made later takes them.
    [[nodiscard]] static Result<std::unique_ptr<Supervisor>> create(SupervisorSetup setup);

    // Gives the configuration what workers choose servers by. Before they begin with it.
    void adopt(Config& config) { checker_.adopt(config); }

    // From here on TC egress diverts flows to the workers.
    [[nodiscard]] Result<void> start(std::vector<std::unique_ptr<Worker>> workers);

    // Until SIGTERM or SIGINT, or with an error when what it stands on is gone.
    [[nodiscard]] Result<void> run();

private:
    Supervisor(SupervisorSetup setup, CounterSum counters, Poller poller);

    [[nodiscard]] Result<void> open_sources();
    void dispatch(const Ready& ready);
    void tick();
    void store_counters();
    void tell_news();
    void check_anchors();
    void hear_signals();
    void hear_daemon();
    void hear_questions();
    [[nodiscard]] bool tell_daemon(const protocol::Json& words);
    void reload();
    void apply(Config config);
    void stop_workers();

    Maps& maps_;
    Notices& notices_;
    Anchors anchors_;
    std::string config_file_;
    CounterSum counters_;
    Poller poller_;
    HealthChecker checker_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::thread> threads_;
    std::optional<ConfigWatch> watch_;
    std::optional<Reporter> reporter_; // once there are workers
    uint32_t connection_ = 0;          // to the daemon, that the reporter works for
    Fd signals_, clock_;
    uint64_t now_ms_ = 0;
    uint64_t next_check_ms_ = 0;
    Result<void> outcome_;
    bool stop_ = false;
    bool maps_failed_ = false;
};

} // namespace pc::inspect
