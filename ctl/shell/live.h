// SPDX-License-Identifier: GPL-3.0-or-later
// Changes of live state, without a candidate.
#pragma once

#include "ctl/shell/grammar.h"

namespace pc::shell {

int block(Session& session, const Call& call);
int unblock(Session& session, const Call& call);
int clear_set(Session& session, const Call& call);
int commit_file(Session& session, const Call& call);
int rollback_now(Session& session, const Call& call);

} // namespace pc::shell
