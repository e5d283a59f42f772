// SPDX-License-Identifier: GPL-3.0-or-later
// The connection to the daemon's control socket (method WatchInspect). Keeps the configuration up
// to date; the same connection carries what the daemon asks about flows, and what it is told. While
// the daemon is away the last configuration stays, and the connection is tried again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ctl/inspect/config_loader.h"
#include "ctl/inspect/poller.h"
#include "ctl/kern/fd.h"
#include "ctl/protocol/protocol.h"

namespace pc::inspect {

class ConfigWatch {
public:
    // `poller` must outlive this. `known`: the sets that the configuration in use has.
    ConfigWatch(std::string socket_path, Poller& poller, NameSets known)
        : path_(std::move(socket_path)), poller_(&poller),
          loader_(folder_of(path_), std::move(known)) {}

    // Connects when it is time to.
    void tick(uint64_t now_ms);

    // After an event: the newest valid configuration that is made of what came, if one is.
    [[nodiscard]] std::optional<Config> receive(uint64_t now_ms);

    // What the daemon has asked since the last call.
    [[nodiscard]] std::vector<protocol::Json> take_asked() { return std::exchange(asked_, {}); }

    // Never waits. False: there is no daemon, or it has not taken what it was told before.
    [[nodiscard]] bool say(const protocol::Json& parameters);

    // Another number: it is another connection, and what was asked on the last one is void.
    [[nodiscard]] uint32_t connection() const { return connection_; }

    // What went wrong since the last call, once per trouble; empty if nothing did.
    [[nodiscard]] std::string take_complaint();

private:
    [[nodiscard]] Result<void> connect_now();
    void read_messages(uint64_t now_ms);
    [[nodiscard]] bool take_question(const std::string& message);
    void send_output();
    void give_up(std::string why, uint64_t now_ms);

    std::string path_;
    Poller* poller_;
    ConfigLoader loader_;
    bool loads_ = false; // its thread runs
    Fd fd_;
    uint32_t connection_ = 0; // tells events of this connection from those of earlier ones
    protocol::Framer framer_;
    std::vector<protocol::Json> asked_;
    std::string output_; // not sent yet
    uint64_t retry_at_ms_ = 0;
    uint64_t delay_ms_ = 0;
    bool in_trouble_ = false;
    std::string complaint_;
};

} // namespace pc::inspect
