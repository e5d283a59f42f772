// SPDX-License-Identifier: GPL-3.0-or-later
// check and explain. With a rule file they need neither privilege nor daemon.
#pragma once

#include "ctl/shell/grammar.h"

namespace pc::shell {

int check_file(Session& session, const Call& call);
int explain_file(Session& session, const Call& call);
int explain_packet(Session& session, const Call& call);

} // namespace pc::shell
