// SPDX-License-Identifier: GPL-3.0-or-later
// show flows, show flow, clear flows, top.
#include <algorithm>
#include <cerrno>

#include "ctl/daemon/methods.h"
#include "ctl/daemon/parameters.h"

namespace pc::daemon::methods {
namespace {

constexpr uint64_t rows_default = 100;
constexpr uint64_t rows_max = 100000;
constexpr size_t found_max = 1000; // flows between two addresses

Result<FlowFilter> filter_in(const Context& context, const Json& parameters) {
    const auto found = parameters.find("filter");
    if (found == parameters.end() || found->is_null()) {
        return FlowFilter();
    }
    if (!found->is_object()) {
        return Error{EINVAL, "parameter \"filter\" is not an object"};
    }
    return flow_filter(*found, context.flows.names());
}

} // namespace

Answer show_flows(const Context& context, const Parameters& parameters) {
    const FlowFilter filter = TRY(filter_in(context, parameters));
    const FlowOrder order = TRY(flow_order(TRY(text_parameter(parameters, "sort"))));
    const uint64_t limit = TRY(number_parameter(parameters, "limit")).value_or(rows_default);
    const FlowTable& table = *TRY(context.flows.table());
    const FlowClock clock = TRY(context.flows.clock());
    FlowRows rows(order, std::min(limit, rows_max), clock.now);
    FlowStatistics statistics = table.sizes();
    table.each(clock.now, [&](const SeenFlow& flow) {
        statistics.add(flow);
        if (filter.fits(flow.entry)) {
            rows.add(flow);
        }
        return true;
    });
    const uint64_t matched = rows.added();
    Json list = Json::array();
    for (const SeenFlow& flow : rows.take()) {
        list.push_back(flow_object(flow, context.flows.names(), clock));
    }
    return Json{
        {"flows", std::move(list)}, {"matched", matched}, {"table", table_object(statistics)}};
}

// Whichever side began.
Answer show_flow(const Context& context, const Parameters& parameters) {
    const FlowNames& names = context.flows.names();
    const FlowFilter there = TRY(flow_filter(parameters, names));
    if (!there.src || !there.dst) {
        return Error{EINVAL, "parameters \"src\" and \"dst\" are two addresses"};
    }
    FlowFilter back = there;
    std::swap(back.src, back.dst);
    std::swap(back.sport, back.dport);
    const FlowTable& table = *TRY(context.flows.table());
    const FlowClock clock = TRY(context.flows.clock());
    std::vector<SeenFlow> flows = table.find(there, clock.now, found_max);
    for (const SeenFlow& flow : table.find(back, clock.now, found_max - flows.size())) {
        if (!there.fits(flow.entry)) {
            flows.push_back(flow);
        }
    }
    if (flows.empty()) {
        return Error{ENOENT, "there is no such flow between " + to_string(*there.src) + " and " +
                                 to_string(*there.dst)};
    }
    Json list = Json::array();
    for (const SeenFlow& flow : flows) {
        list.push_back(flow_detail(flow, names, clock));
    }
    return Json{{"flows", std::move(list)}};
}

Answer clear_flows(const Context& context, const Parameters& parameters) {
    const FlowFilter filter = TRY(filter_in(context, parameters));
    if (filter == FlowFilter() && !TRY(flag_parameter(parameters, "all"))) {
        return Error{EINVAL, "a filter is needed, or \"all\""};
    }
    FlowTable& table = *TRY(context.flows.table());
    const FlowClock clock = TRY(context.flows.clock());
    return Json{{"cleared", table.clear(filter, clock.now)}};
}

Answer top(const Context& context, const Parameters& parameters) {
    const TopQuestion question = TRY(top_question(parameters));
    const FlowTable& table = *TRY(context.flows.table());
    const FlowClock clock = TRY(context.flows.clock());
    const TopAnswer answer = context.flows.top().ask(table, question, clock);
    return top_object(answer, question, context.flows.names(), clock);
}

} // namespace pc::daemon::methods
