// SPDX-License-Identifier: GPL-3.0-or-later
// The commands about flows.
#pragma once

#include "ctl/shell/grammar.h"

namespace pc::shell {

int show_flows(Session& session, const Call& call);
int show_flow(Session& session, const Call& call);
int clear_flows(Session& session, const Call& call);
int top_flows(Session& session, const Call& call);

} // namespace pc::shell
