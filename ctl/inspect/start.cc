// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/start.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include <fmt/format.h>

namespace pc::inspect {

namespace {

constexpr std::chrono::milliseconds pause{100};
constexpr int tries = 100;
constexpr size_t descriptors_per_flow = 6;
constexpr size_t descriptors_of_program = 128; // spare pipes among them

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
    maps.stats = TRY(open_pinned_map(bpffs + "/insp_stats"));
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

Result<Listeners> wait_for_listeners(const std::string& netns_file, uint32_t mark) {
    return wait_for([&] { return listen_in_netns(netns_file, mark); });
}

Anchors anchors_of(const Options& options) {
    return Anchors({options.netns, options.bpffs + "/listeners", options.bpffs + "/flows"});
}

Result<size_t> fit_descriptor_limit(size_t flows_wanted) {
    const size_t wanted = flows_wanted * descriptors_per_flow + descriptors_of_program;
    const size_t limit = TRY(raise_descriptor_limit(wanted));
    if (limit < descriptors_of_program + descriptors_per_flow) {
        return Error{EMFILE, fmt::format("a limit of {} descriptors is too low", limit)};
    }
    return std::min(flows_wanted, (limit - descriptors_of_program) / descriptors_per_flow);
}

} // namespace pc::inspect
