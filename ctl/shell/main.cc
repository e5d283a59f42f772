// SPDX-License-Identifier: GPL-3.0-or-later
// portcullis: the shell of the firewall, interactive or one command at a time.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "ctl/shell/shell.h"

using namespace pc::shell;

int main(int argc, char** argv) {
    // A pager or a reader that goes away early is no reason to die.
    (void)std::signal(SIGPIPE, SIG_IGN); // ignoring: cannot fail for SIGPIPE

    // What was asked for.
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const pc::Result<Options> parsed = parse_options(arguments, std::getenv("PORTCULLIS_RUN_DIR"));
    if (!parsed) {
        (void)std::fprintf(stderr, "portcullis: %s\n%s", parsed.error().message.c_str(),
                           std::string(usage).c_str());
        return exit_usage;
    }
    const Options& options = parsed.value();
    if (options.version) {
        (void)std::puts("portcullis " PC_VERSION);
        return exit_done;
    }
    if (options.help && options.words.empty()) {
        (void)std::fputs(std::string(usage).c_str(), stdout);
        return exit_done;
    }

    // Colours and a pager only for a person.
    const bool on_terminal = ::isatty(STDOUT_FILENO) == 1;
    const bool with_color =
        on_terminal && !options.no_color && !options.json && std::getenv("NO_COLOR") == nullptr;
    Session session(options, Output(options.json ? Output::Form::json : Output::Form::text,
                                    with_color, on_terminal && !options.json));

    // One of the ways to run commands.
    if (!options.words.empty() && options.words.front() == "__complete") {
        return print_completions(session);
    }
    if (!options.words.empty()) {
        return run_words(session);
    }
    if (!options.scripts.empty()) {
        return run_scripts(session);
    }
    return ::isatty(STDIN_FILENO) == 1 ? run_terminal(session) : run_input(session);
}
