// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/options.h"

#include <array>
#include <charconv>
#include <cstring>

#include <fmt/format.h>
#include <getopt.h>

#include "rules/abi.h"

namespace pc::inspect {

namespace {

enum Option : int {
    option_run_dir = 256,
    option_state_dir,
    option_bpffs,
    option_netns,
    option_log,
    option_config_file,
    option_user,
    option_max_flows,
    option_max_udp_flows,
    option_workers,
    option_help,
    option_version,
};

constexpr size_t flows_limit = 1'000'000;

Result<size_t> number_from(std::string_view name, const char* text, size_t limit) {
    size_t value = 0;
    const char* end = text + strlen(text);
    const auto [last, error] = std::from_chars(text, end, value);
    if (error != std::errc{} || last != end || value == 0 || value > limit) {
        return Error{0, fmt::format("{} {}: not a number from 1 to {}", name, text, limit)};
    }
    return value;
}

Result<void> apply(Options& options, int option, const char* value) {
    switch (option) {
    case option_run_dir:
        options.run_dir = value;
        return {};
    case option_state_dir:
        options.state_dir = value;
        return {};
    case option_bpffs:
        options.bpffs = value;
        return {};
    case option_netns:
        options.netns = value;
        return {};
    case option_log:
        options.log = value;
        return {};
    case option_config_file:
        options.config_file = value;
        return {};
    case option_user:
        options.user = value;
        return {};
    case option_max_flows:
        options.flows_max = TRY(number_from("--max-flows", value, flows_limit));
        return {};
    case option_max_udp_flows:
        options.udp_flows_max = TRY(number_from("--max-udp-flows", value, flows_limit));
        return {};
    case option_workers:
        options.workers = TRY(number_from("--workers", value, PC_WORKERS_MAX));
        return {};
    case option_help:
        options.mode = Options::Mode::help;
        return {};
    case option_version:
        options.mode = Options::Mode::version;
        return {};
    default:
        // getopt has printed what is wrong.
        return Error{0, "see portcullis-inspect --help"};
    }
}

} // namespace

Result<Options> parse_options(int argc, char** argv) {
    static const std::array<option, 13> long_options = {{
        {"run-dir", required_argument, nullptr, option_run_dir},
        {"state-dir", required_argument, nullptr, option_state_dir},
        {"bpffs", required_argument, nullptr, option_bpffs},
        {"netns", required_argument, nullptr, option_netns},
        {"log", required_argument, nullptr, option_log},
        {"config-file", required_argument, nullptr, option_config_file},
        {"user", required_argument, nullptr, option_user},
        {"max-flows", required_argument, nullptr, option_max_flows},
        {"max-udp-flows", required_argument, nullptr, option_max_udp_flows},
        {"workers", required_argument, nullptr, option_workers},
        {"help", no_argument, nullptr, option_help},
        {"version", no_argument, nullptr, option_version},
        {nullptr, 0, nullptr, 0},
    }};
    Options options;
    int option = 0;
    while ((option = getopt_long(argc, argv, "", long_options.data(), nullptr)) != -1) {
        TRY(apply(options, option, optarg));
    }
    if (optind < argc) {
        return Error{0, fmt::format("unexpected argument \"{}\"; see portcullis-inspect --help",
                                    argv[optind])};
    }
    if (options.netns.empty()) {
        options.netns = options.run_dir + "/inspect.netns";
    }
    return options;
}

std::string help_text() {
    return R"(Usage: portcullis-inspect [OPTION]...
Inspects the TCP and UDP flows that Portcullis diverts: reads the TLS server name or the HTTP host
without changing a byte, allows or denies by name, logs one JSON line a flow, and relays what is
allowed.

  --run-dir DIR       control socket and inspect.json of the daemon (/run/portcullis)
  --state-dir DIR     state of the daemon; nothing of it is used yet (/var/lib/portcullis)
  --bpffs DIR         pinned BPF maps (/sys/fs/bpf/portcullis)
  --netns FILE        network namespace to listen in (RUN-DIR/inspect.netns)
  --log FILE          flow log, appended to, reopened on SIGHUP (/var/log/portcullis/eve.json)
  --config-file FILE  configuration from FILE instead of the daemon; read again on SIGHUP
  --user NAME         run as NAME once everything is open
  --max-flows N       TCP flows at one time (16384)
  --max-udp-flows N   UDP flows at one time (16384)
  --workers N         event loops, 1 to 64 (one for each CPU)
  --help              this text
  --version           the version

SIGTERM ends it: its flows are reset, and new ones follow the on_down of their rule.
)";
}

} // namespace pc::inspect
