// SPDX-License-Identifier: GPL-3.0-or-later
// The command line of `portcullis`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "rules/result.h"

namespace pc::shell {

// -c 'CMD' or -f FILE, in the order given.
struct Script {
    bool is_file = false;
    std::string text;
};

struct Options {
    bool json = false;
    bool no_color = false;
    bool abbreviates = false;
    bool help = false;
    bool version = false;
    std::string run_dir = "/run/portcullis";
    std::vector<Script> scripts;
    std::vector<std::string> words; // one command; none: interactive
};

// Options of the program may also stand behind the command (`check FILE --json`); any other word
// behind the first one belongs to the command.
[[nodiscard]] Result<Options> parse_options(std::span<const std::string> arguments,
                                            const char* run_dir_of_environment);

inline constexpr std::string_view usage =
    "usage: portcullis [OPTION]...               the interactive shell\n"
    "       portcullis [OPTION]... COMMAND ...   one command, see `portcullis help`\n"
    "  -c 'COMMAND'     run a command; may be repeated\n"
    "  -f FILE          run a file of commands, stop at the first error\n"
    "  --json           answers as JSON, one object a command\n"
    "  --run-dir DIR    where the daemon's control socket is (/run/portcullis)\n"
    "  --no-color       no colours on a terminal\n"
    "  --abbrev         unique prefixes of words are enough, as on the terminal\n"
    "  --version, --help\n"
    "without root and without the daemon:\n"
    "  portcullis check FILE\n"
    "  portcullis explain --rules FILE packet in ZONE PROTO SRC[:PORT] DST[:PORT]\n"
    "exit codes: 0 done, 1 configuration error, 2 usage, 3 rolled back, 4 daemon unreachable,\n"
    "  5 refused, 6 partly done\n";

} // namespace pc::shell
