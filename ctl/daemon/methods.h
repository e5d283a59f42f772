// SPDX-License-Identifier: GPL-3.0-or-later
// The methods of the control protocol: one table, each a function from parameters to an answer.
#pragma once

#include "ctl/daemon/counters.h"
#include "ctl/daemon/drops.h"
#include "ctl/daemon/firewall.h"
#include "ctl/daemon/flows.h"
#include "ctl/daemon/inspection.h"
#include "ctl/daemon/source_guard.h"
#include "ctl/protocol/protocol.h"

namespace pc::daemon {

struct Context {
    Firewall& firewall;
    Drops& drops;
    Flows& flows;
    SourceGuard& guard;
    int64_t started = 0; // UTC seconds
    Progress progress;   // of the request, if whoever asks wants to know
};

// Tells at the pace of protocol::Pace.
[[nodiscard]] Progress progress_to(std::function<void(const protocol::Json&)> tell);

// The whole answer: {"parameters": ...} or an error. Never fails otherwise, and changes nothing
// when it is an error.
[[nodiscard]] protocol::Json call_method(const Context& context, const protocol::Request& request);

// The object of WatchInspect, for streams and for inspect.json, and the files it names.
struct InspectorConfig {
    protocol::Json object;
    NameFiles files;
};

[[nodiscard]] InspectorConfig inspector_config(const Context& context);

// What the table refers to; each in the methods_*.cc of its subject. An Error's message becomes an
// error Usage when err is EINVAL, Refused when it is EPERM, else Failed.
namespace methods {

using Parameters = protocol::Json;
using Answer = Result<protocol::Json>;

Answer get_status(const Context& context, const Parameters& parameters);
Answer get_interfaces(const Context& context, const Parameters& parameters);
Answer get_drops(const Context& context, const Parameters& parameters);
Answer get_inspect(const Context& context, const Parameters& parameters);
Answer get_rules(const Context& context, const Parameters& parameters);
Answer get_rule(const Context& context, const Parameters& parameters);
Answer explain(const Context& context, const Parameters& parameters);
Answer get_sets(const Context& context, const Parameters& parameters);
Answer get_set(const Context& context, const Parameters& parameters);
Answer block(const Context& context, const Parameters& parameters);
Answer unblock(const Context& context, const Parameters& parameters);
Answer clear_set(const Context& context, const Parameters& parameters);
Answer show_flows(const Context& context, const Parameters& parameters);
Answer show_flow(const Context& context, const Parameters& parameters);
Answer clear_flows(const Context& context, const Parameters& parameters);
Answer top(const Context& context, const Parameters& parameters);
Answer show_limits(const Context& context, const Parameters& parameters);
Answer show_guard(const Context& context, const Parameters& parameters);
Answer get_config(const Context& context, const Parameters& parameters);
Answer get_revisions(const Context& context, const Parameters& parameters);
Answer check(const Context& context, const Parameters& parameters);
Answer commit(const Context& context, const Parameters& parameters);
Answer rollback(const Context& context, const Parameters& parameters);
Answer audit(const Context& context, const Parameters& parameters);

// What packets are looked up in; null if an earlier process wrote it.
[[nodiscard]] protocol::Json classifier_as_json(const Firewall& firewall);

// The candidate is not a rule set: rendered diagnostics, as an error Config.
constexpr int err_config = 1000;

} // namespace methods

[[nodiscard]] HitClock hit_clock(const Firewall& firewall);
// packets, bytes, last_hit, last_hit_s
void add_count(protocol::Json& object, const Count& count, const HitClock& clock);

} // namespace pc::daemon
