// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/general.h"

#include <algorithm>

#include "ctl/shell/commands.h"
#include "ctl/shell/session.h"

namespace pc::shell {

int help(Session& session, const Call& call) {
    const std::vector<std::string> words = call.rest_words();
    const std::vector<const Command*> found = commands_of(grammar(), words, session.mode());
    if (found.empty()) {
        const Token& first = call.line.tokens[call.rest];
        return session.fail_at(exit_usage, call.line,
                               {first.begin, call.line.text.size(), "no command begins like this",
                                "`help` alone shows all"});
    }
    Json list = Json::array();
    size_t width = 0;
    for (const Command* command : found) {
        list.push_back({{"command", command->pattern}, {"help", command->help}});
        width = std::max(width, std::min<size_t>(command->pattern.size(), 44));
    }
    session.out().json({{"commands", std::move(list)}});
    for (const Command* command : found) {
        std::string line = "  " + std::string(command->pattern);
        line += command->pattern.size() > width ? "\n  " + std::string(width, ' ')
                                                : std::string(width - command->pattern.size(), ' ');
        session.out().line(line + "  " + std::string(command->help));
    }
    return exit_done;
}

int exit_mode(Session& session, const Call& /*call*/) {
    if (session.mode() == operational) {
        session.leave();
        return exit_done;
    }
    if (session.has_changes()) {
        if (session.out().is_json()) {
            return session.fail(exit_refused, std::string(cannot_exit));
        }
        session.out().complain(std::string(cannot_exit) + "\n");
        return exit_refused;
    }
    session.leave_configuration();
    return exit_done;
}

int top(Session& session, const Call& /*call*/) {
    session.out().json(Json::object());
    return exit_done;
}

int run_operational(Session& session, const Call& call) {
    const CommandLine line = without_first(call.line, call.rest);
    const Matched matched =
        match(grammar(), line, operational,
              session.options().abbreviates || session.origin().kind == Origin::Kind::terminal
                  ? Abbreviations::allowed
                  : Abbreviations::refused);
    if (!matched.call) {
        return session.fail_at(exit_usage, line, matched.mistake);
    }
    const std::string_view pattern = matched.call->command->pattern;
    if (pattern == "configure" || pattern == "exit" || pattern == "quit") {
        return session.fail(exit_usage, "you are in configuration mode", "`exit` leaves it");
    }
    return matched.call->command->run(session, *matched.call);
}

} // namespace pc::shell
