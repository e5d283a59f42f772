// SPDX-License-Identifier: GPL-3.0-or-later
// Makes configurations out of the daemon's messages in a thread of its own: a set of a million
// names takes a good part of a second, in which the event loop has to go on.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "ctl/inspect/config.h"
#include "ctl/kern/fd.h"

namespace pc::inspect {

class ConfigLoader {
public:
    // `folder`: where the files of sets are. `known`: sets that need not be read again.
    ConfigLoader(std::string folder, NameSets known)
        : folder_(std::move(folder)), known_(std::move(known)) {}

    ~ConfigLoader(); // waits for the one that is being made
    ConfigLoader(const ConfigLoader&) = delete;
    ConfigLoader& operator=(const ConfigLoader&) = delete;
    ConfigLoader(ConfigLoader&&) = delete;
    ConfigLoader& operator=(ConfigLoader&&) = delete;

    // The thread; it takes no signals. To be called once, before all else.
    [[nodiscard]] Result<void> start();

    // Readable when take() has something.
    [[nodiscard]] int fd() const { return ready_.get(); }

    // A whole answer of WatchInspect. Takes the place of one that has not been begun.
    void load(std::string message);

    // The newest that is finished, once.
    [[nodiscard]] std::optional<Result<Config>> take();

private:
    void run();
    [[nodiscard]] Result<Config> make(std::string_view message);

    std::string folder_;
    NameSets known_; // of the thread alone, once it runs
    Fd ready_;
    std::thread thread_;
    std::mutex mutex_; // of all that is below
    std::condition_variable more_;
    std::optional<std::string> waiting_;
    std::optional<Result<Config>> done_;
    bool ends_ = false;
};

} // namespace pc::inspect
