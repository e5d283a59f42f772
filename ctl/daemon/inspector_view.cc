// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/inspector_view.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace pc::daemon {
namespace {

constexpr uint64_t flows_default = 100;
constexpr uint64_t flows_most = 10000;
constexpr uint64_t names_default = 10;
constexpr uint64_t names_most = 1000;

constexpr const char* not_connected = "portcullis-inspect is not connected to the daemon";

const Json& part(const Json& object, const char* key) {
    static const Json none;
    const auto found = object.find(key);
    return found == object.end() ? none : *found;
}

uint64_t number(const Json& value) {
    return value.is_number_unsigned() ? value.get<uint64_t>() : 0;
}

Json answer_of(Result<Json> answer) {
    if (!answer) {
        const bool is_usage = answer.error().err == EINVAL;
        return protocol::make_error(is_usage ? "Usage" : "Failed", answer.error().message);
    }
    return Json{{"parameters", answer.take()}};
}

} // namespace

bool InspectorView::answers(std::string_view method) {
    return method == "ShowInspectFlows" || method == "TopNames";
}

Result<InspectorView::Open> InspectorView::question_in(const protocol::Request& request) const {
    Open open;
    const Json& parameters = request.parameters;
    const auto limit = TRY(number_parameter(parameters, "limit"));
    if (request.method == "TopNames") {
        open.kind = Kind::names;
        open.limit = std::min(limit.value_or(names_default), names_most);
        const std::string by = TRY(text_parameter(parameters, "by"));
        if (by != "" && by != "flows" && by != "bytes") {
            return Error{EINVAL, "there is no top of names by '" + by + "'"};
        }
        open.by = by == "bytes" ? protocol::NameOrder::bytes : protocol::NameOrder::flows;
        return open;
    }
    const Json& filter = part(parameters, "filter");
    if (!filter.is_null() && !filter.is_object()) {
        return Error{EINVAL, "parameter \"filter\" is not an object"};
    }
    open.filter = TRY(protocol::inspected_filter(filter.is_null() ? Json::object() : filter));
    open.order = TRY(protocol::inspected_order(TRY(text_parameter(parameters, "sort"))));
    open.limit = std::min(limit.value_or(flows_default), flows_most);
    return open;
}

Json InspectorView::begin(const protocol::Request& request, uint64_t caller) {
    auto asked = question_in(request);
    if (!asked) {
        return answer_of(asked.error());
    }
    Open open = asked.take();
    open.caller = caller;
    if (open_.size() >= questions_max) {
        return answer_of(Error{EBUSY, "too many ask for the inspector's flows at once"});
    }
    const uint64_t number = ++last_number_;
    const bool of_names = open.kind == Kind::names;
    Json question{{"number", number}, {"limit", open.limit}, {"of", of_names ? "names" : "flows"}};
    if (of_names) {
        question["by"] = open.by == protocol::NameOrder::bytes ? "bytes" : "flows";
    } else {
        question["filter"] = part(request.parameters, "filter");
        question["sort"] = open.order == protocol::InspectedOrder::age ? "age" : "bytes";
    }
    if (!ways_.ask(question)) {
        return answer_of(of_names ? names_answer(open, {{"error", not_connected}})
                                  : flows_answer(open, {{"error", not_connected}}));
    }
    open_.emplace(number, std::move(open));
    return {};
}

void InspectorView::hear(const Json& words) {
    for (const Json& object : part(words, "judged")) {
        if (auto flow = protocol::inspected_in(object)) {
            flows_.judged().add(flow.take());
        }
    }
    if (const Json& lines = part(words, "lines"); lines.is_array() && monitors_ > 0) {
        std::vector<std::string> texts;
        for (const Json& line : lines) {
            texts.push_back(line.is_string() ? line.get<std::string>() : line.dump());
        }
        ways_.tell_lines(texts, number(part(words, "lost")));
    }
    const auto found = open_.find(number(part(words, "answer")));
    if (found != open_.end()) {
        const Open open = std::move(found->second);
        open_.erase(found);
        finish(open, words);
    }
}

void InspectorView::finish(const Open& open, const Json& words) {
    ways_.answer(open.caller, answer_of(open.kind == Kind::names ? names_answer(open, words)
                                                                 : flows_answer(open, words)));
}

// Without the inspector, what it let go is still known.
Result<Json> InspectorView::flows_answer(const Open& open, const Json& words) {
    protocol::InspectedRows rows(open.order, open.limit);
    const Json& theirs = part(words, "flows");
    for (const Json& object : theirs) {
        if (auto flow = protocol::inspected_in(object)) {
            rows.add(flow.take());
        }
    }
    rows.add_count(number(part(words, "matched")) -
                   std::min(number(part(words, "matched")), uint64_t{rows.added()}));
    const FlowTable& table = *TRY(flows_.table());
    const FlowClock clock = TRY(flows_.clock());
    const FlowNames& names = flows_.names();
    table.each(clock.now, [&](const SeenFlow& seen) {
        if (is_judged(seen.entry)) {
            protocol::InspectedFlow flow =
                flows_.judged().look(seen.entry, clock.age_s(seen.entry.created));
            const auto rule = names.rules.find(PC_DECISION_RULE(seen.entry.decision));
            flow.rule = rule != names.rules.end() ? rule->second : flow.rule;
            if (open.filter.fits(flow)) {
                rows.add(std::move(flow));
            }
        }
        return true;
    });
    Json list = Json::array();
    const uint64_t matched = rows.added();
    for (const protocol::InspectedFlow& flow : rows.take()) {
        list.push_back(protocol::inspected_object(flow));
    }
    return Json{
        {"flows", std::move(list)},
        {"matched", matched},
        {"inspector", {{"workers", part(words, "workers")}, {"error", part(words, "error")}}}};
}

// Flows are counted by the inspector, bytes by whoever knows them.
Result<Json> InspectorView::names_answer(const Open& open, const Json& words) {
    if (const Json& error = part(words, "error"); error.is_string()) {
        return Error{ENOTCONN, error.get<std::string>()};
    }
    protocol::NameCounts names = protocol::names_in(part(words, "names"));
    names.add(flows_.judged().names().counts(protocol::NameOrder::bytes));
    const FlowTable& table = *TRY(flows_.table());
    const FlowClock clock = TRY(flows_.clock());
    std::map<std::string, protocol::NameTally> live;
    table.each(clock.now, [&](const SeenFlow& seen) {
        if (is_judged(seen.entry)) {
            const protocol::InspectedFlow flow = flows_.judged().look(seen.entry, 0);
            live[flow.name].add(
                {.bytes_to_server = flow.bytes_sent, .bytes_to_client = flow.bytes_received});
        }
        return true;
    });
    protocol::NameCounts more;
    for (const auto& [name, tally] : live) {
        more.rows.push_back({name, tally, 0});
        more.total.add(tally);
    }
    names.add(more);
    names.keep(open.by, open.limit);
    Json answer = protocol::names_object(names);
    answer["by"] = open.by == protocol::NameOrder::bytes ? "bytes" : "flows";
    answer["minutes"] = 2 * protocol::TopNames::turn_ms / 60000;
    answer["workers"] = part(words, "workers");
    return answer;
}

void InspectorView::inspector_came() {
    if (monitors_ > 0) {
        (void)ways_.ask({{"of", "lines"}}); // ignoring: it has just come
        ways_.tell_note("portcullis-inspect is connected");
    }
}

void InspectorView::inspector_gone() {
    fail_all("portcullis-inspect has gone while it was asked");
    ways_.tell_note("portcullis-inspect has gone");
}

void InspectorView::monitors_changed(size_t count) {
    const bool had_any = std::exchange(monitors_, count) > 0;
    if (had_any != (count > 0) && !ways_.ask({{"of", count > 0 ? "lines" : "no lines"}}) &&
        count > 0) {
        ways_.tell_note(std::string(not_connected) + "; its flows are shown once it is");
    }
}

void InspectorView::tick() {
    std::vector<Open> late;
    for (auto each = open_.begin(); each != open_.end();) {
        if (--each->second.ticks_left > 0) {
            ++each;
            continue;
        }
        late.push_back(each->second);
        each = open_.erase(each);
    }
    for (const Open& open : late) {
        finish(open, {{"error", "portcullis-inspect does not answer"}});
    }
}

void InspectorView::fail_all(const std::string& why) {
    const std::map<uint64_t, Open> open = std::exchange(open_, {});
    for (const auto& [number, each] : open) {
        finish(each, {{"error", why}});
    }
}

} // namespace pc::daemon
