// SPDX-License-Identifier: GPL-3.0-or-later
// portcullis-inspect: the TPROXY half. TC egress diverts the flows that a rule inspects into a
// network namespace of their own; here they are accepted with their original destination, judged by
// the name that the client asks for, logged, and relayed from the host's namespace.
#include <csignal>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include "ctl/inspect/complain.h"
#include "ctl/inspect/handover.h"
#include "ctl/inspect/options.h"
#include "ctl/inspect/start.h"
#include "ctl/inspect/supervisor.h"
#include "ctl/inspect/syscalls.h"

namespace pc::inspect {

namespace {

Result<void> run(const Options& options) {
    // What the daemon makes; it may be starting at this moment too.
    const auto config = std::make_shared<Config>(TRY(wait_for_config(options)));
    Maps maps = TRY(wait_for_maps(options.bpffs));
    const size_t workers = worker_count(options);
    std::vector<Listeners> listeners =
        TRY(wait_for_listeners(options.netns, config->bypass_mark, workers));

    // What needs more privilege than relaying does.
    const FlowLimits limits = TRY(fit_descriptor_limit(options, workers));
    std::vector<LogFile> logs = TRY(open_logs(options.log, workers));
    const Fd netns_file = TRY(open_netns(options.netns));
    TRY(drop_privileges(options.user));
    const std::unique_ptr<NetnsThread> netns = TRY(NetnsThread::start(netns_file));
    TRY(keep_only_net_admin());

    ActiveFlows active{};
    RateBuckets rates;
    Notices notices;
    const std::unique_ptr<Supervisor> supervisor =
        TRY(Supervisor::create({maps, notices, anchors_of(options), options.config_file,
                                options.run_dir + "/control.sock", config->sets}));
    supervisor->adopt(*config);
    const bool handed_over = keep_listeners(listeners);
    TRY(keep_only_needed_syscalls());
    TRY(supervisor->start(
        TRY(make_workers({maps, *netns, active, rates, notices, config, limits, handed_over},
                         std::move(listeners), std::move(logs)))));
    (void)sd_notify(0, "READY=1"); // ignoring: there may be no systemd
    return supervisor->run();
}

} // namespace

} // namespace pc::inspect

int main(int argc, char** argv) {
    using pc::inspect::Options;
    (void)signal(SIGPIPE, SIG_IGN); // ignoring: cannot fail for a signal that exists
    const pc::Result<Options> options = pc::inspect::parse_options(argc, argv);
    if (!options) {
        pc::inspect::complain(options.error().message);
        return 2;
    }
    switch (options.value().mode) {
    case Options::Mode::help:
        fmt::print("{}", pc::inspect::help_text());
        return 0;
    case Options::Mode::version:
        fmt::print("portcullis-inspect {}\n", PC_VERSION);
        return 0;
    case Options::Mode::run:
        break;
    }
    if (const pc::Result<void> result = pc::inspect::run(options.value()); !result) {
        pc::inspect::complain(result.error().message);
        return 1;
    }
    return 0;
}
