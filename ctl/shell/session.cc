// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/session.h"

#include <algorithm>
#include <cstdlib>

#include <net/if.h>
#include <pwd.h>
#include <unistd.h>

#include "ctl/files/files.h"
#include "ctl/shell/commands.h"
#include "ctl/shell/line.h"

namespace pc::shell {
namespace {

std::string_view word_for(const std::string& error) {
    if (error == "Refused") {
        return "refused: ";
    }
    return error == "Unreachable" ? "" : "error: ";
}

std::vector<std::string> interface_names() {
    std::vector<std::string> names;
    struct if_nameindex* list = ::if_nameindex();
    for (const struct if_nameindex* each = list; each != nullptr && each->if_index != 0; ++each) {
        names.emplace_back(each->if_name);
    }
    if (list != nullptr) {
        ::if_freenameindex(list);
    }
    return names;
}

// Carets under the line that has just been typed, if it stands on one line of the terminal.
std::optional<std::string> carets(const Origin& origin, const CommandLine& line,
                                  const Mistake& mistake) {
    const size_t width = origin.prompt_width + width_of(line.text);
    if (origin.kind != Origin::Kind::terminal || width >= terminal_columns()) {
        return std::nullopt;
    }
    const size_t begin = origin.prompt_width + width_of(line.text.substr(0, mistake.begin));
    const size_t length = width_of(line.text.substr(mistake.begin, mistake.end - mistake.begin));
    return std::string(begin, ' ') + std::string(std::max<size_t>(length, 1), '^') + ' ' +
           printable(mistake.message) + '\n';
}

std::string line_of(const Origin& origin, const CommandLine& line) {
    if (origin.kind != Origin::Kind::script) {
        return line.text;
    }
    std::string_view text = origin.source.text;
    for (uint32_t i = 1; i < origin.line && text.find('\n') != std::string_view::npos; ++i) {
        text.remove_prefix(text.find('\n') + 1);
    }
    return std::string(text.substr(0, text.find('\n')));
}

// As rules/diagnostic.h renders files.
std::string located(const Origin& origin, const CommandLine& line, const Mistake& mistake) {
    const std::string text = line_of(origin, line);
    const size_t begin = std::min(mistake.begin, text.size());
    const size_t end = std::max(std::min(mistake.end, text.size()), begin);
    std::string out =
        origin.source.path + ":" + std::to_string(origin.line) + ":" + std::to_string(begin + 1);
    out += end > begin + 1 ? "-" + std::to_string(end) : "";
    out += ": error: " + mistake.message + "\n" + text + "\n";
    for (size_t i = 0; i < begin; ++i) {
        const bool continues = (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
        out += continues ? "" : text[i] == '\t' ? "\t" : " ";
    }
    const size_t carets = width_of(text.substr(begin, end - begin));
    out += std::string(std::max<size_t>(carets, 1), '^') + "\n";
    return printable(mistake.help.empty() ? out : out + "help: " + mistake.help + "\n");
}

} // namespace

Session::Fetched Session::fetch(std::optional<uint64_t> revision) const {
    Fetched fetched;
    Json parameters = Json::object();
    if (revision) {
        parameters["revision"] = *revision;
    }
    fetched.answer = client_.call("GetConfig", parameters);
    fetched.revision = number_at(fetched.answer.parameters, "revision");
    for (const Json& file : at(fetched.answer.parameters, "files")) {
        fetched.files.push_back({text_at(file, "path"), text_at(file, "text")});
    }
    if (fetched.answer.ok() && fetched.files.empty()) {
        fetched.files.push_back({"/etc/portcullis/rules.toml", "schema = 1\n"});
    }
    return fetched;
}

Answer Session::enter_configuration() {
    if (!candidate_) {
        Fetched fetched = fetch(std::nullopt);
        if (!fetched.answer.ok()) {
            return fetched.answer;
        }
        candidate_ = Candidate{fetched.files, fetched.files, fetched.revision};
    }
    mode_ = configuration;
    return {};
}

void Session::leave_configuration() {
    candidate_.reset();
    mode_ = operational;
}

Names Session::names(const CommandLine& line) const {
    std::vector<SourceFile> files;
    if (mode_ == configuration && candidate_) {
        files = candidate_->files;
    } else {
        files = fetch(std::nullopt).files;
    }
    Names names;
    if (!files.empty()) {
        names = names_in(parse(files.front(), files::reader_of_given(files)).rules);
    }
    names.files = std::move(files);
    names.interfaces = interface_names();
    const bool wants_revisions =
        std::any_of(line.tokens.begin(), line.tokens.end(), [](const Token& token) {
            return token.text.starts_with("ro") || token.text.starts_with("comp") ||
                   token.text.starts_with("rev");
        });
    if (wants_revisions) {
        const Answer answer = client_.call("GetRevisions");
        for (const Json& each : at(answer.parameters, "revisions")) {
            names.revisions.push_back(std::to_string(number_at(each, "revision")));
        }
    }
    return names;
}

int Session::fail(const Answer& answer) {
    if (output_.is_json()) {
        output_.json({{"error", {{"name", answer.error}, {"parameters", answer.parameters}}}});
        return answer.exit_code();
    }
    // Diagnostics come rendered, and say themselves what they are.
    std::string text = printable(answer.message());
    if (text.find('\n') == std::string::npos || answer.error == "Refused") {
        text.insert(0, word_for(answer.error));
    }
    text += text.ends_with('\n') ? "" : "\n";
    if (const std::string help = text_at(answer.parameters, "help"); !help.empty()) {
        text += "help: " + printable(help) + "\n";
    }
    output_.complain(text);
    return answer.exit_code();
}

int Session::fail(int exit_code, const std::string& message, const std::string& help) {
    Answer answer;
    answer.error = exit_code == exit_refused ? "Refused"
                   : exit_code == exit_usage ? "Usage"
                                             : "Config";
    answer.parameters["message"] = message;
    if (!help.empty()) {
        answer.parameters["help"] = help;
    }
    (void)fail(answer); // ignoring: the caller knows the code
    return exit_code;
}

int Session::fail_at(int exit_code, const CommandLine& line, const Mistake& mistake) {
    if (output_.is_json()) {
        Answer answer;
        answer.error = exit_code == exit_usage ? "Usage" : "Config";
        answer.parameters = {{"message", mistake.message},  {"help", mistake.help},
                             {"file", origin_.source.path}, {"line", origin_.line},
                             {"col", mistake.begin + 1},    {"end_col", mistake.end}};
        (void)fail(answer); // ignoring: the caller knows the code
        return exit_code;
    }
    if (const std::optional<std::string> text = carets(origin_, line, mistake)) {
        const std::string help =
            mistake.help.empty() ? "" : "help: " + printable(mistake.help) + "\n";
        output_.complain(*text + help);
    } else {
        output_.complain(located(origin_, line, mistake));
    }
    return exit_code;
}

int run_line(Session& session, const CommandLine& line, Abbreviations abbreviations) {
    if (line.tokens.empty()) {
        return exit_done;
    }
    const Matched matched = match(grammar(), line, session.mode(), abbreviations);
    if (!matched.call) {
        const int exit_code = session.fail_at(exit_usage, line, matched.mistake);
        session.out().flush();
        return exit_code;
    }
    const int exit_code = matched.call->command->run(session, *matched.call);
    session.out().flush();
    return exit_code;
}

std::string session_address() {
    const char* connection = std::getenv("SSH_CONNECTION");
    const std::string_view words = connection != nullptr ? connection : "";
    return std::string(words.substr(0, words.find(' ')));
}

std::string who() {
    const char* through = std::getenv("SUDO_USER");
    std::string name = through != nullptr ? through : "";
    if (const struct passwd* user = name.empty() ? ::getpwuid(::getuid()) : nullptr) {
        name = user->pw_name;
    }
    if (name.empty()) {
        name = "uid " + std::to_string(::getuid());
    }
    return name;
}

std::string via() {
    return session_address().empty() ? "local" : "ssh";
}

Json to_json(const std::vector<SourceFile>& files) {
    Json list = Json::array();
    for (const SourceFile& file : files) {
        list.push_back({{"path", file.path}, {"text", file.text}});
    }
    return list;
}

} // namespace pc::shell
