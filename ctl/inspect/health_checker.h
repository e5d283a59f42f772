// SPDX-License-Identifier: GPL-3.0-or-later
// Watches the servers of all [inspect.*.upstream]: connects to each, or asks it by HTTP, and says
// in its Server whether it is up; workers read that when they choose. One for all workers, in the
// supervisor's thread, which waits for nothing and touches no packet, so that a server has one
// state, and as many checks as the rule file says.
//
// What it knows goes to the pinned map `insp_upstream`, for the daemon to show.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "ctl/inspect/config.h"
#include "ctl/inspect/health_state.h"
#include "ctl/inspect/poller.h"
#include "ctl/inspect/upstream_pool.h"
#include "ctl/kern/map_store.h"

namespace pc::inspect {

class HealthChecker {
public:
    // Both must outlive this.
    HealthChecker(Poller& poller, MapStore& map) : poller_(&poller), map_(&map) {}

    // Gives each inspect that has an upstream its pool. Servers that the last configuration had,
    // too, keep their state and their flows.
    void adopt(Config& config);

    void on_ready(const Ready& ready, uint64_t now_ms);

    // Every 100 ms: begins checks, ends those that take too long, and takes note of what workers
    // met.
    void tick(uint64_t now_ms);

    // Writes what changed since the last call.
    [[nodiscard]] Result<void> store();

    // "inspect web: server 192.0.2.10:8080 is down: ...", each change of state once.
    [[nodiscard]] std::vector<std::string> take_news();

private:
    // One server of one inspect.
    struct Watch {
        std::string inspect_name;
        uint32_t inspect = 0;
        std::shared_ptr<Server> server;
        HealthChecks settings;
        bool proxy_protocol = false;
        HealthState state;
        uint64_t next_ms = 0; // of the next check
        // While a check goes on:
        Fd fd;
        uint32_t check = 0; // tells its events from those of others
        uint64_t deadline_ms = 0;
        bool asked = false; // it stands, and the request is sent
        // For show:
        uint64_t checks = 0;
        uint64_t checks_failed = 0;
        std::string fault; // of the last check; empty: it was good
        uint16_t fault_code = 0;
    };

    [[nodiscard]] Watch watch_of(const InspectConfig& inspect, uint32_t id,
                                 const PoolMember& member);
    void begin_check(Watch& watch, uint64_t now_ms);
    [[nodiscard]] Result<void> connect_to(Watch& watch);
    void go_on(Watch& watch, uint64_t now_ms);
    void ask(Watch& watch, uint64_t now_ms);
    void hear(Watch& watch, uint64_t now_ms);
    void pass(Watch& watch, uint64_t now_ms);
    void fail(Watch& watch, int err, uint64_t now_ms);
    void fail_status(Watch& watch, uint16_t status, uint64_t now_ms);
    void finish(Watch& watch, Check check, uint64_t now_ms);
    void obey(Watch& watch, HealthChange change);
    void note_flows(Watch& watch, uint64_t now_ms);
    [[nodiscard]] pc_upstream_server slot_of(const Watch& watch) const;

    Poller* poller_;
    MapStore* map_;
    uint32_t mark_ = 0;
    uint32_t checks_begun_ = 0;
    std::unordered_map<std::string, PoolPtr> pools_; // by the inspect's name
    std::vector<Watch> watches_;
    std::vector<pc_upstream_server> written_; // in the map
    bool is_map_known_ = false;               // what an inspector before this one left there is not
    std::vector<std::string> news_;
};

} // namespace pc::inspect
