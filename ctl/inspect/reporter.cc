// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/reporter.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace pc::inspect {

namespace {

using protocol::Json;

std::string text_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

uint64_t number_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

} // namespace

void Reporter::take(const Json& asked, uint64_t now_ms, const Ask& ask, const Say& say) {
    const std::string of = text_in(asked, "of");
    if (of == "lines") {
        notices_.listen();
        return;
    }
    if (of == "no lines") {
        notices_.stop_listening();
        return;
    }
    const Result<SeenQuestionPtr> question = question_in(asked);
    if (!question) {
        // Ignoring: whoever asked has a time-out.
        (void)say({{"answer", number_in(asked, "number")}, {"error", question.error().message}});
        return;
    }
    open_.insert_or_assign(
        question.value()->number,
        Open{question.value(),
             now_ms + patience_ms,
             0,
             protocol::InspectedRows(question.value()->order, question.value()->limit),
             {}});
    ask(question.value());
}

Result<SeenQuestionPtr> Reporter::question_in(const Json& asked) const {
    if (open_.size() >= questions_max) {
        return Error{EBUSY, "the inspector is asked too much at once"};
    }
    SeenQuestion question;
    question.number = number_in(asked, "number");
    question.limit = std::min<uint64_t>(number_in(asked, "limit"), rows_max);
    const std::string of = text_in(asked, "of");
    if (of == "names") {
        question.of = SeenQuestion::Of::names;
        question.by = text_in(asked, "by") == "bytes" ? protocol::NameOrder::bytes
                                                      : protocol::NameOrder::flows;
    } else if (of == "flows") {
        const auto filter = asked.find("filter");
        question.filter =
            TRY(protocol::inspected_filter(filter != asked.end() ? *filter : Json::object()));
        question.order = TRY(protocol::inspected_order(text_in(asked, "sort")));
    } else {
        return Error{EINVAL, "the inspector is asked for '" + of + "', which it does not know"};
    }
    return std::make_shared<const SeenQuestion>(std::move(question));
}

void Reporter::tick(uint64_t now_ms, const Say& say) {
    Notices::Taken taken = notices_.take();
    for (SeenPart& part : taken.parts) {
        add(std::move(part));
    }
    // Before an answer that counts on it: what the daemon shows of flows that were let go is what
    // it was told.
    tell(std::move(taken), say);
    for (auto each = open_.begin(); each != open_.end();) {
        Open& open = each->second;
        if (open.answered < workers_ && now_ms < open.deadline_ms) {
            ++each;
            continue;
        }
        (void)say(answer_of(open)); // ignoring: whoever asked has a time-out
        each = open_.erase(each);
    }
}

void Reporter::add(SeenPart part) {
    const auto found = open_.find(part.number);
    if (found == open_.end()) {
        return; // it came too late
    }
    Open& open = found->second;
    ++open.answered;
    open.rows.add_count(part.matched - part.flows.size());
    for (protocol::InspectedFlow& flow : part.flows) {
        open.rows.add(std::move(flow));
    }
    open.names.add(part.names);
}

Json Reporter::answer_of(Open& open) const {
    Json answer{{"answer", open.question->number},
                {"workers", {{"of", workers_}, {"answered", open.answered}}}};
    switch (open.question->of) {
    case SeenQuestion::Of::flows:
        answer["matched"] = open.rows.added();
        answer["flows"] = Json::array();
        for (const protocol::InspectedFlow& flow : open.rows.take()) {
            answer["flows"].push_back(protocol::inspected_object(flow));
        }
        break;
    case SeenQuestion::Of::names:
        open.names.keep(open.question->by, 2 * protocol::TopNames::places);
        answer["names"] = protocol::names_object(open.names);
        break;
    }
    return answer;
}

void Reporter::tell(Notices::Taken taken, const Say& say) {
    lost_ += taken.lost;
    if (taken.judged.empty() && taken.lines.empty() && lost_ == 0) {
        return;
    }
    Json judged = Json::array();
    for (const protocol::InspectedFlow& flow : taken.judged) {
        judged.push_back(protocol::inspected_object(flow));
    }
    const size_t lines = taken.lines.size();
    if (say({{"judged", std::move(judged)}, {"lines", std::move(taken.lines)}, {"lost", lost_}})) {
        lost_ = 0;
    } else {
        lost_ += lines;
    }
}

void Reporter::forget() {
    open_.clear();
    lost_ = 0;
    notices_.stop_listening();
}

} // namespace pc::inspect
