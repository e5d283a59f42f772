// SPDX-License-Identifier: GPL-3.0-or-later
// The shell itself.
#pragma once

#include "ctl/shell/grammar.h"

namespace pc::shell {

int help(Session& session, const Call& call);
int exit_mode(Session& session, const Call& call);
int run_operational(Session& session, const Call& call);
int top(Session& session, const Call& call);

} // namespace pc::shell
