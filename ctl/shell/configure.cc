// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/configure.h"

#include <fmt/format.h>

#include "ctl/files/files.h"
#include "ctl/shell/candidate.h"
#include "ctl/shell/progress_line.h"
#include "rules/edit.h"

namespace pc::shell {
namespace {

using EditFunction = Edited (*)(const std::vector<SourceFile>&, std::span<const std::string>,
                                const ReadFiles&);

int edit(Session& session, const Call& call, EditFunction function, size_t first) {
    const std::vector<std::string> all = call.line.words();
    const std::span<const std::string> words = std::span(all).subspan(first);
    const std::vector<SourceFile>& files = session.candidate()->files;
    Edited edited = function(files, words, files::reader(files));
    if (edited.refused) {
        const Refusal& refused = *edited.refused;
        Mistake mistake{call.line.text.size(), call.line.text.size(), refused.message,
                        refused.help};
        if (first + refused.word < call.line.tokens.size()) {
            const Token& token = call.line.tokens[first + refused.word];
            mistake.begin = token.begin;
            mistake.end = token.end;
            if (refused.length > 0 && !token.is_quoted) {
                mistake.begin += refused.offset;
                mistake.end = mistake.begin + refused.length;
            }
        }
        return session.fail_at(exit_config, call.line, mistake);
    }
    const bool changed = edited.files != files;
    session.set_candidate(std::move(edited.files));
    session.out().json({{"changed", changed}, {"summary", edited.summary}});
    if (!edited.summary.empty()) {
        session.out().line(printable(edited.summary));
    }
    return exit_done;
}

std::string plural(size_t number) {
    return fmt::format("{} difference{}", number, number == 1 ? "" : "s");
}

} // namespace

int configure(Session& session, const Call& /*call*/) {
    const Answer answer = session.enter_configuration();
    if (!answer.ok()) {
        return session.fail(answer);
    }
    if (session.origin().kind == Origin::Kind::terminal) {
        session.out().line("Entering configuration mode. `commit` makes the candidate live.");
    }
    session.out().json({{"revision", session.candidate()->revision}});
    return exit_done;
}

int set(Session& session, const Call& call) {
    return edit(session, call, edit_set, 1);
}

int add(Session& session, const Call& call) {
    return edit(session, call, edit_add, 1);
}

int remove(Session& session, const Call& call) {
    return edit(session, call, edit_delete, 1);
}

int insert(Session& session, const Call& call) {
    return edit(session, call, edit_insert, 1);
}

int show_candidate(Session& session, const Call& /*call*/) {
    const std::vector<SourceFile>& files = session.candidate()->files;
    session.out().json({{"files", to_json(files)}, {"changed", session.has_changes()}});
    for (const SourceFile& file : files) {
        session.out().line("# " + file.path);
        session.out().text(file.text + (file.text.ends_with('\n') ? "" : "\n"));
    }
    return exit_done;
}

int compare(Session& session, const Call& call) {
    std::optional<uint64_t> wanted;
    if (call.has("revision")) {
        wanted = std::stoull(call.get("revision"));
    }
    if (session.candidate() && !wanted) {
        print_difference(session.out(),
                         difference(session.candidate()->live, session.candidate()->files));
        return exit_done;
    }
    const Session::Fetched live = session.fetch(std::nullopt);
    if (!live.answer.ok()) {
        return session.fail(live.answer);
    }
    if (!wanted) {
        // What the last commit has changed.
        if (live.revision <= 1) {
            session.out().line("there is no older revision");
            session.out().json({{"changes", Json::array()}});
            return exit_done;
        }
        wanted = live.revision - 1;
        session.out().line(fmt::format("revision {} to {}:", *wanted, live.revision));
    }
    const Session::Fetched old = session.fetch(wanted);
    if (!old.answer.ok()) {
        return session.fail(old.answer);
    }
    const std::vector<SourceFile>& now =
        session.candidate() ? session.candidate()->files : live.files;
    print_difference(session.out(), difference(old.files, now));
    return exit_done;
}

int check_candidate(Session& session, const Call& /*call*/) {
    const std::vector<SourceFile>& files = session.candidate()->files;
    ProgressLine line(session.out());
    Checked checked = check_text(files.front(), files::reader(files), line.of_this_program());
    compile_checked(checked, line.of_this_program());
    line.wipe();
    return print_checked(session, checked);
}

int commit(Session& session, const Call& call) {
    const Candidate& candidate = *session.candidate();
    if (!candidate.is_changed()) {
        session.out().line("no changes to commit");
        session.out().json({{"revision", candidate.revision}, {"unchanged", true}});
        return exit_done;
    }
    uint64_t revision = 0;
    const int exit_code =
        send_commit(session, candidate.files, candidate.revision, call.get("text"), &revision);
    if (exit_code == exit_done) {
        session.set_live(revision);
    }
    return exit_code;
}

int commit_check(Session& session, const Call& /*call*/) {
    ProgressLine line(session.out());
    const Answer answer =
        session.client().call("Check", {{"files", to_json(session.candidate()->files)}},
                              commit_time_out, line.of_daemon());
    line.wipe();
    if (!answer.ok()) {
        return session.fail(answer);
    }
    const Json& fields = answer.parameters;
    session.out().json(fields);
    const std::string text = text_at(fields, "text");
    if (!text.empty()) {
        session.out().text(printable(text) + (text.ends_with('\n') ? "" : "\n"));
    }
    if (flag_at(fields, "ok")) {
        session.out().line("ok");
        print_cost(session.out(), fields);
    }
    return flag_at(fields, "ok") ? exit_done : exit_config;
}

int rollback(Session& session, const Call& call) {
    const Session::Fetched old = session.fetch(std::stoull(call.get("revision")));
    if (!old.answer.ok()) {
        return session.fail(old.answer);
    }
    if (session.origin().kind == Origin::Kind::words) {
        // The candidate would end with this process.
        const Session::Fetched live = session.fetch(std::nullopt);
        if (!live.answer.ok()) {
            return session.fail(live.answer);
        }
        print_difference(session.out(), difference(live.files, old.files));
        session.out().line("nothing was changed; `rollback " + call.get("revision") +
                           " now` makes it live");
        return exit_done;
    }
    const Answer entered = session.enter_configuration();
    if (!entered.ok()) {
        return session.fail(entered);
    }
    session.set_candidate(old.files);
    const Difference changes = difference(session.candidate()->live, old.files);
    print_difference(session.out(), changes);
    session.out().line(fmt::format("candidate = revision {} ({} from live). commit to apply.",
                                   call.get("revision"), plural(changes.lines.size())));
    return exit_done;
}

int discard(Session& session, const Call& /*call*/) {
    const bool had_changes = session.has_changes();
    session.leave_configuration();
    const Answer answer = session.enter_configuration();
    if (!answer.ok()) {
        return session.fail(answer);
    }
    session.out().line(had_changes ? "changes discarded" : "there were no changes");
    session.out().json({{"discarded", had_changes}});
    return exit_done;
}

int exit_discard(Session& session, const Call& /*call*/) {
    session.leave_configuration();
    return exit_done;
}

} // namespace pc::shell
