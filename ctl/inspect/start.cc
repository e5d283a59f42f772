// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/start.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "ctl/inspect/handover.h"
#include "ctl/inspect/random.h"

namespace pc::inspect {

namespace {

constexpr std::chrono::milliseconds pause{100};
constexpr int tries = 100;
constexpr size_t descriptors_per_flow = 6;
constexpr size_t descriptors_of_program = 64;
constexpr size_t descriptors_of_worker = 192 + reply_sockets_max; // spare pipes among them

// What the daemon has not made yet is not there, and a namespace file that is not mounted yet is
// no namespace (EINVAL); every other error is final.
template <typename Make>
auto wait_for(Make make) -> decltype(make()) {
    auto made = make();
    const auto may_come = [&made] {
        return !made && (made.error().err == ENOENT || made.error().err == EINVAL);
    };
    for (int i = 1; i < tries && may_come(); ++i) {
        std::this_thread::sleep_for(pause);
        made = make();
    }
    return made;
}

Result<Maps> open_maps(const std::string& bpffs) {
    Maps maps;
    maps.listeners = TRY(open_pinned_map(bpffs + "/listeners"));
    maps.heartbeat = TRY(open_pinned_map(bpffs + "/heartbeat"));
    maps.flows = TRY(open_pinned_map(bpffs + "/flows"));
    maps.udp_flows = TRY(open_pinned_map(bpffs + "/insp_udp"));
    maps.stats = TRY(open_pinned_map(bpffs + "/insp_stats"));
    maps.upstream = TRY(open_pinned_map(bpffs + "/insp_upstream"));
    return maps;
}

} // namespace

Result<Config> wait_for_config(const Options& options) {
    if (!options.config_file.empty()) {
        return read_config(options.config_file);
    }
    return wait_for([&] { return read_config(options.run_dir + "/inspect.json"); });
}

Result<Maps> wait_for_maps(const std::string& bpffs) {
    return wait_for([&] { return open_maps(bpffs); });
}

Result<std::vector<Listeners>> wait_for_listeners(const std::string& netns_file, uint32_t mark,
                                                  size_t workers) {
    std::vector<Listeners> kept = take_kept_listeners();
    return wait_for([&] { return listen_in_netns(netns_file, mark, workers, kept); });
}

Anchors anchors_of(const Options& options) {
    return Anchors({options.netns, options.bpffs + "/listeners", options.bpffs + "/flows"});
}

size_t worker_count(const Options& options) {
    const size_t cpus = std::max(std::thread::hardware_concurrency(), 1U);
    return options.workers != 0 ? options.workers : std::min<size_t>(cpus, PC_WORKERS_MAX);
}

Result<FlowLimits> fit_descriptor_limit(const Options& options, size_t workers) {
    const size_t fixed = descriptors_of_program + workers * descriptors_of_worker;
    const size_t flows = options.flows_max * descriptors_per_flow + options.udp_flows_max;
    const size_t limit = TRY(raise_descriptor_limit(flows + fixed));
    if (limit < fixed + workers * (descriptors_per_flow + 1)) {
        return Error{EMFILE, fmt::format("a limit of {} descriptors is too low", limit)};
    }
    const auto share = [&](size_t wanted) {
        const size_t possible = std::min(wanted, wanted * (limit - fixed) / flows);
        return std::max<size_t>((possible + workers - 1) / workers, 1);
    };
    return FlowLimits{share(options.flows_max), share(options.udp_flows_max)};
}

Result<std::vector<LogFile>> open_logs(const std::string& path, size_t workers) {
    std::vector<LogFile> logs;
    for (size_t i = 0; i < workers; ++i) {
        logs.push_back(TRY(LogFile::open(path)));
    }
    return logs;
}

Result<std::vector<std::unique_ptr<Worker>>> make_workers(const WorkerNeeds& needs,
                                                          std::vector<Listeners> listeners,
                                                          std::vector<LogFile> logs) {
    const auto seed = static_cast<uint32_t>(random_number());
    std::vector<std::unique_ptr<Worker>> workers;
    for (size_t i = 0; i < listeners.size(); ++i) {
        workers.push_back(TRY(
            Worker::create({needs.maps, needs.netns, needs.active, needs.rates, std::move(logs[i]),
                            needs.notices, needs.config, needs.limits, static_cast<uint32_t>(i),
                            static_cast<uint32_t>(listeners.size()), seed, needs.handed_over},
                           std::move(listeners[i]))));
    }
    return workers;
}

} // namespace pc::inspect
