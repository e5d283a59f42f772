// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/options.h"

#include <array>
#include <cerrno>
#include <filesystem>

#include <getopt.h>

namespace pc::daemon {
namespace {

enum Short : int {
    config = 'c',
    run_dir = 1000,
    state_dir,
    bpffs,
    foreground,
    detach,
    netns,
    eve,
    flow_log
};

constexpr std::array<option, 12> long_options{{
    {"config", required_argument, nullptr, config},
    {"run-dir", required_argument, nullptr, run_dir},
    {"state-dir", required_argument, nullptr, state_dir},
    {"bpffs", required_argument, nullptr, bpffs},
    {"foreground", no_argument, nullptr, foreground},
    {"detach", no_argument, nullptr, detach},
    {"inspect-netns", required_argument, nullptr, netns},
    {"eve", required_argument, nullptr, eve},
    {"flow-log", required_argument, nullptr, flow_log},
    {"version", no_argument, nullptr, 'V'},
    {"help", no_argument, nullptr, 'h'},
    {nullptr, 0, nullptr, 0},
}};

// False: not an option.
bool take(Options& options, int which, const char* value) {
    switch (which) {
    case config:
        options.config = value;
        return true;
    case run_dir:
        options.run_dir = value;
        return true;
    case state_dir:
        options.state_dir = value;
        return true;
    case bpffs:
        options.bpffs = value;
        return true;
    case foreground:
        return true; // it always runs in the foreground
    case detach:
        options.what = Options::What::detach;
        return true;
    case netns:
        options.inspect_netns = value;
        return true;
    case eve:
        options.eve = value;
        return true;
    case flow_log:
        options.flow_log = value;
        return true;
    case 'V':
        options.what = Options::What::version;
        return true;
    case 'h':
        options.what = Options::What::help;
        return true;
    default:
        return false;
    }
}

} // namespace

Result<Options> parse_options(int argc, char** argv) {
    Options options;
    opterr = 0;
    optind = 1;
    for (int which = 0;
         (which = getopt_long(argc, argv, "+:c:Vh", long_options.data(), nullptr)) != -1;) {
        if (which == ':') {
            return Error{EINVAL, std::string("option ") + argv[optind - 1] + " needs a value"};
        }
        if (!take(options, which, optarg)) {
            return Error{EINVAL,
                         std::string("unknown option ") + argv[optind - 1] + "; try --help"};
        }
    }
    if (optind < argc) {
        return Error{EINVAL, std::string("unexpected argument ") + argv[optind]};
    }
    // The paths of a configuration are compared as text.
    options.config = std::filesystem::absolute(options.config).lexically_normal().string();
    if (options.inspect_netns.empty()) {
        options.inspect_netns = options.run_dir + "/inspect.netns";
    }
    if (options.eve.empty()) {
        options.eve = options.state_dir + "/eve.json";
    }
    if (options.flow_log.empty()) {
        options.flow_log = options.eve.substr(0, options.eve.rfind('/') + 1) + "flow.json";
    }
    return options;
}

std::string help_text() {
    return R"(portcullisd: keeps the packet filter of this router as the rule file says

  --config FILE         the rule file (/etc/portcullis/rules.toml)
  --run-dir DIR         control socket and the inspector's files (/run/portcullis)
  --state-dir DIR       revisions, dynamic sets, log (/var/lib/portcullis)
  --bpffs DIR           pinned maps and programs (/sys/fs/bpf/portcullis)
  --inspect-netns FILE  the inspector's network namespace (RUN-DIR/inspect.netns)
  --eve FILE            log of dropped packets, JSON lines (STATE-DIR/eve.json)
  --flow-log FILE       log of flows that ended, JSON lines (flow.json beside that of --eve)
  --foreground          do not detach from the terminal (it never does)
  --detach              stop filtering: remove programs and pins, then end
  --version, --help

SIGHUP reads the rule file again. SIGTERM ends the daemon; filtering goes on without it.
)";
}

} // namespace pc::daemon
