// SPDX-License-Identifier: GPL-3.0-or-later
// The servers behind [inspect.*.upstream], below the table of `show inspect`.
#pragma once

#include "ctl/shell/output.h"

namespace pc::shell {

// Of all inspects in the answer to GetInspect; nothing if there are none.
void print_upstreams(Output& out, const Json& answer);

} // namespace pc::shell
