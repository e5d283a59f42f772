// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/show_upstream.h"

#include <fmt/format.h>

#include "ctl/shell/answers.h"

namespace pc::shell {

namespace {

// A draining server that is down takes nobody back: both are said.
Cell state_cell(const Json& server) {
    const std::string state = text_at(server, "state", "?");
    const bool drains = flag_at(server, "drain");
    const std::string words = !drains ? state : state == "up" ? "draining" : state + ", draining";
    return {words, state == "down"           ? Color::red
                   : drains || state != "up" ? Color::yellow
                                             : Color::green};
}

// "12 of 340 failed, last: status 503"
std::string check_words(const Json& server) {
    const uint64_t checks = number_at(server, "checks");
    if (checks == 0) {
        return "none";
    }
    std::string words = fmt::format(
        "{} of {} failed", format_count(number_at(server, "checks_failed")), format_count(checks));
    const std::string fault = text_at(server, "fault");
    return fault.empty() ? words : words + ", last: " + fault;
}

} // namespace

void print_upstreams(Output& out, const Json& answer) {
    TextTable table({{"Inspector"},
                     {"Server"},
                     {"State"},
                     {"Since", Align::right},
                     {"Weight", Align::right},
                     {"Active", Align::right},
                     {"Chosen", Align::right},
                     {"Failed", Align::right},
                     {"Checks"}});
    for (const Json& each : at(answer, "inspects")) {
        for (const Json& server : at(at(each, "upstream"), "servers")) {
            table.add({text_at(each, "name"), text_at(server, "address"), state_cell(server),
                       is_number_at(server, "since_ms")
                           ? format_age(real_at(server, "since_ms", 0) / 1000)
                           : "-",
                       format_count(number_at(server, "weight")),
                       format_count(number_at(server, "active")),
                       format_count(number_at(server, "chosen")),
                       format_count(number_at(server, "failed")), check_words(server)});
        }
    }
    if (!table.is_empty()) {
        out.table(table);
    }
}

} // namespace pc::shell
