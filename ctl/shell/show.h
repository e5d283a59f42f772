// SPDX-License-Identifier: GPL-3.0-or-later
// The commands that look at what is live.
#pragma once

#include "ctl/shell/grammar.h"

namespace pc::shell {

int show_status(Session& session, const Call& call);
int show_interfaces(Session& session, const Call& call);
int show_rules(Session& session, const Call& call);
int show_rule(Session& session, const Call& call);
int show_sets(Session& session, const Call& call);
int show_set(Session& session, const Call& call);
int show_blocks(Session& session, const Call& call);
int show_inspect(Session& session, const Call& call);
int show_drops(Session& session, const Call& call);
int show_limits(Session& session, const Call& call);
int show_guard(Session& session, const Call& call);
int show_commits(Session& session, const Call& call);
int audit(Session& session, const Call& call);
int show_configuration(Session& session, const Call& call);

} // namespace pc::shell
