// SPDX-License-Identifier: GPL-3.0-or-later
// readline is C with global state: what its callbacks need is kept here, in one place. It is used
// with its callback interface and poll(), so that a signal gets through at once and, later, lines
// from the daemon can be printed above the prompt.
#include "ctl/shell/line.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

// After <cstdio>: readline.h needs FILE.
#include <readline/history.h>
#include <readline/readline.h>

namespace pc::shell {
namespace {

constexpr int history_lines_max = 2000;

struct State {
    LineHooks hooks;
    std::string history_file;
    std::vector<std::string> matches;
    std::string line;
    bool has_line = false;
    bool is_at_end = false;
    bool was_ended = false;
};

State& state() {
    static State only;
    return only;
}

volatile std::sig_atomic_t pending_signal = 0;

void note_signal(int number) noexcept {
    pending_signal = number;
}

void take_line(char* text) noexcept {
    State& own = state();
    own.is_at_end = text == nullptr;
    own.has_line = true;
    own.line = text != nullptr ? text : "";
    std::free(text);
    rl_callback_handler_remove();
}

char* next_match(const char* /*word*/, int number) noexcept {
    const std::vector<std::string>& matches = state().matches;
    const auto index = static_cast<size_t>(number);
    return index < matches.size() ? ::strdup(matches[index].c_str()) : nullptr;
}

char** complete(const char* word, int /*start*/, int end) noexcept {
    State& own = state();
    rl_attempted_completion_over = 1; // never file names
    own.matches = own.hooks.complete(std::string(rl_line_buffer, static_cast<size_t>(end)));
    return rl_completion_matches(word, next_match);
}

bool is_in_quotes(const char* text, int end) {
    char quote = '\0';
    for (int i = 0; i < end; ++i) {
        if (quote == '\0' && (text[i] == '"' || text[i] == '\'')) {
            quote = text[i];
        } else if (text[i] == quote) {
            quote = '\0';
        }
    }
    return quote != '\0';
}

// `?` explains what may stand at the cursor; `\?` and a `?` in quotes are the character.
int question(int count, int key) noexcept {
    if (rl_point > 0 && rl_line_buffer[rl_point - 1] == '\\') {
        rl_rubout(1, key);
        return rl_insert(count, key);
    }
    if (is_in_quotes(rl_line_buffer, rl_point)) {
        return rl_insert(count, key);
    }
    const std::string text =
        state().hooks.explain(std::string(rl_line_buffer, static_cast<size_t>(rl_point)));
    rl_crlf();
    (void)std::fwrite(text.data(), 1, text.size(), rl_outstream); // ignoring: a terminal
    rl_on_new_line();
    return 0;
}

void clear_line() {
    rl_callback_sigcleanup();
    rl_free_line_state();
    (void)std::fputs("^C\n", rl_outstream); // ignoring: a terminal
    rl_replace_line("", 0);
    rl_point = 0;
    rl_mark = 0;
    rl_on_new_line();
    rl_redisplay();
}

// False: the shell shall end.
bool wait_for_key() {
    pollfd slot{STDIN_FILENO, POLLIN, 0};
    while (true) {
        if (pending_signal != 0) {
            const bool ends = pending_signal != SIGINT;
            pending_signal = 0;
            if (ends) {
                state().was_ended = true;
                return false;
            }
            clear_line();
        }
        const int ready = ::poll(&slot, 1, -1);
        if (ready > 0) {
            return true;
        }
        if (ready < 0 && errno != EINTR) {
            state().was_ended = true;
            return false;
        }
        rl_resize_terminal();
    }
}

void catch_signals() {
    struct sigaction action {};

    action.sa_handler = note_signal;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        ::sigaction(number, &action, nullptr);
    }

    // Only to wake poll(): readline asks for the size itself.
    struct sigaction wake {};

    wake.sa_handler = [](int) {};
    ::sigaction(SIGWINCH, &wake, nullptr);
}

} // namespace

void start_lines(LineHooks hooks, const std::string& history_file) {
    State& own = state();
    own.hooks = std::move(hooks);
    own.history_file = history_file;
    rl_readline_name = "portcullis";
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_attempted_completion_function = complete;
    rl_completer_word_break_characters = const_cast<char*>(" \t");
    rl_completer_quote_characters = const_cast<char*>("\"'");
    rl_bind_key('?', question);
    // One TAB shows the choices; ~/.inputrc is read later and may say otherwise.
    rl_variable_bind("show-all-if-ambiguous", "on");
    using_history();
    stifle_history(history_lines_max);
    if (!history_file.empty()) {
        read_history(history_file.c_str());
    }
}

std::optional<std::string> read_line(const std::string& prompt) {
    State& own = state();
    own.has_line = false;
    own.is_at_end = false;
    catch_signals();
    rl_callback_handler_install(prompt.c_str(), take_line);
    while (!own.has_line) {
        if (!wait_for_key()) {
            rl_callback_handler_remove();
            return std::nullopt;
        }
        rl_callback_read_char();
    }
    if (own.is_at_end) {
        return std::nullopt;
    }
    const bool is_blank = own.line.find_first_not_of(" \t") == std::string::npos;
    if (!is_blank && own.line.find("password") == std::string::npos) {
        const HIST_ENTRY* last =
            history_length > 0 ? history_get(history_base + history_length - 1) : nullptr;
        if (last == nullptr || own.line != last->line) {
            add_history(own.line.c_str());
        }
    }
    return own.line;
}

bool was_ended() {
    return state().was_ended;
}

void end_lines() {
    const std::string& path = state().history_file;
    if (path.empty()) {
        return;
    }
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
    const mode_t old = ::umask(0077);
    write_history(path.c_str());
    ::umask(old);
}

size_t terminal_columns() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

} // namespace pc::shell
