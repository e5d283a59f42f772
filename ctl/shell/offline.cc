// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/offline.h"

#include "ctl/files/files.h"
#include "ctl/shell/candidate.h"
#include "ctl/shell/progress_line.h"
#include "rules/explain.h"

namespace pc::shell {
namespace {

// The packet's words, without a `candidate` at their end.
struct Asked {
    std::vector<std::string> words;
    bool about_candidate = false;
};

Asked asked_by(const Call& call) {
    Asked asked{call.rest_words(), false};
    if (asked.words.size() > 1 && asked.words.back() == "candidate") {
        asked.words.pop_back();
        asked.about_candidate = true;
    }
    return asked;
}

void print_answer(Output& out, const Json& fields) {
    const std::string text = text_at(fields, "text");
    out.text(printable(text) + (text.empty() || text.ends_with('\n') ? "" : "\n"));
}

std::string verdict_line(const Json& fields) {
    std::string verdict = text_at(fields, "verdict");
    for (char& c : verdict) {
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return verdict + " by " + text_at(fields, "rule", "default");
}

// Against the candidate; and against what is live, when that decides differently.
int explain_both(Session& session, const std::vector<std::string>& words) {
    const Answer now = session.client().call("Explain", {{"words", words}});
    if (!now.ok()) {
        return session.fail(now);
    }
    const Answer then = session.client().call(
        "Explain", {{"words", words}, {"files", to_json(session.candidate()->files)}});
    if (!then.ok()) {
        return session.fail(then);
    }
    const std::string live = verdict_line(now.parameters);
    const std::string candidate = verdict_line(then.parameters);
    Output& out = session.out();
    out.json(
        {{"live", now.parameters}, {"candidate", then.parameters}, {"differs", live != candidate}});
    print_answer(out, then.parameters);
    if (live != candidate) {
        out.line(" live:      " + live);
        out.line(out.paint(" candidate: " + candidate + "      <-- changed by this commit",
                           Color::yellow));
    }
    return exit_done;
}

} // namespace

int check_file(Session& session, const Call& call) {
    const Result<SourceFile> file = files::read_file(call.get("file"));
    if (!file) {
        return session.fail(exit_config, file.error().message);
    }
    ProgressLine line(session.out());
    Checked checked = check_text(file.value(), files::reader(), line.of_this_program());
    compile_checked(checked, line.of_this_program());
    line.wipe();
    return print_checked(session, checked);
}

int explain_file(Session& session, const Call& call) {
    const Result<SourceFile> file = files::read_file(call.get("file"));
    if (!file) {
        return session.fail(exit_config, file.error().message);
    }
    const Checked checked = check_text(file.value(), files::reader());
    if (checked.diagnostics.has_errors()) {
        if (session.out().is_json()) {
            return print_checked(session, checked);
        }
        session.out().complain(
            printable(render(checked.diagnostics, checked.rules.files, "no packet was judged")));
        return exit_config;
    }
    const ParsedPacket parsed = parse_packet(call.rest_words(), checked.rules);
    if (parsed.diagnostics.has_errors()) {
        session.out().json(
            {{"error", "Usage"},
             {"diagnostics", diagnostics_as_json(parsed.diagnostics, {parsed.line})}});
        if (!session.out().is_json()) {
            session.out().complain(printable(render(parsed.diagnostics, {parsed.line}, "")));
        }
        return exit_usage;
    }
    const Environment environment = files::environment();
    const Meaning meaning = verdict_of(checked.rules, environment, parsed.packet);
    session.out().json(Json::parse(explain_json(meaning), nullptr, false));
    session.out().text(printable(explain_text(checked.rules, environment, parsed.packet, meaning)));
    return exit_done;
}

int explain_packet(Session& session, const Call& call) {
    const Asked asked = asked_by(call);
    if (session.candidate()) {
        return explain_both(session, asked.words);
    }
    if (asked.about_candidate) {
        return session.fail(exit_usage, "there is no candidate", "`configure` makes one");
    }
    const Answer answer = session.client().call("Explain", {{"words", asked.words}});
    if (!answer.ok()) {
        return session.fail(answer);
    }
    session.out().json(answer.parameters);
    print_answer(session.out(), answer.parameters);
    return exit_done;
}

} // namespace pc::shell
