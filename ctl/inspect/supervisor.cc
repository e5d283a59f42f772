// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/supervisor.h"

#include <csignal>

#include <fmt/format.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ctl/inspect/clock.h"
#include "ctl/inspect/complain.h"

namespace pc::inspect {

namespace {

constexpr uint64_t check_every_ms = 1000;

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

} // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::create(SupervisorSetup setup) {
    const CounterSum counters = TRY(CounterSum::load(*setup.maps.stats));
    Poller poller = TRY(Poller::create());
    std::unique_ptr<Supervisor> supervisor(
        new Supervisor(std::move(setup), counters, std::move(poller)));
    TRY(supervisor->open_sources());
    return supervisor;
}

Supervisor::Supervisor(SupervisorSetup setup, CounterSum counters, Poller poller)
    : maps_(setup.maps), notices_(setup.notices), anchors_(std::move(setup.anchors)),
      config_file_(std::move(setup.config_file)), counters_(counters), poller_(std::move(poller)),
      checker_(poller_, *maps_.upstream) {
    if (config_file_.empty()) {
        watch_.emplace(std::move(setup.control_socket), poller_, std::move(setup.sets));
    }
}

Result<void> Supervisor::open_sources() {
    signals_ = TRY(open_signals());
    clock_ = TRY(open_pulse());
    TRY(poller_.add(signals_.get(), EPOLLIN, {Source::signals, 0, 0}));
    return poller_.add(clock_.get(), EPOLLIN, {Source::clock, 0, 0});
}

Result<void> Supervisor::start(std::vector<std::unique_ptr<Worker>> workers) {
    workers_ = std::move(workers);
    reporter_.emplace(notices_, workers_.size());
    for (const std::unique_ptr<Worker>& worker : workers_) {
        TRY(worker->beat());
    }
    for (size_t i = 0; i < workers_.size(); ++i) {
        TRY(publish(workers_[i]->listeners(), i, *maps_.listeners));
    }
    for (const std::unique_ptr<Worker>& worker : workers_) {
        std::thread& thread = threads_.emplace_back([&worker = *worker] { worker.run(); });
        // Ignoring: the name is for whoever looks at the threads.
        (void)pthread_setname_np(thread.native_handle(),
                                 fmt::format("worker {}", threads_.size() - 1).c_str());
    }
    return {};
}

Result<void> Supervisor::run() {
    while (!stop_) {
        const std::span<const Ready> events = poller_.wait(-1);
        now_ms_ = monotonic_ns() / 1'000'000;
        for (const Ready& ready : events) {
            dispatch(ready);
        }
    }
    stop_workers();
    store_counters();
    return outcome_;
}

void Supervisor::dispatch(const Ready& ready) {
    switch (ready.token.source) {
    case Source::signals:
        hear_signals();
        return;
    case Source::clock:
        tick();
        return;
    case Source::control:
        hear_daemon();
        return;
    case Source::check:
        checker_.on_ready(ready, now_ms_);
        tell_news();
        return;
    case Source::listener:
    case Source::udp_listener:
    case Source::mail:
    case Source::client:
    case Source::upstream:
    case Source::udp_upstream:
    case Source::peek:
        return; // the workers'
    }
}

void Supervisor::tick() {
    take_pulse(clock_);
    checker_.tick(now_ms_);
    tell_news();
    store_counters();
    check_anchors();
    if (watch_) {
        watch_->tick(now_ms_);
        hear_daemon();
    }
    reporter_->tick(now_ms_, [this](const protocol::Json& words) { return tell_daemon(words); });
}

bool Supervisor::tell_daemon(const protocol::Json& words) {
    return watch_ && watch_->say(words);
}

void Supervisor::hear_questions() {
    if (watch_->connection() != connection_) {
        connection_ = watch_->connection();
        reporter_->forget();
    }
    for (const protocol::Json& asked : watch_->take_asked()) {
        reporter_->take(
            asked, now_ms_,
            [this](const SeenQuestionPtr& question) {
                for (const std::unique_ptr<Worker>& worker : workers_) {
                    worker->ask(question);
                }
            },
            [this](const protocol::Json& words) { return tell_daemon(words); });
    }
}

void Supervisor::store_counters() {
    std::vector<const Counters*> all;
    for (const std::unique_ptr<Worker>& worker : workers_) {
        all.push_back(&worker->counters());
    }
    Result<void> stored = counters_.store(all);
    if (stored) {
        stored = checker_.store();
    }
    if (!stored && !maps_failed_) {
        complain(stored.error().message);
    }
    maps_failed_ = !stored;
}

void Supervisor::tell_news() {
    for (const std::string& news : checker_.take_news()) {
        complain(news);
    }
}

void Supervisor::check_anchors() {
    if (now_ms_ < next_check_ms_) {
        return;
    }
    next_check_ms_ = now_ms_ + check_every_ms;
    outcome_ = anchors_.check();
    stop_ |= !outcome_;
}

void Supervisor::hear_signals() {
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            reload();
        } else {
            stop_ = true;
        }
    }
}

void Supervisor::reload() {
    for (const std::unique_ptr<Worker>& worker : workers_) {
        worker->reopen_log();
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

void Supervisor::hear_daemon() {
    if (std::optional<Config> config = watch_->receive(now_ms_)) {
        apply(std::move(*config));
    }
    if (const std::string complaint = watch_->take_complaint(); !complaint.empty()) {
        complain(complaint);
    }
    hear_questions();
}

void Supervisor::apply(Config config) {
    checker_.adopt(config);
    const auto shared = std::make_shared<const Config>(std::move(config));
    for (const std::unique_ptr<Worker>& worker : workers_) {
        worker->configure(shared);
    }
}

void Supervisor::stop_workers() {
    for (const std::unique_ptr<Worker>& worker : workers_) {
        worker->stop();
    }
    for (std::thread& thread : threads_) {
        thread.join();
    }
    threads_.clear();
}

} // namespace pc::inspect
