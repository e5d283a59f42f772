// SPDX-License-Identifier: GPL-3.0-or-later
// portcullisd: loads the programs, applies the rule file, answers the shell. Packets do not need
// it.
#include <fmt/format.h>
#include <malloc.h>

#include "ctl/daemon/loop.h"
#include "ctl/daemon/options.h"

namespace {

int ended(const pc::Result<void>& result) {
    if (!result) {
        fmt::print(stderr, "portcullisd: {}\n", result.error().message);
        return 1;
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const auto options = pc::daemon::parse_options(argc, argv);
    if (!options) {
        fmt::print(stderr, "portcullisd: {}\n", options.error().message);
        return 2;
    }
    switch (options.value().what) {
    case pc::daemon::Options::What::help:
        fmt::print("{}", pc::daemon::help_text());
        return 0;
    case pc::daemon::Options::What::version:
        fmt::print("portcullis {}\n", PC_VERSION);
        return 0;
    case pc::daemon::Options::What::detach:
        return ended(pc::daemon::detach(options.value()));
    case pc::daemon::Options::What::run:
        break;
    }
    // Without bins of small pieces, which the C library would tidy up in the middle of a commit:
    // what compiling 10,000 rules leaves behind took half a millisecond of each edit.
    (void)mallopt(M_MXFAST, 0); // ignoring: slower, not wrong
    return ended(pc::daemon::run(options.value()));
}
