// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/live.h"

#include <chrono>
#include <ctime>

#include <fmt/format.h>

#include "ctl/files/files.h"
#include "ctl/shell/arguments.h"
#include "ctl/shell/candidate.h"
#include "ctl/shell/progress_line.h"
#include "ctl/shell/session.h"

namespace pc::shell {
namespace {

// None, and said so: host bits are set.
std::optional<std::string> checked_prefix(Session& session, const Call& call) {
    const ParsedPrefix parsed = parse_prefix(call.get("prefix"));
    if (parsed.error == PrefixError::none) {
        return to_string(parsed.prefix);
    }
    const Token& token = call.line.tokens[call.places.find("prefix")->second];
    const std::string address = token.text.substr(0, token.text.find('/'));
    (void)session.fail_at(
        exit_config, call.line, // ignoring: the caller knows the code
        {token.begin, token.end, token.text + " has host bits set",
         "the network is " + to_string(parsed.prefix) + "; the one host is " + address});
    return std::nullopt;
}

std::string folder_of(const std::string& path) {
    return path.substr(0, path.rfind('/') + 1);
}

// The daemon keeps the configuration in its own folder: what lies beside FILE is to lie beside the
// daemon's rule file.
std::vector<SourceFile> moved(std::vector<SourceFile> files, const std::string& config_path) {
    const std::string from = folder_of(files.front().path);
    for (SourceFile& file : files) {
        if (file.path.starts_with(from) && !(from.empty() && file.path.starts_with('/'))) {
            file.path = folder_of(config_path) + file.path.substr(from.size());
        }
    }
    files.front().path = config_path;
    return files;
}

std::string until_words(const Json& answer) {
    const std::optional<int64_t> until = parse_time(text_at(answer, "until"));
    constexpr int64_t day_s = 86400;
    if (!until) {
        return "for good";
    }
    return "until " +
           (*until - std::time(nullptr) < day_s ? format_clock(*until) : format_time(*until));
}

std::string entries_words(const Json& answer) {
    const uint64_t entries = number_at(answer, "entries");
    return format_count(entries) + (entries == 1 ? " entry" : " entries");
}

std::string name_of(std::string set) {
    set.erase(0, set.starts_with('@') ? 1 : 0);
    return set;
}

} // namespace

int block(Session& session, const Call& call) {
    const std::optional<std::string> prefix = checked_prefix(session, call);
    if (!prefix) {
        return exit_config;
    }
    Json parameters{{"prefix", *prefix},
                    {"comment", call.get("text")},
                    {"force", call.has("force")},
                    {"session_address", session_address()},
                    {"who", who()}};
    if (call.has("for")) {
        parameters["ttl_s"] = parse_seconds(call.get("time"));
    }
    if (call.has("in")) {
        parameters["set"] = name_of(call.get("dynamic"));
    }
    const Answer answer = session.client().call("Block", parameters);
    if (!answer.ok()) {
        return session.fail(answer);
    }
    const Json& fields = answer.parameters;
    session.out().json(fields);
    const std::string set = text_at(fields, "set", blocks_set);
    session.out().line(printable(set == blocks_set
                                     ? fmt::format("blocked {} {} (set blocks, {})", *prefix,
                                                   until_words(fields), entries_words(fields))
                                     : fmt::format("added {} to set {} {} ({})", *prefix, set,
                                                   until_words(fields), entries_words(fields))));
    return exit_done;
}

int unblock(Session& session, const Call& call) {
    const std::optional<std::string> prefix = checked_prefix(session, call);
    if (!prefix) {
        return exit_config;
    }
    Json parameters{{"prefix", *prefix}, {"who", who()}};
    if (call.has("in")) {
        parameters["set"] = name_of(call.get("dynamic"));
    }
    const Answer answer = session.client().call("Unblock", parameters);
    if (!answer.ok()) {
        return session.fail(answer);
    }
    session.out().json(answer.parameters);
    std::string text = "removed " + *prefix;
    if (call.has("in")) {
        text += " from set " + text_at(answer.parameters, "set");
    }
    if (const std::string by = text_at(answer.parameters, "who"); !by.empty()) {
        text += "; was by " + by;
    }
    if (is_number_at(answer.parameters, "packets")) {
        text += fmt::format(", {} packets dropped",
                            format_count(number_at(answer.parameters, "packets")));
    }
    session.out().line(printable(text));
    return exit_done;
}

int clear_set(Session& session, const Call& call) {
    const Answer answer =
        session.client().call("ClearSet", {{"name", name_of(call.get("dynamic"))}, {"who", who()}});
    if (!answer.ok()) {
        return session.fail(answer);
    }
    session.out().json(answer.parameters);
    const uint64_t removed = number_at(answer.parameters, "removed");
    session.out().line(
        printable(fmt::format("set {} is empty; {} {} removed", text_at(answer.parameters, "set"),
                              format_count(removed), removed == 1 ? "entry" : "entries")));
    return exit_done;
}

int commit_file(Session& session, const Call& call) {
    const Result<SourceFile> file = files::read_file(call.get("file"));
    if (!file) {
        return session.fail(exit_config, file.error().message);
    }
    // What is wrong is said with the name that the operator gave.
    ProgressLine line(session.out());
    const Checked checked = check_text(file.value(), files::reader(), line.of_this_program());
    line.wipe();
    if (checked.diagnostics.has_errors()) {
        if (session.out().is_json()) {
            return print_checked(session, checked);
        }
        session.out().complain(
            printable(render(checked.diagnostics, checked.rules.files, "nothing was changed")));
        return exit_config;
    }
    const Answer status = session.client().call("GetStatus");
    if (!status.ok()) {
        return session.fail(status);
    }
    const std::string path = text_at(status.parameters, "config_path", file.value().path);
    return send_commit(session, moved(checked.rules.files, path), std::nullopt, call.get("text"));
}

int rollback_now(Session& session, const Call& call) {
    ProgressLine line(session.out());
    const Answer answer = session.client().call("Rollback",
                                                {{"revision", std::stoull(call.get("revision"))},
                                                 {"now", true},
                                                 {"who", who()},
                                                 {"via", via()}},
                                                commit_time_out, line.of_daemon());
    line.wipe();
    if (!answer.ok()) {
        return session.fail(answer);
    }
    session.out().json(answer.parameters);
    session.out().line(fmt::format("revision {} is live again, as revision {}",
                                   call.get("revision"), number_at(answer.parameters, "revision")));
    if (session.candidate()) {
        // What was being edited was made from something that is not live any more.
        session.leave_configuration();
        if (const Answer entered = session.enter_configuration(); !entered.ok()) {
            return session.fail(entered);
        }
    }
    return exit_done;
}

} // namespace pc::shell
