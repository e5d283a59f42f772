// SPDX-License-Identifier: GPL-3.0-or-later
// show limits, show guard.
#include <fmt/format.h>

#include "ctl/shell/answers.h"
#include "ctl/shell/show.h"

namespace pc::shell {
namespace {

// "200 packets/s", "1.00M bytes/s", "10 flows/min": a unit in which the number is not below 1.
std::string rate_words(double rate, const std::string& of) {
    constexpr double minute = 60;
    constexpr double hour = 3600;
    const auto amount = [&](double number) {
        const auto whole = static_cast<uint64_t>(number + 0.5);
        return (of == "bytes" ? format_bytes(whole) : format_count(whole)) + " " + of;
    };
    if (rate <= 0) {
        return "-";
    }
    return rate >= 0.995            ? amount(rate) + "/s"
           : rate * minute >= 0.995 ? amount(rate * minute) + "/min"
                                    : amount(rate * hour) + "/h";
}

void print_limits(Output& out, const Json& answer) {
    TextTable table({{"Limit"},
                     {"Per"},
                     {"Rate", Align::right},
                     {"Burst", Align::right},
                     {"Over"},
                     {"Passed", Align::right},
                     {"Bytes", Align::right},
                     {"Exceeded", Align::right},
                     {"Bytes", Align::right}});
    for (const Json& each : at(answer, "limits")) {
        const std::string of = text_at(each, "of", "packets");
        const auto burst = static_cast<uint64_t>(real_at(each, "burst", 0) + 0.5);
        const Json& passed = at(each, "passed");
        const Json& exceeded = at(each, "exceeded");
        const uint64_t over = number_at(exceeded, "packets");
        table.add({text_at(each, "name"),
                   text_at(each, "per"),
                   rate_words(real_at(each, "rate", 0), of),
                   of == "bytes" ? format_bytes(burst) : format_count(burst),
                   text_at(each, "over"),
                   format_count(number_at(passed, "packets")),
                   format_bytes(number_at(passed, "bytes")),
                   {format_count(over), over > 0 ? Color::yellow : Color::none},
                   format_bytes(number_at(exceeded, "bytes"))});
    }
    if (table.is_empty()) {
        out.line("no limits");
        return;
    }
    out.table(table);
    const Json& buckets = at(answer, "buckets");
    out.line(fmt::format("token buckets: {} of {} in use", format_count(number_at(buckets, "busy")),
                         format_count(number_at(buckets, "capacity"))));
}

void print_syn(Output& out, const Json& syn) {
    const bool armed = flag_at(syn, "armed");
    std::string line = fmt::format(
        "syn protect  {}   {} half open, armed by {}", text_at(syn, "mode", "?"),
        format_count(number_at(syn, "half_open")), format_count(number_at(syn, "trigger")));
    line += armed ? "   ARMED" : "   not armed";
    if (is_number_at(syn, "armed_s")) {
        line += " for another " + format_age(real_at(syn, "armed_s", 0));
    }
    if (const uint64_t times = number_at(syn, "armed_times"); times > 0) {
        line += fmt::format(", {} so far", times == 1 ? "once" : format_count(times) + " times");
    }
    out.line(out.paint(printable(line), armed ? Color::yellow : Color::none));
}

void print_guard(Output& out, const Json& answer) {
    print_syn(out, at(answer, "syn_protect"));
    const Json& sources = at(answer, "sources");
    const std::string mode = text_at(sources, "mode", "?");
    out.line(
        printable("sources      " + mode +
                  (mode == "off" ? std::string()
                                 : fmt::format("   above {} packets/s, {} blocked by the guard",
                                               format_count(number_at(sources, "above_pps")),
                                               format_count(number_at(sources, "blocks"))))));
    for (const Json& each : at(sources, "actions")) {
        out.line(out.paint(printable("  " + text_at(each, "text")), Color::yellow));
    }
    TextTable heaviest({{"Source"}, {"Packets/s", Align::right}});
    for (const Json& each : at(sources, "heaviest")) {
        heaviest.add({text_at(each, "prefix"), format_count(number_at(each, "pps"))});
    }
    if (!heaviest.is_empty()) {
        out.line("");
        out.table(heaviest);
    }
    TextTable reasons({{"Reason"},
                       {"Packets", Align::right},
                       {"Bytes", Align::right},
                       {"Last hit", Align::right}});
    for (const Json& each : at(answer, "reasons")) {
        reasons.add({text_at(each, "reason"), format_count(number_at(each, "packets")),
                     format_bytes(number_at(each, "bytes")), last_hit(each)});
    }
    out.line("");
    out.table(reasons);
}

} // namespace

int show_limits(Session& session, const Call& /*call*/) {
    return show(session, "ShowLimits", Json::object(), print_limits);
}

int show_guard(Session& session, const Call& /*call*/) {
    return show(session, "ShowGuard", Json::object(), print_guard);
}

} // namespace pc::shell
