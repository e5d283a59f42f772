// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/config_loader.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ctl/protocol/protocol.h"

namespace pc::inspect {

namespace {

constexpr int niceness = 10; // on a router with one core, flows come first

} // namespace

ConfigLoader::~ConfigLoader() {
    if (!thread_.joinable()) {
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    more_.notify_one();
    thread_.join();
}

Result<void> ConfigLoader::start() {
    ready_ = Fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!ready_.valid()) {
        const int err = errno;
        return Error{err, fmt::format("create an eventfd: {}", strerror(err))};
    }
    // The event loop hears signals by a descriptor: a thread that could take one would die of it.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); // ignoring: the arguments are valid
    thread_ = std::thread([this] { run(); });
    (void)pthread_sigmask(SIG_SETMASK, &before, nullptr); // ignoring: as above
    return {};
}

void ConfigLoader::load(std::string message) {
    {
        const std::lock_guard lock(mutex_);
        waiting_ = std::move(message);
    }
    more_.notify_one();
}

std::optional<Result<Config>> ConfigLoader::take() {
    eventfd_t count = 0;
    (void)eventfd_read(ready_.get(), &count); // ignoring: nothing there is no error
    const std::lock_guard lock(mutex_);
    return std::exchange(done_, std::nullopt);
}

void ConfigLoader::run() {
    (void)setpriority(PRIO_PROCESS, 0, niceness); // of this thread; ignoring: it only helps
    while (true) {
        std::string message;
        {
            std::unique_lock lock(mutex_);
            more_.wait(lock, [this] { return ends_ || waiting_.has_value(); });
            if (ends_) {
                return;
            }
            message = *std::move(waiting_);
            waiting_.reset();
        }
        Result<Config> config = make(message);
        if (config) {
            known_ = config.value().sets;
        }
        {
            const std::lock_guard lock(mutex_);
            done_.emplace(std::move(config));
        }
        (void)eventfd_write(ready_.get(), 1); // ignoring: full means that it is readable
    }
}

Result<Config> ConfigLoader::make(std::string_view message) {
    const auto json = protocol::Json::parse(message, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) {
        return Error{0, "the daemon's answer is not a JSON object"};
    }
    if (const auto error = json.find("error"); error != json.end()) {
        return Error{0, fmt::format("the daemon's answer is {}", error->dump())};
    }
    const auto parameters = json.find("parameters");
    if (parameters == json.end()) {
        return Error{0, "the daemon's answer has no parameters"};
    }
    return parse_config(*parameters, sets_in(folder_, known_));
}

} // namespace pc::inspect
