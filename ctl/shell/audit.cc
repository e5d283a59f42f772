// SPDX-License-Identifier: GPL-3.0-or-later
// audit: does what packets are looked up in say what the rules say?
#include <fmt/format.h>

#include "ctl/shell/answers.h"
#include "ctl/shell/show.h"

namespace pc::shell {
namespace {

constexpr int exit_findings = 1;

std::string mebibytes(uint64_t bytes) {
    return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

void print_audit(Output& out, const Json& answer) {
    TextTable table({{"Family"},
                     {"Entries", Align::right},
                     {"Tuples", Align::right},
                     {"Ranges", Align::right},
                     {"Rows", Align::right},
                     {"Buckets", Align::right},
                     {"Longest chain", Align::right}});
    for (const auto& [key, name] : {std::pair{"ipv4", "IPv4"}, std::pair{"ipv6", "IPv6"}}) {
        const Json& family = at(answer, key);
        table.add(
            {name, format_count(number_at(family, "entries")),
             format_count(number_at(family, "tuples")), format_count(number_at(family, "ranges")),
             format_count(number_at(family, "rows")), format_count(number_at(family, "buckets")),
             format_count(number_at(family, "longest_chain"))});
    }
    out.table(table);
    const Json& bytes = at(answer, "bytes");
    out.line(
        fmt::format("{} rules in {} of {}: {} for addresses, {} free for edits, {} waiting",
                    format_count(number_at(answer, "rules")), mebibytes(number_at(bytes, "used")),
                    mebibytes(number_at(bytes, "arena")), mebibytes(number_at(bytes, "addresses")),
                    mebibytes(number_at(bytes, "free")), mebibytes(number_at(bytes, "waiting"))));
    for (const Json& finding : at(answer, "findings")) {
        out.line(printable("FINDING: " + (finding.is_string() ? finding.get<std::string>() : "?")));
    }
    out.line(at(answer, "findings").empty() ? "every invariant holds"
                                            : "commit the rules again to build them anew");
}

} // namespace

int audit(Session& session, const Call& /*call*/) {
    bool sound = false;
    const int code = show(session, "Audit", Json::object(), [&](Output& out, const Json& answer) {
        sound = flag_at(answer, "ok");
        print_audit(out, answer);
    });
    return code == 0 && !sound ? exit_findings : code;
}

} // namespace pc::shell
