// SPDX-License-Identifier: GPL-3.0-or-later
// A file that lines are appended to, which a log rotation may take away: reopen() makes a new one.
#pragma once

#include <string>
#include <string_view>

#include "ctl/kern/fd.h"
#include "rules/result.h"

namespace pc::inspect {

class LogFile {
public:
    // Makes the file (0640) and the last folder of its path.
    [[nodiscard]] static Result<LogFile> open(std::string path);

    // The old file stays in use if the new one cannot be opened.
    [[nodiscard]] Result<void> reopen();

    // Whole lines only. Kept until flush(), so that a busy loop writes many at once.
    void add(std::string_view lines) { pending_ += lines; }

    // Lines that cannot be written (disk full) are lost, so that memory stays bounded; an error.
    [[nodiscard]] Result<void> flush();

private:
    explicit LogFile(std::string path) : path_(std::move(path)) {}

    std::string path_;
    std::string pending_;
    Fd fd_;
};

} // namespace pc::inspect
