// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/shell.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <iterator>

#include <unistd.h>

#include "ctl/files/files.h"
#include "ctl/shell/commands.h"
#include "ctl/shell/complete.h"
#include "ctl/shell/line.h"

namespace pc::shell {
namespace {

Abbreviations scripted(const Session& session) {
    return session.options().abbreviates ? Abbreviations::allowed : Abbreviations::refused;
}

// What would be lost is said, once, at the end.
void warn_about_changes(Session& session) {
    if (session.has_changes()) {
        session.out().complain("warning: the candidate has changes that were not committed; "
                               "they are lost\n");
    }
}

int run_text(Session& session, const SourceFile& script) {
    uint32_t number = 0;
    size_t from = 0;
    while (from < script.text.size() && !session.is_leaving()) {
        const size_t end = std::min(script.text.find('\n', from), script.text.size());
        const CommandLine line = tokenize(script.text.substr(from, end - from));
        session.set_origin({Origin::Kind::script, script, ++number, 0});
        if (const int exit_code = run_line(session, line, scripted(session)); exit_code != 0) {
            session.out().complain(script.path + ":" + std::to_string(number) +
                                   ": stopped here: " + printable(line.text) + "\n");
            return exit_code;
        }
        from = end + 1;
    }
    return exit_done;
}

std::string prompt(const Session& session) {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) {
        host = {'?'};
    }
    std::string text = host.data();
    text.erase(std::min(text.find('.'), text.size()));
    if (session.mode() == operational) {
        return text + "> ";
    }
    return text + (session.has_changes() ? "#* " : "# ");
}

std::string history_file() {
    const char* state = std::getenv("XDG_STATE_HOME");
    if (state != nullptr && *state == '/') {
        return std::string(state) + "/portcullis/history";
    }
    const char* home = std::getenv("HOME");
    return home != nullptr && *home == '/' ? std::string(home) + "/.local/state/portcullis/history"
                                           : "";
}

std::vector<Choice> ask(const Session& session, const std::string& text) {
    const CommandLine line = tokenize(text);
    const Names names = session.names(line);
    return choices({grammar(), names, session.mode(), Abbreviations::allowed}, line);
}

LineHooks hooks(const Session& session) {
    LineHooks out;
    out.complete = [&session](const std::string& text) {
        std::vector<std::string> words;
        for (const Choice& choice : ask(session, text)) {
            if (!choice.is_hint) {
                words.push_back(choice.word);
            }
        }
        return words;
    };
    out.explain = [&session](const std::string& text) { return print_choices(ask(session, text)); };
    return out;
}

} // namespace

int run_words(Session& session) {
    std::vector<std::string> words = session.options().words;
    if (session.options().help) {
        words.insert(words.begin(), "help");
    }
    return run_line(session, command_line(words), scripted(session));
}

int run_scripts(Session& session) {
    // -c commands are the lines of one text, "<cli>".
    SourceFile typed{"<cli>", ""};
    for (const Script& script : session.options().scripts) {
        typed.text += script.is_file ? "" : script.text + "\n";
    }
    int exit_code = exit_done;
    uint32_t number = 0;
    for (const Script& script : session.options().scripts) {
        if (exit_code != exit_done || session.is_leaving()) {
            break;
        }
        if (!script.is_file) {
            session.set_origin({Origin::Kind::script, typed, ++number, 0});
            exit_code = run_line(session, tokenize(script.text), scripted(session));
            continue;
        }
        const Result<SourceFile> file = files::read_file(script.text);
        exit_code =
            file ? run_text(session, file.value()) : session.fail(exit_usage, file.error().message);
    }
    if (exit_code == exit_done) {
        warn_about_changes(session);
    }
    session.out().flush();
    return exit_code;
}

int run_input(Session& session) {
    const std::string text(std::istreambuf_iterator<char>(std::cin), {});
    const int exit_code = run_text(session, {"<stdin>", text});
    if (exit_code == exit_done) {
        warn_about_changes(session);
    }
    session.out().flush();
    return exit_code;
}

int run_terminal(Session& session) {
    start_lines(hooks(session), history_file());
    int exit_code = exit_done;
    while (!session.is_leaving()) {
        const std::string text = prompt(session);
        const std::optional<std::string> line = read_line(text);
        if (line) {
            session.set_origin({Origin::Kind::terminal, {"<cli>", ""}, 1, width_of(text)});
            exit_code = run_line(session, tokenize(*line), Abbreviations::allowed);
        } else if (session.has_changes() && ::isatty(STDIN_FILENO) == 1 && !was_ended()) {
            session.out().complain("\n" + std::string(cannot_exit) + "\n");
        } else {
            session.out().complain("\n");
            break;
        }
    }
    end_lines();
    return exit_code;
}

int print_completions(Session& session) {
    const std::vector<std::string>& words = session.options().words;
    const std::string line = words.size() > 1 ? words.back() : "";
    const CommandLine tokens = tokenize(line);
    const Names names = session.names(tokens);
    for (const Choice& choice :
         choices({grammar(), names, operational, Abbreviations::refused}, tokens)) {
        if (!choice.is_hint) {
            session.out().line(choice.word);
        } else if (choice.word == "<file>") {
            session.out().line("<file>");
        }
    }
    session.out().flush();
    return exit_done;
}

} // namespace pc::shell
