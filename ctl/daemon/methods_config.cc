// SPDX-License-Identifier: GPL-3.0-or-later
// The configuration: read it, check it, commit it, go back.
#include <cerrno>

#include "ctl/daemon/methods.h"
#include "ctl/daemon/parameters.h"
#include "ctl/protocol/cost.h"
#include "rules/print.h"

namespace pc::daemon::methods {
namespace {

constexpr size_t revisions_shown_max = 200;

Json diagnostics_as_json(const Candidate& candidate) {
    Json list = Json::array();
    for (const Diagnostic& diagnostic : candidate.diagnostics.list) {
        const Location& at = diagnostic.at;
        const auto& files = candidate.rules.files;
        Json notes = Json::array();
        for (const Note& note : diagnostic.notes) {
            notes.push_back(note.text);
        }
        list.push_back({{"severity", diagnostic.severity == Severity::error ? "error" : "warning"},
                        {"code", diagnostic.code},
                        {"file", at.file < files.size() ? files[at.file].path : ""},
                        {"line", at.line},
                        {"col", at.col},
                        {"end_line", at.end_line},
                        {"end_col", at.end_col},
                        {"message", diagnostic.message},
                        {"notes", std::move(notes)},
                        {"help", diagnostic.help}});
    }
    return list;
}

Answer answer_of(const CommitAnswer& commit) {
    switch (commit.outcome) {
    case CommitAnswer::Outcome::config:
        return Error{err_config, commit.text};
    case CommitAnswer::Outcome::refused:
        return Error{EPERM, commit.text};
    case CommitAnswer::Outcome::failed:
        return Error{EIO, commit.text};
    case CommitAnswer::Outcome::done:
    case CommitAnswer::Outcome::unchanged:
        break;
    }
    Json answer{
        {"revision", commit.revision}, {"text", commit.text}, {"warnings", commit.warnings}};
    if (commit.outcome == CommitAnswer::Outcome::unchanged) {
        answer["unchanged"] = true;
    }
    if (commit.cost) {
        answer["cost"] = protocol::cost_as_json(*commit.cost);
    }
    return answer;
}

Result<Revision> revision_of(const Context& context, std::optional<uint64_t> number) {
    const Running& running = context.firewall.running();
    if (!number || *number == running.revision.number) {
        return running.revision;
    }
    const auto revision = context.firewall.revisions().load(*number);
    if (!revision) {
        return Error{ENOENT, "there is no revision " + std::to_string(*number)};
    }
    return revision;
}

// How the one who asks came here, in their own words: for people who read `show commits`, not for
// decisions.
Result<std::string> via_parameter(const Parameters& parameters) {
    const std::string via = TRY(text_parameter(parameters, "via"));
    return via.empty() ? "socket" : via.substr(0, 16);
}

} // namespace

Answer get_config(const Context& context, const Parameters& parameters) {
    const auto number = TRY(number_parameter(parameters, "revision"));
    const Revision revision = TRY(revision_of(context, number));
    return Json{{"revision", revision.number}, {"files", files_as_json(revision.files)}};
}

Answer get_revisions(const Context& context, const Parameters&) {
    const Revisions& revisions = context.firewall.revisions();
    const uint64_t running = context.firewall.running().revision.number;
    Json list = Json::array();
    for (const uint64_t number : revisions.numbers()) {
        const auto revision = revisions.load(number);
        if (!revision || list.size() == revisions_shown_max) {
            continue;
        }
        list.push_back({{"revision", number},
                        {"time", revision.value().time},
                        {"who", revision.value().who},
                        {"via", revision.value().via},
                        {"comment", revision.value().comment},
                        {"live", number == running}});
    }
    return Json{{"revisions", std::move(list)}, {"revision", running}};
}

// Of all address lists.
size_t ranges_in(const Plan& plan) {
    size_t ranges = 0;
    for (const PlanList& list : plan.lists) {
        ranges += list.addresses.v4.size() + list.addresses.v6.size();
    }
    return ranges;
}

Answer check(const Context& context, const Parameters& parameters) {
    const auto files = TRY(files_parameter(parameters, "files"));
    if (!files || files->empty()) {
        return Error{EINVAL, "parameter \"files\" is missing"};
    }
    const Candidate candidate = context.firewall.check(*files, context.progress);
    Json answer{{"ok", candidate.ok()},
                {"diagnostics", diagnostics_as_json(candidate)},
                {"text", candidate.text}};
    if (candidate.cost) {
        answer["cost"] = protocol::cost_as_json(*candidate.cost);
    }
    if (candidate.ok()) {
        answer["rules"] = candidate.rules.rules.size();
        answer["sets"] = candidate.rules.sets.size();
        answer["prefixes"] = ranges_in(*candidate.plan);
        answer["compare"] = compare(context.firewall.running().rules, candidate.rules);
    }
    return answer;
}

Answer commit(const Context& context, const Parameters& parameters) {
    const auto files = TRY(files_parameter(parameters, "files"));
    if (!files || files->empty()) {
        return Error{EINVAL, "parameter \"files\" is missing"};
    }
    return answer_of(context.firewall.commit(
        {*files, TRY(number_parameter(parameters, "base_revision")),
         TRY(text_parameter(parameters, "comment")), TRY(text_parameter(parameters, "who")),
         TRY(via_parameter(parameters)), context.progress}));
}

Answer rollback(const Context& context, const Parameters& parameters) {
    const auto number = TRY(number_parameter(parameters, "revision"));
    if (!number) {
        return Error{EINVAL, "parameter \"revision\" is missing"};
    }
    const Revision revision = TRY(revision_of(context, number));
    const std::string comment = TRY(text_parameter(parameters, "comment"));
    if (TRY(flag_parameter(parameters, "now"))) {
        return answer_of(context.firewall.commit(
            {revision.files, std::nullopt,
             comment.empty() ? "rollback to " + std::to_string(*number) : comment,
             TRY(text_parameter(parameters, "who")), TRY(via_parameter(parameters)),
             context.progress}));
    }
    return Json{{"revision", revision.number}, {"files", files_as_json(revision.files)}};
}

} // namespace pc::daemon::methods
