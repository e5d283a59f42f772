// SPDX-License-Identifier: GPL-3.0-or-later
// The commands about what the inspector sees.
#pragma once

#include "ctl/shell/client.h"
#include "ctl/shell/grammar.h"

namespace pc::shell {

int show_inspect_flows(Session& session, const Call& call);
int top_names(Session& session, const Call& call);
int monitor_inspect(Session& session, const Call& call);

// One EVE record of a flow that was judged: "22:41:03.120 deny ads.example tls 10.0.0.2:40312 >
// 192.0.2.1:443 web rule no-ads (deny *.example)"; the time is the log's, UTC.
[[nodiscard]] std::string judged_line(const Json& event);

} // namespace pc::shell
