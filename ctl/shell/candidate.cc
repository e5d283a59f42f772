// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/candidate.h"

#include <algorithm>

#include <fmt/format.h>

#include "ctl/files/files.h"
#include "ctl/protocol/cost.h"
#include "ctl/shell/progress_line.h"
#include "rules/print.h"

namespace pc::shell {
namespace {

RuleSet rules_of(const std::vector<SourceFile>& files) {
    return files.empty() ? RuleSet{} : parse(files.front(), files::reader(files)).rules;
}

std::string_view word_of(Severity severity) {
    return severity == Severity::error ? "error" : "warning";
}

size_t count(const Diagnostics& diagnostics, Severity severity) {
    return static_cast<size_t>(
        std::count_if(diagnostics.list.begin(), diagnostics.list.end(),
                      [&](const Diagnostic& each) { return each.severity == severity; }));
}

std::string amount(size_t number, std::string_view word) {
    return fmt::format("{} {}{}", number, word, number == 1 ? "" : "s");
}

} // namespace

Difference difference(const std::vector<SourceFile>& before, const std::vector<SourceFile>& after) {
    return {pc::compare(rules_of(before), rules_of(after)), before != after};
}

void print_difference(Output& out, const Difference& difference) {
    out.json({{"changes", difference.lines}, {"text_differs", difference.text_differs}});
    for (const std::string& line : difference.lines) {
        const Color color = line.starts_with('+')   ? Color::green
                            : line.starts_with('-') ? Color::red
                            : line.starts_with('>') ? Color::yellow
                                                    : Color::none;
        out.line(out.paint(printable(line), color));
    }
    if (difference.lines.empty()) {
        out.line(difference.text_differs ? "only comments or layout differ" : "no differences");
    }
}

Checked check_text(const SourceFile& main, const ReadFiles& read, const Progress& progress) {
    Parsed parsed = parse(main, read, progress);
    Checked checked{std::move(parsed.rules), std::move(parsed.diagnostics)};
    if (checked.rules.files.empty()) {
        checked.rules.files.push_back(main);
    }
    pc::check(checked.rules, files::environment(), checked.diagnostics, progress);
    sort(checked.diagnostics);
    return checked;
}

void compile_checked(Checked& checked, const Progress& progress) {
    if (checked.diagnostics.has_errors()) {
        return;
    }
    tell_progress(progress, Phase::compiling, 0, checked.rules.rules.size());
    const auto plan = compile(checked.rules, files::environment(), {});
    const auto cost = plan ? cost_of_new(plan.value(), checked.rules.safety.lookup_budget)
                           : Result<ClassifierCost>(plan.error());
    if (!cost) {
        checked.diagnostics.add({Severity::error, "E070", {}, cost.error().message, {}, {}});
        return;
    }
    checked.cost = cost.value();
    if (auto error = over_budget(cost.value(), checked.rules, plan.value())) {
        checked.diagnostics.add(std::move(*error));
        sort(checked.diagnostics);
    }
}

int print_checked(Session& session, const Checked& checked) {
    const size_t errors = count(checked.diagnostics, Severity::error);
    const size_t warnings = count(checked.diagnostics, Severity::warning);
    Output& out = session.out();
    Json fields{{"ok", errors == 0},
                {"errors", errors},
                {"warnings", warnings},
                {"truncated", checked.diagnostics.truncated},
                {"rules", checked.rules.rules.size()},
                {"sets", checked.rules.sets.size()},
                {"zones", checked.rules.zones.size()},
                {"diagnostics", diagnostics_as_json(checked.diagnostics, checked.rules.files)}};
    if (checked.cost) {
        fields["cost"] = protocol::cost_as_json(*checked.cost);
    }
    out.json(fields);
    if (!checked.diagnostics.list.empty()) {
        std::string text = printable(render(checked.diagnostics, checked.rules.files, ""));
        out.text(text.ends_with('\n') ? text : text + "\n");
    }
    if (errors == 0) {
        out.line(fmt::format("ok: {}, {}, {}", amount(checked.rules.rules.size(), "rule"),
                             amount(checked.rules.sets.size(), "set"),
                             amount(checked.rules.zones.size(), "zone")));
    }
    if (errors == 0 && checked.cost) {
        out.line(to_string(*checked.cost));
    }
    return errors == 0 ? exit_done : exit_config;
}

Json diagnostics_as_json(const Diagnostics& diagnostics, const std::vector<SourceFile>& files) {
    Json list = Json::array();
    for (const Diagnostic& each : diagnostics.list) {
        Json notes = Json::array();
        for (const Note& note : each.notes) {
            notes.push_back(note.text);
        }
        list.push_back({{"code", each.code},
                        {"severity", word_of(each.severity)},
                        {"file", each.at.file < files.size() ? files[each.at.file].path : ""},
                        {"line", each.at.line},
                        {"col", each.at.col},
                        {"end_line", each.at.end_line},
                        {"end_col", each.at.end_col},
                        {"message", each.message},
                        {"notes", std::move(notes)},
                        {"help", each.help}});
    }
    return list;
}

void print_cost(Output& out, const Json& answer) {
    if (const std::string text = text_at(at(answer, "cost"), "text"); !text.empty()) {
        out.line(printable(text));
    }
}

int send_commit(Session& session, const std::vector<SourceFile>& files,
                std::optional<uint64_t> base, const std::string& comment, uint64_t* live) {
    Json parameters{
        {"files", to_json(files)}, {"comment", comment}, {"who", who()}, {"via", via()}};
    if (base) {
        parameters["base_revision"] = *base;
    }
    ProgressLine line(session.out());
    const Answer answer =
        session.client().call("Commit", parameters, commit_time_out, line.of_daemon());
    line.wipe();
    if (!answer.ok()) {
        return session.fail(answer);
    }
    Output& out = session.out();
    out.json(answer.parameters);
    std::string text = text_at(answer.parameters, "text");
    const uint64_t revision = number_at(answer.parameters, "revision");
    if (!text.empty()) {
        out.text(printable(text) + (text.ends_with('\n') ? "" : "\n"));
    }
    if (flag_at(answer.parameters, "unchanged")) {
        out.line("unchanged");
    } else {
        out.line(fmt::format("commit {} is live", revision));
    }
    print_cost(out, answer.parameters);
    if (live != nullptr) {
        *live = revision;
    }
    return exit_done;
}

} // namespace pc::shell
