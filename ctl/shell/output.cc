// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/output.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

namespace pc::shell {
namespace {

struct Screen {
    size_t rows = 24;
    size_t columns = 80;
};

Screen screen() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
        return {};
    }
    return {size.ws_row, size.ws_col};
}

bool is_longer_than_screen(std::string_view text) {
    const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
    return lines + 1 > screen().rows;
}

// True if a pager has shown it.
bool page(const std::string& text) {
    const char* chosen = std::getenv("PAGER");
    const std::string command = chosen != nullptr && *chosen != '\0' ? chosen : "less -EFRX";
    if (command == "cat") {
        return false;
    }

    // less must see the Ctrl-C that is meant for it; this program only waits.
    struct sigaction ignore {};

    struct sigaction old {};

    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGINT, &ignore, &old);
    FILE* pipe = ::popen(command.c_str(), "w");
    if (pipe != nullptr) {
        (void)std::fwrite(text.data(), 1, text.size(), pipe); // ignoring: `q` ends the pager early
    }
    const int status = pipe != nullptr ? ::pclose(pipe) : -1;
    ::sigaction(SIGINT, &old, nullptr);
    // 127: the shell found no such pager.
    return status != -1 && !(WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

} // namespace

void Output::text(std::string_view text) {
    if (form_ == Form::text) {
        collected_ += text;
    }
}

void Output::line(std::string_view text) {
    this->text(text);
    this->text("\n");
}

void Output::json(const Json& fields) {
    if (form_ != Form::json) {
        return;
    }
    nlohmann::ordered_json message;
    message["portcullis"] = {{"version", PC_VERSION}, {"json_schema", protocol::json_schema}};
    if (fields.is_object()) {
        for (const auto& [key, value] : fields.items()) {
            message[key] = value;
        }
    }
    collected_ += message.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    collected_ += '\n';
}

void Output::now(std::string_view line) {
    flush();
    (void)std::fwrite(line.data(), 1, line.size(), stdout); // ignoring: as in flush()
    (void)std::fputc('\n', stdout);
    (void)std::fflush(stdout);
}

void Output::complain(std::string_view text) {
    flush();
    (void)std::fwrite(text.data(), 1, text.size(), stderr); // ignoring: nowhere left to say it
}

void Output::flush() {
    if (collected_.empty()) {
        return;
    }
    if (!(with_pager_ && is_longer_than_screen(collected_) && page(collected_))) {
        (void)std::fwrite(collected_.data(), 1, collected_.size(), stdout); // ignoring: see below
    }
    // A reader that went away (`| head`) is no failure of the command.
    (void)std::fflush(stdout);
    collected_.clear();
}

} // namespace pc::shell
