// SPDX-License-Identifier: GPL-3.0-or-later
// The ways to run commands: one from the command line, scripts, the terminal. Each gives the exit
// code of the program.
#pragma once

#include "ctl/shell/session.h"

namespace pc::shell {

// `portcullis VERB ...`
int run_words(Session& session);

// -c and -f in their order, up to the first error.
int run_scripts(Session& session);

// Commands from standard input that is no terminal.
int run_input(Session& session);

// With prompt, history, TAB and `?`.
int run_terminal(Session& session);

// `portcullis __complete -- LINE`: choices for bash, one a line, for the word at the end of LINE.
int print_completions(Session& session);

} // namespace pc::shell
