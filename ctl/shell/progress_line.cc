// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/progress_line.h"

#include <cstdio>

#include <unistd.h>

namespace pc::shell {
namespace {

using Clock = protocol::Pace::Clock;

void write(const std::string& text) {
    (void)std::fwrite(text.data(), 1, text.size(), stderr); // ignoring: nowhere left to say it
    (void)std::fflush(stderr);                              // ignoring: as above
}

} // namespace

ProgressLine::ProgressLine(const Output& output)
    : is_shown_(!output.is_json() && ::isatty(STDERR_FILENO) == 1), pace_(Clock::now()) {}

Progress ProgressLine::of_this_program() {
    if (!is_shown_) {
        return {};
    }
    return [this](Phase phase, size_t done, size_t total) {
        if (pace_.lets_pass(phase, total, Clock::now())) {
            show(pc::to_string(phase), done, total);
        }
    };
}

Client::Progress ProgressLine::of_daemon() {
    if (!is_shown_) {
        return {};
    }
    return [this](const Json& progress) {
        show(printable(text_at(progress, "phase")), number_at(progress, "done"),
             number_at(progress, "total"));
    };
}

void ProgressLine::show(std::string_view phase, uint64_t done, uint64_t total) {
    is_written_ = true;
    write("\r\033[K" + progress_words(phase, done, total));
}

void ProgressLine::wipe() {
    if (is_written_) {
        is_written_ = false;
        write("\r\033[K");
    }
}

std::string progress_words(std::string_view phase, uint64_t done, uint64_t total) {
    std::string text(phase);
    if (done > 0) {
        text += " " + format_count(done) + (total > 0 ? " of " + format_count(total) : "");
    } else if (total > 0) {
        text += " " + format_count(total);
    }
    return text;
}

} // namespace pc::shell
