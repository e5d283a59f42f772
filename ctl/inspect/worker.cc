// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/worker.h"

#include <cerrno>
#include <utility>

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/inspect/clock.h"
#include "ctl/inspect/complain.h"

namespace pc::inspect {

namespace {

constexpr int accepts_per_turn = 64;

// Below PC_HEARTBEAT_TIMEOUT_NS by what the next process takes to start: until that is over, TC
// egress sends new connections to the listeners.
constexpr uint64_t drain_ms = 200;

} // namespace

Result<std::unique_ptr<Worker>> Worker::create(WorkerSetup setup, Listeners listeners) {
    Poller poller = TRY(Poller::create());
    std::unique_ptr<Worker> worker(
        new Worker(std::move(setup), std::move(listeners), std::move(poller)));
    TRY(worker->open_sources());
    return worker;
}

Worker::Worker(WorkerSetup setup, Listeners listeners, Poller poller)
    : heartbeat_(*setup.maps.heartbeat),
      number_(setup.number), heart_{0, setup.workers, setup.seed}, mark_(setup.config->bypass_mark),
      config_(setup.config), notices_(setup.notices), log_file_(std::move(setup.log)),
      log_(log_file_, &notices_), listeners_(std::move(listeners)), poller_(std::move(poller)),
      counters_(setup.active), flows_({poller_, *setup.maps.flows, counters_, log_, setup.rates},
                                      setup.config, setup.limits.tcp),
      udp_flows_({poller_, *setup.maps.udp_flows, counters_, log_, setup.netns, setup.rates},
                 setup.config, setup.limits.udp),
      peek_flows_({listeners_.peek.get(), *setup.maps.flows, counters_, log_}, setup.config,
                  setup.limits.tcp),
      handed_over_(setup.handed_over) {}

Result<void> Worker::open_sources() {
    clock_ = TRY(open_pulse());
    bell_.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!bell_.valid()) {
        return failed("create eventfd");
    }
    TRY(poller_.add(clock_.get(), EPOLLIN, {Source::clock, 0, 0}));
    TRY(poller_.add(bell_.get(), EPOLLIN, {Source::mail, 0, 0}));
    TRY(poller_.add(listeners_.peek.get(), EPOLLIN, {Source::peek, 0, 0}));
    TRY(poller_.add(listeners_.tcp4.get(), EPOLLIN, {Source::listener, PC_LISTENER_TCP4, 0}));
    TRY(poller_.add(listeners_.tcp6.get(), EPOLLIN, {Source::listener, PC_LISTENER_TCP6, 0}));
    TRY(poller_.add(listeners_.udp4.get(), EPOLLIN, {Source::udp_listener, PC_LISTENER_UDP4, 0}));
    return poller_.add(listeners_.udp6.get(), EPOLLIN, {Source::udp_listener, PC_LISTENER_UDP6, 0});
}

Result<void> Worker::beat() {
    heart_.beat_ns = monotonic_ns();
    return heartbeat_.put(bytes_of(number_), bytes_of(heart_));
}

void Worker::run() {
    now_ms_ = monotonic_ns() / 1'000'000;
    while (!is_done()) {
        const std::span<const Ready> events = poller_.wait(wait_ms());
        now_ms_ = monotonic_ns() / 1'000'000;
        flows_.set_now_ms(now_ms_);
        udp_flows_.set_now_ms(now_ms_);
        peek_flows_.set_now_ms(now_ms_);
        for (const Ready& ready : events) {
            dispatch(ready);
        }
        flows_.run_queued();
        udp_flows_.run_queued();
        take_all();
        answer_questions();
        write_out();
    }
    peek_flows_.end_all();
    listeners_ = {}; // from here on TC egress sees no listener
    flows_.end_all();
    udp_flows_.end_all();
    write_out();
    counters_.show();
}

bool Worker::is_done() const {
    return stop_ && (!handed_over_ || flows_.empty() || now_ms_ >= stopped_at_ms_ + drain_ms);
}

int Worker::wait_ms() const {
    const bool can_accept = accept_more_ && !accept_blocked_ && !flows_.full();
    const bool more = !walks_.empty() || (!stop_ && (can_accept || receive_more_ || peek_more_)) ||
                      flows_.has_queued() || udp_flows_.has_queued();
    return more ? 0 : -1;
}

void Worker::dispatch(const Ready& ready) {
    switch (ready.token.source) {
    case Source::listener:
        accept_more_ = true;
        return;
    case Source::udp_listener:
        receive_more_ = true;
        return;
    case Source::peek:
        peek_more_ = true;
        return;
    case Source::clock:
        tick();
        return;
    case Source::mail:
        read_mail();
        return;
    case Source::client:
    case Source::upstream:
        flows_.on_ready(ready);
        return;
    case Source::udp_upstream:
        udp_flows_.on_ready(ready);
        return;
    case Source::signals:
    case Source::control:
    case Source::check:
        return; // the supervisor's
    }
}

void Worker::tick() {
    take_pulse(clock_);
    const Result<void> stored = beat();
    if (!stored && !maps_failed_) {
        complain(stored.error().message);
    }
    maps_failed_ = !stored;
    accept_blocked_ = false;
    flows_.tick();
    udp_flows_.tick();
    peek_flows_.tick();
    log_.tick(now_ms_);
    counters_.show();
}

void Worker::wake() const {
    const uint64_t one = 1;
    // Ignoring: it fails only where the bell rings already.
    (void)!write(bell_.get(), &one, sizeof(one));
}

void Worker::configure(ConfigPtr config) {
    {
        const std::lock_guard lock(mutex_);
        mail_.config = std::move(config);
    }
    wake();
}

void Worker::reopen_log() {
    {
        const std::lock_guard lock(mutex_);
        mail_.reopen_log = true;
    }
    wake();
}

void Worker::ask(SeenQuestionPtr question) {
    {
        const std::lock_guard lock(mutex_);
        mail_.questions.push_back(std::move(question));
    }
    wake();
}

void Worker::stop() {
    {
        const std::lock_guard lock(mutex_);
        mail_.stop = true;
    }
    wake();
}

void Worker::read_mail() {
    uint64_t rings = 0;
    (void)!read(bell_.get(), &rings, sizeof(rings)); // ignoring: the mail itself counts
    Mail mail;
    {
        const std::lock_guard lock(mutex_);
        mail = std::exchange(mail_, {});
    }
    if (mail.stop && !stop_) {
        stop_ = true;
        stopped_at_ms_ = now_ms_;
    }
    for (SeenQuestionPtr& question : mail.questions) {
        walks_.emplace_back(std::move(question));
    }
    if (mail.reopen_log) {
        if (const Result<void> reopened = log_file_.reopen(); !reopened) {
            complain(reopened.error().message);
        }
    }
    if (mail.config) {
        apply(std::move(mail.config));
    }
}

void Worker::apply(ConfigPtr config) {
    if (config->bypass_mark != mark_) {
        mark_ = config->bypass_mark;
        for (const Fd* listener : {&listeners_.tcp4, &listeners_.tcp6}) {
            if (const Result<void> set = set_mark(listener->get(), mark_); !set) {
                complain(set.error().message);
            }
        }
    }
    config_ = config;
    flows_.configure(config);
    peek_flows_.configure(config);
    udp_flows_.configure(std::move(config));
}

void Worker::take_all() {
    if (stop_) {
        return;
    }
    if (accept_more_) {
        const bool more4 = accept_from(listeners_.tcp4);
        const bool more6 = accept_from(listeners_.tcp6);
        accept_more_ = more4 || more6;
    }
    if (peek_more_) {
        peek_more_ = peek_flows_.receive();
    }
    if (receive_more_) {
        const bool more4 = udp_flows_.receive_from(listeners_.udp4.get());
        const bool more6 = udp_flows_.receive_from(listeners_.udp6.get());
        receive_more_ = more4 || more6;
    }
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

void Worker::answer_questions() {
    if (walks_.empty()) {
        return;
    }
    SeenWalk& walk = walks_.front();
    if (walk.step({flows_, udp_flows_, peek_flows_, log_, *config_})) {
        notices_.answer(walk.take(log_));
        walks_.pop_front();
    }
}

void Worker::write_out() {
    const Result<void> written = log_file_.flush();
    if (!written && !log_failed_) {
        complain(written.error().message);
    }
    log_failed_ = !written;
}

} // namespace pc::inspect
