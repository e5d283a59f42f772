// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/worker.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "ctl/inspect/complain.h"

namespace pc::inspect {

namespace {

constexpr long tick_ns = 100'000'000;
constexpr int accepts_per_turn = 64;
constexpr uint64_t check_every_ms = 1000;

static_assert(PC_HEARTBEAT_TIMEOUT_NS >= 3 * tick_ns, "one late tick must not look like a hang");

uint64_t monotonic_ns() {
    timespec now{};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); // ignoring: cannot fail with these arguments
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

Error failed(std::string_view what) {
    const int err = errno;
    return Error{err, fmt::format("{}: {}", what, strerror(err))};
}

Result<Fd> open_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&set, number);
    }
    if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
        return failed("block signals");
    }
    Fd fd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd.valid()) {
        return failed("create signalfd");
    }
    return fd;
}

Result<Fd> open_clock() {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    const itimerspec every{{0, tick_ns}, {0, tick_ns}};
    if (!fd.valid() || timerfd_settime(fd.get(), 0, &every, nullptr) != 0) {
        return failed("create timerfd");
    }
    return fd;
}

} // namespace

Result<std::unique_ptr<Worker>> Worker::create(WorkerSetup setup, Listeners listeners) {
    const Counters counters = TRY(Counters::load(*setup.maps.stats));
    Poller poller = TRY(Poller::create());
    std::unique_ptr<Worker> worker(
        new Worker(std::move(setup), std::move(listeners), std::move(poller), counters));
    TRY(worker->open_sources());
    return worker;
}

Worker::Worker(WorkerSetup setup, Listeners listeners, Poller poller, const Counters& counters)
    : maps_(setup.maps), log_(setup.log), anchors_(std::move(setup.anchors)),
      config_file_(std::move(setup.config_file)), mark_(setup.config.bypass_mark),
      listeners_(std::move(listeners)), poller_(std::move(poller)), counters_(counters),
      flows_({poller_, *maps_.flows, counters_, log_}, std::move(setup.config), setup.flows_max) {
    if (config_file_.empty()) {
        watch_.emplace(std::move(setup.control_socket), poller_);
    }
}

Result<void> Worker::open_sources() {
    signals_ = TRY(open_signals());
    clock_ = TRY(open_clock());
    TRY(poller_.add(signals_.get(), EPOLLIN, {Source::signals, 0, 0}));
    TRY(poller_.add(clock_.get(), EPOLLIN, {Source::clock, 0, 0}));
    TRY(poller_.add(listeners_.tcp4.get(), EPOLLIN, {Source::listener, PC_LISTENER_TCP4, 0}));
    return poller_.add(listeners_.tcp6.get(), EPOLLIN, {Source::listener, PC_LISTENER_TCP6, 0});
}

Result<void> Worker::beat() {
    const uint32_t key = 0;
    const pc_heartbeat heartbeat{monotonic_ns()};
    return maps_.heartbeat->put(bytes_of(key), bytes_of(heartbeat));
}

Result<void> Worker::run() {
    now_ms_ = monotonic_ns() / 1'000'000;
    flows_.set_now_ms(now_ms_);
    tick();
    while (!stop_) {
        const std::span<const Ready> events = poller_.wait(wait_ms());
        now_ms_ = monotonic_ns() / 1'000'000;
        flows_.set_now_ms(now_ms_);
        for (const Ready& ready : events) {
            dispatch(ready);
        }
        flows_.run_queued();
        accept_all();
        write_out();
    }
    listeners_ = {}; // from here on TC egress sees no listener
    flows_.end_all();
    write_out();
    (void)counters_.store(); // ignoring: the program ends; the next one writes them again
    return outcome_;
}

int Worker::wait_ms() const {
    const bool can_accept = accept_more_ && !accept_blocked_ && !flows_.full();
    return flows_.has_queued() || can_accept ? 0 : -1;
}

void Worker::dispatch(const Ready& ready) {
    switch (ready.token.source) {
    case Source::listener:
        accept_more_ = true;
        return;
    case Source::signals:
        hear_signals();
        return;
    case Source::clock:
        tick();
        return;
    case Source::control:
        hear_daemon();
        return;
    case Source::client:
    case Source::upstream:
        flows_.on_ready(ready);
        return;
    }
}

void Worker::tick() {
    uint64_t expirations = 0;
    // Ignoring: how many ticks were missed makes no difference.
    (void)!read(clock_.get(), &expirations, sizeof(expirations));
    Result<void> stored = beat();
    if (stored) {
        stored = counters_.store();
    }
    if (!stored && !maps_failed_) {
        complain(stored.error().message);
    }
    maps_failed_ = !stored;
    accept_blocked_ = false;
    flows_.tick();
    check_anchors();
    if (watch_) {
        watch_->tick(now_ms_);
        hear_daemon();
    }
}

void Worker::check_anchors() {
    if (now_ms_ < next_check_ms_) {
        return;
    }
    next_check_ms_ = now_ms_ + check_every_ms;
    outcome_ = anchors_.check();
    stop_ |= !outcome_;
}

void Worker::hear_signals() {
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            reload();
        } else {
            stop_ = true;
        }
    }
}

void Worker::reload() {
    if (const Result<void> reopened = log_.reopen(); !reopened) {
        complain(reopened.error().message);
    }
    if (config_file_.empty()) {
        return;
    }
    Result<Config> config = read_config(config_file_);
    if (!config) {
        complain(config.error().message + "; the last configuration stays");
        return;
    }
    apply(config.take());
}

void Worker::hear_daemon() {
    if (std::optional<Config> config = watch_->receive(now_ms_)) {
        apply(std::move(*config));
    }
    if (const std::string complaint = watch_->take_complaint(); !complaint.empty()) {
        complain(complaint);
    }
}

void Worker::apply(Config config) {
    if (config.bypass_mark != mark_) {
        mark_ = config.bypass_mark;
        for (const Fd* listener : {&listeners_.tcp4, &listeners_.tcp6}) {
            if (const Result<void> set = set_mark(listener->get(), mark_); !set) {
                complain(set.error().message);
            }
        }
    }
    flows_.configure(std::move(config));
}

void Worker::accept_all() {
    if (!accept_more_ || stop_) {
        return;
    }
    const bool more4 = accept_from(listeners_.tcp4);
    const bool more6 = accept_from(listeners_.tcp6);
    accept_more_ = more4 || more6;
}

// True if there may be more. At the limit of flows, or of descriptors, connections wait in the
// backlog.
bool Worker::accept_from(const Fd& listener) {
    for (int i = 0; i < accepts_per_turn; ++i) {
        if (flows_.full() || accept_blocked_) {
            return true;
        }
        Fd client(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (client.valid()) {
            flows_.admit(std::move(client));
            continue;
        }
        switch (errno) {
        case EAGAIN:
            return false;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            accept_blocked_ = true;
            return true;
        default:
            break; // that connection is broken, the next one may not be
        }
    }
    return true;
}

void Worker::write_out() {
    const Result<void> written = log_.flush();
    if (!written && !log_failed_) {
        complain(written.error().message);
    }
    log_failed_ = !written;
}

} // namespace pc::inspect
