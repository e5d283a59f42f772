// SPDX-License-Identifier: GPL-3.0-or-later
// The program's own messages: one line on stderr, which the journal takes.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace pc::inspect {

inline void complain(std::string_view text) {
    fmt::print(stderr, "{}portcullis-inspect: {}\n", getenv("JOURNAL_STREAM") ? SD_WARNING : "",
               text);
}

} // namespace pc::inspect
