// SPDX-License-Identifier: GPL-3.0-or-later
// Configuration mode: edits of the candidate, and what becomes of it.
#pragma once

#include "ctl/shell/grammar.h"

namespace pc::shell {

int configure(Session& session, const Call& call);
int set(Session& session, const Call& call);
int add(Session& session, const Call& call);
int remove(Session& session, const Call& call);
int insert(Session& session, const Call& call);
int show_candidate(Session& session, const Call& call);
int compare(Session& session, const Call& call);
int check_candidate(Session& session, const Call& call);
int commit(Session& session, const Call& call);
int commit_check(Session& session, const Call& call);
int rollback(Session& session, const Call& call);
int discard(Session& session, const Call& call);
int exit_discard(Session& session, const Call& call);

} // namespace pc::shell
