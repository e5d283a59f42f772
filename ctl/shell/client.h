// SPDX-License-Identifier: GPL-3.0-or-later
// Asks the daemon on its control socket, one question a connection, so that a restart of the daemon
// between two commands does no harm. Blocking, with time-outs.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "ctl/protocol/protocol.h"

namespace pc::shell {

using protocol::Json;

struct Answer {
    std::string error; // "Refused", without the prefix; empty: it went well
    Json parameters = Json::object();

    [[nodiscard]] bool ok() const { return error.empty(); }

    [[nodiscard]] std::string message() const;
    [[nodiscard]] int exit_code() const; // of an error
};

class Client {
public:
    explicit Client(std::string run_dir) : path_(std::move(run_dir) + "/control.sock") {}

    // What a long call says on its way: {"phase","done","total"}.
    using Progress = std::function<void(const Json& progress)>;

    // No answer in time, or no daemon: error "Unreachable". Time counts from the last word of the
    // daemon.
    [[nodiscard]] Answer call(std::string_view method, const Json& parameters = Json::object(),
                              std::chrono::seconds time_out = std::chrono::seconds(10),
                              const Progress& progress = {}) const;

    // What the daemon says on and on, until `hear` returns false or the daemon is gone. `hear` is
    // also asked with null, now and then and when a signal has come.
    using Hear = std::function<bool(const Json& parameters)>;
    [[nodiscard]] Answer listen(std::string_view method, const Hear& hear) const;

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    [[nodiscard]] int connect_to() const;

    std::string path_;
};

// The member of an object, or the fallback where it is missing or of another type: a daemon of
// another version may leave fields out.
[[nodiscard]] const Json& at(const Json& object, std::string_view key);
[[nodiscard]] std::string text_at(const Json& object, std::string_view key,
                                  std::string_view fallback = "");
[[nodiscard]] uint64_t number_at(const Json& object, std::string_view key, uint64_t fallback = 0);
[[nodiscard]] bool flag_at(const Json& object, std::string_view key);
[[nodiscard]] bool is_number_at(const Json& object, std::string_view key);
[[nodiscard]] double real_at(const Json& object, std::string_view key, double fallback);

} // namespace pc::shell
