// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/loop.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "ctl/daemon/inspector_view.h"
#include "ctl/daemon/methods.h"
#include "ctl/daemon/server.h"
#include "ctl/kern/inspect_netns.h"

namespace pc::daemon {
namespace {

constexpr uint64_t second_us = 1000000;
// Interfaces come in bursts of messages.
constexpr uint64_t settle_us = 50000;

struct UnrefEvent {
    void operator()(sd_event* event) const { sd_event_unref(event); }
};

struct UnrefSource {
    void operator()(sd_event_source* source) const { sd_event_source_disable_unref(source); }
};

using Source = std::unique_ptr<sd_event_source, UnrefSource>;

void log_line(std::string_view text) {
    while (!text.empty() && text.back() == '\n') {
        text.remove_suffix(1);
    }
    fmt::print(stderr, "portcullisd: {}\n", text);
}

Result<void> started(int result, std::string_view what) {
    if (result < 0) {
        return Error{-result, fmt::format("{}: {}", what, std::strerror(-result))};
    }
    return {};
}

class Loop {
public:
    Loop(sd_event* event, const Options& options, std::unique_ptr<Firewall> firewall)
        : event_(event), options_(options), firewall_(std::move(firewall)) {}

    [[nodiscard]] Result<void> prepare() {
        Firewall& firewall = *firewall_;
        drops_ = TRY(Drops::open(firewall.datapath().map("events").fd(), options_.eve,
                                 [this](uint32_t id) { return rule_name(id); }));
        flows_ = std::make_unique<Flows>(firewall, options_.flow_log);
        guard_ = std::make_unique<SourceGuard>(firewall);
        monitor_ = std::make_unique<LinkMonitor>(TRY(LinkMonitor::open()));
        TRY(firewall.start());
        make_inspector_view();
        server_ = TRY(Server::open(event_, options_.run_dir + "/control.sock", server_hooks()));
        TRY(add_sources());
        after_change();
        return {};
    }

    [[nodiscard]] const Firewall& firewall() const { return *firewall_; }

private:
    [[nodiscard]] Server::Hooks server_hooks() {
        return {.answer = [this](const protocol::Request& request,
                                 const Server::Caller& caller) { return answer(request, caller); },
                .watched = [this] { return inspector_config(context()).object; },
                .heard = [this](const protocol::Json& words) { view_->hear(words); },
                .inspector_came = [this] { view_->inspector_came(); },
                .inspector_gone = [this] { view_->inspector_gone(); },
                .monitors_changed = [this](size_t count) { view_->monitors_changed(count); }};
    }

    void make_inspector_view() {
        view_ = std::make_unique<InspectorView>(
            *flows_,
            InspectorView::Ways{
                .ask =
                    [this](const protocol::Json& question) {
                        return server_->ask_inspector(question);
                    },
                .answer = [this](uint64_t caller,
                                 const protocol::Json& answer) { server_->answer(caller, answer); },
                .tell_lines = [this](const std::vector<std::string>& lines,
                                     uint64_t lost) { server_->tell_monitors(lines, lost); },
                .tell_note = [this](const std::string& note) { server_->tell_monitors(note); }});
    }

    [[nodiscard]] Context context() {
        return {*firewall_, *drops_, *flows_, *guard_, started_, {}};
    }

    [[nodiscard]] std::string rule_name(uint32_t id) const {
        const auto& plan = firewall_->running().plan;
        for (const PlanRule& rule : plan ? plan->rules : std::vector<PlanRule>()) {
            if (rule.id == id) {
                return rule.name;
            }
        }
        return {};
    }

    protocol::Json answer(const protocol::Request& request, const Server::Caller& caller) {
        if (InspectorView::answers(request.method)) {
            return view_->begin(request, caller.id);
        }
        Context context = this->context();
        context.progress = progress_to(caller.tell);
        protocol::Json answer = call_method(context, request);
        after_change();
        return answer;
    }

    // After everything that may have changed something: tell the inspector and the log.
    void after_change() {
        for (const std::string& complaint : firewall_->take_complaints()) {
            log_line(complaint);
        }
        if (published_ == firewall_->changes()) {
            return;
        }
        published_ = firewall_->changes();
        const InspectorConfig now = inspector_config(context());
        auto written = write_name_files(options_.run_dir, now.files);
        if (written) {
            written = replace_file(
                options_.run_dir + "/inspect.json",
                now.object.dump(-1, ' ', false, protocol::Json::error_handler_t::replace) + "\n",
                0640);
        }
        if (!written) {
            log_line(written.error().message);
        }
        if (server_) {
            server_->publish(now.object);
        }
        remove_name_files(options_.run_dir, now.files);
    }

    // Says the same failure once, not each second.
    void report(const Result<void>& result) {
        const std::string now = result ? "" : result.error().message;
        if (!now.empty() && now != last_failure_) {
            log_line(now);
        }
        last_failure_ = now;
        after_change();
    }

    [[nodiscard]] Result<void> add_sources() {
        TRY(add_io(monitor_->fd(), on_links));
        TRY(add_io(drops_->fd(), on_events));
        TRY(add_timer(second_us, on_second, seconds_));
        TRY(add_timer(settle_us, on_settled, settled_));
        (void)sd_event_source_set_enabled(settled_.get(), SD_EVENT_OFF); // ignoring: it exists
        TRY(add_signal(SIGHUP, on_reload));
        TRY(add_signal(SIGTERM, on_end));
        return add_signal(SIGINT, on_end);
    }

    [[nodiscard]] Result<void> add_io(int fd, sd_event_io_handler_t call) {
        sd_event_source* source = nullptr;
        TRY(started(sd_event_add_io(event_, &source, fd, EPOLLIN, call, this), "watch a file"));
        sources_.emplace_back(source);
        return {};
    }

    [[nodiscard]] Result<void> add_signal(int signal, sd_event_signal_handler_t call) {
        sd_event_source* source = nullptr;
        TRY(started(sd_event_add_signal(event_, &source, signal, call, this), "watch a signal"));
        sources_.emplace_back(source);
        return {};
    }

    [[nodiscard]] Result<void> add_timer(uint64_t delay_us, sd_event_time_handler_t call,
                                         Source& timer) {
        sd_event_source* source = nullptr;
        TRY(started(
            sd_event_add_time_relative(event_, &source, CLOCK_MONOTONIC, delay_us, 0, call, this),
            "start a timer"));
        timer.reset(source);
        return {};
    }

    static void again_in(const Source& timer, uint64_t delay_us) {
        // ignoring: both fail only for a source that does not exist
        (void)sd_event_source_set_time_relative(timer.get(), delay_us);
        (void)sd_event_source_set_enabled(timer.get(), SD_EVENT_ONESHOT);
    }

    static int on_links(sd_event_source*, int, uint32_t, void* self) noexcept {
        Loop& loop = *static_cast<Loop*>(self);
        const auto changed = loop.monitor_->changed();
        if (!changed || changed.value()) {
            again_in(loop.settled_, settle_us);
        }
        return 0;
    }

    static int on_settled(sd_event_source*, uint64_t, void* self) noexcept {
        Loop& loop = *static_cast<Loop*>(self);
        loop.report(loop.firewall_->refresh());
        return 0;
    }

    static int on_events(sd_event_source*, int, uint32_t, void* self) noexcept {
        Loop& loop = *static_cast<Loop*>(self);
        loop.report(loop.drops_->consume());
        return 0;
    }

    static int on_second(sd_event_source*, uint64_t, void* self) noexcept {
        Loop& loop = *static_cast<Loop*>(self);
        const auto ticked = loop.firewall_->tick();
        const auto swept = loop.flows_->sweep();
        const auto guarded = loop.guard_->tick();
        loop.view_->tick();
        for (const std::string& line : loop.guard_->take_lines()) {
            log_line(line);
        }
        loop.report(!ticked ? ticked : !swept ? swept : guarded);
        again_in(loop.seconds_, second_us);
        return 0;
    }

    static int on_end(sd_event_source*, const signalfd_siginfo*, void* self) noexcept {
        return sd_event_exit(static_cast<Loop*>(self)->event_, 0);
    }

    static int on_reload(sd_event_source*, const signalfd_siginfo*, void* self) noexcept {
        Loop& loop = *static_cast<Loop*>(self);
        const CommitAnswer answer = loop.firewall_->reload();
        switch (answer.outcome) {
        case CommitAnswer::Outcome::done:
            log_line(
                fmt::format("revision {} is live, from {}", answer.revision, loop.options_.config));
            break;
        case CommitAnswer::Outcome::unchanged:
            break;
        case CommitAnswer::Outcome::config:
        case CommitAnswer::Outcome::refused:
        case CommitAnswer::Outcome::failed:
            log_line(answer.text);
            break;
        }
        loop.after_change();
        return 0;
    }

    sd_event* event_;
    const Options& options_;
    std::unique_ptr<Firewall> firewall_;
    std::unique_ptr<Drops> drops_;
    std::unique_ptr<Flows> flows_;
    std::unique_ptr<SourceGuard> guard_;
    std::unique_ptr<LinkMonitor> monitor_;
    std::unique_ptr<InspectorView> view_;
    std::unique_ptr<Server> server_;
    std::vector<Source> sources_;
    Source seconds_;
    Source settled_;
    std::string last_failure_;
    uint64_t published_ = 0;
    int64_t started_ = time(nullptr);
};

Result<void> make_run_dir(const std::string& path) {
    if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
        const int err = errno;
        return Error{err, fmt::format("make {}: {}", path, std::strerror(err))};
    }
    return {};
}

} // namespace

Result<void> detach(const Options& options) {
    TRY(detach_all(options.bpffs));
    InspectNetnsNames names;
    names.file = options.inspect_netns;
    return tear_down_inspect_netns(names);
}

Result<void> run(const Options& options) {
    sigset_t signals{};
    sigemptyset(&signals);
    for (const int signal : {SIGHUP, SIGTERM, SIGINT}) {
        sigaddset(&signals, signal);
    }
    (void)sigprocmask(SIG_BLOCK, &signals, nullptr); // ignoring: the arguments are valid
    (void)signal(SIGPIPE, SIG_IGN);
    TRY(make_run_dir(options.run_dir));
    sd_event* fresh = nullptr;
    TRY(started(sd_event_new(&fresh), "make an event loop"));
    const std::unique_ptr<sd_event, UnrefEvent> event(fresh);
    Loop loop(event.get(), options, TRY(Firewall::open(options)));
    TRY(loop.prepare());
    const Running& running = loop.firewall().running();
    const std::string ready = fmt::format("READY=1\nSTATUS=revision {}", running.revision.number);
    (void)sd_notify(0, ready.c_str()); // ignoring: nobody asked for it when not under systemd
    const int result = sd_event_loop(event.get());
    (void)sd_notify(0, "STOPPING=1"); // ignoring: as above
    return started(std::min(result, 0), "the event loop");
}

} // namespace pc::daemon
