// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/show.h"

#include <algorithm>

#include <fmt/format.h>

#include "ctl/shell/answers.h"

namespace pc::shell {
namespace {

std::string zones(const Json& rule) {
    const std::string in = joined(at(rule, "zone_in"), ",");
    const std::string out = joined(at(rule, "zone_out"), ",");
    return out.empty() || out == "*" ? (in.empty() ? "*" : in)
                                     : (in.empty() ? "*" : in) + " > " + out;
}

void print_verdicts(Output& out, std::string_view title, const Json& packets) {
    std::string line = fmt::format("{:<12}", title);
    for (const char* verdict : {"accept", "drop", "reject", "inspect"}) {
        line += fmt::format("{} {}   ", verdict, format_count(number_at(packets, verdict)));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out.line(line);
}

void print_sizes(Output& out, const Json& status) {
    constexpr double mebibyte = 1 << 20;
    const Json& classifier = at(status, "classifier");
    if (!classifier.is_object()) {
        return;
    }
    const Json& v4 = at(classifier, "ipv4");
    const Json& v6 = at(classifier, "ipv6");
    out.line(fmt::format(
        "classifier  {} rules in {:.1f} of {:.0f} MiB   tuples {} (IPv4), {} (IPv6)   entries {}, {}",
        format_count(number_at(classifier, "rules")),
        static_cast<double>(number_at(classifier, "used_bytes")) / mebibyte,
        static_cast<double>(number_at(classifier, "arena_bytes")) / mebibyte,
        number_at(v4, "tuples"), number_at(v6, "tuples"), format_count(number_at(v4, "entries")),
        format_count(number_at(v6, "entries"))));
    if (const std::string cost = text_at(at(classifier, "cost"), "text"); !cost.empty()) {
        out.line(printable("            " + cost));
    }
    const Json& sets = at(status, "sets");
    out.line(fmt::format("sets        {} with {} entries", format_count(number_at(sets, "count")),
                         format_count(number_at(sets, "entries"))));
}

void print_status(Output& out, const Json& status) {
    const Json& commit = at(status, "commit");
    // "ana via ssh"; the daemon's own, as at its start, are by nobody.
    std::string by = text_at(commit, "who");
    if (const std::string through = text_at(commit, "via"); !through.empty()) {
        by += by.empty() ? through : " via " + through;
    }
    std::string made = by.empty() ? when(commit, "time") : by + ", " + when(commit, "time");
    if (!text_at(commit, "comment").empty()) {
        made += ", \"" + text_at(commit, "comment") + "\"";
    }
    out.line(printable(
        fmt::format("portcullis {}   up {}   configuration revision {}{}",
                    text_at(status, "version", "?"), format_duration(number_at(status, "uptime_s")),
                    number_at(status, "revision"), made.empty() ? "" : " (" + made + ")")));
    const Json& interfaces = at(status, "interfaces");
    const uint64_t attached = number_at(interfaces, "attached");
    const uint64_t wanted = number_at(interfaces, "wanted");
    std::string plane =
        fmt::format("attached {}/{}   generation {}   kernel {}", attached, wanted,
                    number_at(status, "generation"), text_at(status, "kernel", "?"));
    if (attached > 0) {
        plane += flag_at(status, "dispatcher") ? "   libxdp dispatcher" : "   single program";
    }
    plane += attached < wanted ? "   <-- see `show interfaces`" : "";
    out.line(out.paint("data plane  " + printable(plane),
                       attached < wanted ? Color::yellow : Color::none));
    // Why there is no dispatcher, where there is none.
    const std::string note = text_at(status, "dispatcher_note");
    if (!note.empty() && attached > 0 && !flag_at(status, "dispatcher")) {
        out.line("            " + printable(note));
    }
    print_verdicts(out, "packets", at(status, "packets"));
    print_sizes(out, status);
    std::string dynamic = "dynamic    ";
    for (const Json& each : at(status, "dynamic")) {
        dynamic +=
            " " + text_at(each, "name") + " " + format_count(number_at(each, "entries")) + " ";
    }
    dynamic.erase(dynamic.find_last_not_of(' ') + 1);
    out.line(printable(dynamic));
    const Json& inspector = at(status, "inspector");
    if (const std::string state = text_at(inspector, "state"); !state.empty()) {
        std::string line = "inspector   " + state;
        if (is_number_at(inspector, "heartbeat_age_ms")) {
            line += "   heartbeat " + format_age(real_at(inspector, "heartbeat_age_ms", 0) / 1000);
        }
        out.line(out.paint(printable(line), state == "down" ? Color::red : Color::none));
    }
    out.line(printable("file        " + text_at(status, "config_path")));
    if (const std::string error = text_at(status, "config_error"); !error.empty()) {
        out.line(out.paint("The file on disk is not what runs: " + printable(error), Color::red));
    }
}

void print_interfaces(Output& out, const Json& answer) {
    TextTable table({{"Interface"},
                     {"Zone"},
                     {"Hook"},
                     {"Mode"},
                     {"Program", Align::right},
                     {"Dispatcher?"},
                     {"Accept", Align::right},
                     {"Drop", Align::right},
                     {"Reject", Align::right},
                     {"Inspect", Align::right},
                     {"Note?"}});
    for (const Json& each : at(answer, "interfaces")) {
        const bool attached = flag_at(each, "attached");
        const std::string mode = text_at(each, "mode", "-");
        const uint64_t program = number_at(each, "program_id");
        const Json& dispatcher = at(each, "dispatcher");
        const Json& packets = at(each, "packets");
        table.add({text_at(each, "interface"),
                   joined(at(each, "zone"), ","),
                   attached ? text_at(each, "hook", "-") : "-",
                   {attached ? mode : "NOT ATTACHED",
                    attached ? (mode == "generic" ? Color::yellow : Color::none) : Color::red},
                   program == 0 ? "-" : std::to_string(program),
                   dispatcher.is_boolean()  ? (dispatcher.get<bool>() ? "yes" : "no")
                   : dispatcher.is_string() ? dispatcher.get<std::string>()
                                            : "",
                   format_count(number_at(packets, "accept")),
                   format_count(number_at(packets, "drop")),
                   format_count(number_at(packets, "reject")),
                   format_count(number_at(packets, "inspect")),
                   text_at(each, "note")});
    }
    out.table(table);
}

void print_rules(Output& out, const Json& answer) {
    TextTable table({{"Prio", Align::right},
                     {"Rule"},
                     {"Zone"},
                     {"Action"},
                     {"Hook"},
                     {"Match"},
                     {"Packets", Align::right},
                     {"Bytes", Align::right},
                     {"Last hit", Align::right},
                     {"Log?"},
                     {"Note?"}});
    for (const Json& each : at(answer, "rules")) {
        const std::string action = text_at(each, "action");
        const std::string log = text_at(each, "log");
        const bool disabled = flag_at(each, "disabled");
        table.add({std::to_string(number_at(each, "priority")),
                   text_at(each, "name"),
                   zones(each),
                   {action, disabled ? Color::dim : color_of(action)},
                   text_at(each, "hook"),
                   text_at(each, "match"),
                   format_count(number_at(each, "packets")),
                   format_bytes(number_at(each, "bytes")),
                   last_hit(each),
                   log == "none" ? "" : log,
                   disabled ? "disabled" : text_at(each, "note")});
    }
    const Json& fallback = at(answer, "default");
    if (fallback.is_object()) {
        const std::string action = text_at(fallback, "action");
        table.add({"-",
                   "default",
                   "*",
                   {action, color_of(action)},
                   "",
                   "-",
                   format_count(number_at(fallback, "packets")),
                   format_bytes(number_at(fallback, "bytes")),
                   last_hit(fallback),
                   "",
                   ""});
    }
    out.table(table);
}

void print_rule(Output& out, const Json& answer, bool detail) {
    // Either the rule itself, or under "rule".
    const Json& rule = at(answer, "rule").is_object() ? at(answer, "rule") : answer;
    const Json& source = at(rule, "source");
    out.line(printable(fmt::format(
        "rule {}  priority {}{}{}", text_at(rule, "name"), number_at(rule, "priority"),
        flag_at(rule, "disabled") ? "  DISABLED" : "",
        source.is_object()
            ? fmt::format("  from {}:{}", text_at(source, "file"), number_at(source, "line"))
            : "")));
    const std::string match = text_at(rule, "match");
    out.line(printable(fmt::format("  {}  {}  action {}  hook {}  log {}", zones(rule),
                                   match.empty() ? "every packet" : match, text_at(rule, "action"),
                                   text_at(rule, "hook"), text_at(rule, "log", "none"))));
    out.line(fmt::format("  {} packets  {}B  last hit {}", format_count(number_at(rule, "packets")),
                         format_bytes(number_at(rule, "bytes")), last_hit(rule)));
    if (!detail) {
        return;
    }
    const auto field = [&](std::string_view key, std::string_view label) {
        const std::string value = joined(at(rule, key));
        if (!value.empty()) {
            out.line(printable("  " + std::string(label) + " " + value));
        }
    };
    field("note", "note");
    field("tags", "tags");
    field("until", "holds until");
    field("inspect", "inspect");
    out.line(fmt::format("  exactly {} packets, {} bytes; last hit {}", number_at(rule, "packets"),
                         number_at(rule, "bytes"),
                         text_at(rule, "last_hit").empty() ? "never" : when(rule, "last_hit")));
    for (const Json& line : at(rule, "toml")) {
        out.line("    " + printable(line.is_string() ? line.get<std::string>() : ""));
    }
}

} // namespace

int show_status(Session& session, const Call& /*call*/) {
    return show(session, "GetStatus", Json::object(), print_status);
}

int show_interfaces(Session& session, const Call& /*call*/) {
    return show(session, "GetInterfaces", Json::object(), print_interfaces);
}

int show_rules(Session& session, const Call& /*call*/) {
    return show(session, "GetRules", Json::object(), print_rules);
}

int show_rule(Session& session, const Call& call) {
    return show(
        session, "GetRule", {{"name", call.get("rule")}},
        [&](Output& out, const Json& answer) { print_rule(out, answer, call.has("detail")); });
}

} // namespace pc::shell
