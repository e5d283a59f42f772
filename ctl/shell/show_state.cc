// SPDX-License-Identifier: GPL-3.0-or-later
// show sets, inspect, drops, commits, configuration.
#include <fmt/format.h>

#include "ctl/shell/answers.h"
#include "ctl/shell/show.h"
#include "ctl/shell/show_upstream.h"

namespace pc::shell {
namespace {

std::string ttl_words(uint64_t seconds) {
    constexpr uint64_t minute = 60;
    constexpr uint64_t hour = 3600;
    constexpr uint64_t day = 86400;
    const uint64_t unit = seconds % day == 0      ? day
                          : seconds % hour == 0   ? hour
                          : seconds % minute == 0 ? minute
                                                  : 1;
    return std::to_string(seconds / unit) + (unit == day      ? "d"
                                             : unit == hour   ? "h"
                                             : unit == minute ? "m"
                                                              : "s");
}

// "dynamic, ttl 1h, not kept over a restart".
std::string source_words(const Json& set) {
    std::string text = text_at(set, "source", "?");
    if (number_at(set, "ttl_s") != 0) {
        text += ", ttl " + ttl_words(number_at(set, "ttl_s"));
    }
    const Json& persist = at(set, "persist");
    return persist.is_boolean() && !persist.get<bool>() ? text + ", not kept over a restart" : text;
}

void print_sets(Output& out, const Json& answer) {
    TextTable table({{"Set"},
                     {"Type"},
                     {"Entries", Align::right},
                     {"Max", Align::right},
                     {"Source"},
                     {"References"}});
    for (const Json& each : at(answer, "sets")) {
        table.add({text_at(each, "name"), text_at(each, "type"),
                   format_count(number_at(each, "entries")),
                   is_number_at(each, "max") ? format_count(number_at(each, "max")) : "-",
                   source_words(each), joined(at(each, "references"))});
    }
    out.table(table);
}

std::string until_words(const Json& entry) {
    return at(entry, "until").is_null() ? "for good" : when(entry, "until");
}

void print_match(Output& out, const Json& set, const Json& match) {
    const std::string address = text_at(match, "address", text_at(match, "name"));
    const std::string name = text_at(set, "name");
    if (!flag_at(match, "held")) {
        out.line(printable(address + " is not in set " + name));
        return;
    }
    std::string text = address + " is in " + text_at(match, "element", "it") + "  set " + name;
    const std::string sets = joined(at(match, "sets"));
    const bool is_own = sets == name || sets == "set " + name || sets == "@" + name;
    text += sets.empty() || is_own ? "" : "  by way of " + sets;
    if (!at(match, "since").is_null()) {
        const std::string by = text_at(match, "who");
        const std::string comment = text_at(match, "comment");
        text += at(match, "until").is_null() ? "  for good" : "  until " + until_words(match);
        text += (by.empty() ? "" : "  by " + by) + (comment.empty() ? "" : "  \"" + comment + "\"");
    }
    out.line(printable(text));
}

void print_live(Output& out, const Json& set, uint64_t entries) {
    TextTable table({{"Prefix"}, {"Until"}, {"By"}, {"Packets?", Align::right}, {"Comment?"}});
    const Json& live = at(set, "live");
    for (const Json& each : live) {
        table.add({text_at(each, "prefix"), until_words(each), text_at(each, "who"),
                   is_number_at(each, "packets") ? format_count(number_at(each, "packets")) : "",
                   text_at(each, "comment")});
    }
    if (!table.is_empty()) {
        out.table(table);
    }
    if (live.is_array() && live.size() < entries) {
        out.line(fmt::format("and {} more; `show set {} match ADDRESS` asks for one",
                             format_count(entries - live.size()), text_at(set, "name")));
    }
}

void print_set(Output& out, const Json& answer) {
    if (at(answer, "match").is_object()) {
        print_match(out, answer, at(answer, "match"));
    }
    const uint64_t entries = number_at(answer, "entries");
    std::string amount = format_count(entries) + (entries == 1 ? " entry" : " entries");
    amount += is_number_at(answer, "max") ? " of " + format_count(number_at(answer, "max")) : "";
    const bool is_dynamic = flag_at(answer, "dynamic");
    out.line(printable(fmt::format("set {}  type {}  {}  {}{}", text_at(answer, "name"),
                                   text_at(answer, "type"), amount, is_dynamic ? "" : "from ",
                                   source_words(answer))));
    std::string users = joined(at(answer, "references"));
    if (const std::string sets = joined(at(answer, "referenced_by_sets")); !sets.empty()) {
        users += (users.empty() ? "sets " : "; sets ") + sets;
    }
    out.line(printable(users.empty() ? "used by nothing" : "used by: " + users));
    if (is_dynamic) {
        print_live(out, answer, entries);
        return;
    }
    const Json& elements = at(answer, "elements");
    for (const Json& each : elements) {
        out.line(printable("  " + (each.is_string() ? each.get<std::string>() : each.dump())));
    }
    if (elements.is_array() && elements.size() < entries) {
        out.line(fmt::format("  and {} more; `show set {} match ADDRESS` asks for one",
                             format_count(entries - elements.size()), text_at(answer, "name")));
    }
}

void print_inspect(Output& out, const Json& answer) {
    TextTable table({{"Inspector"},
                     {"Listener"},
                     {"Heartbeat", Align::right},
                     {"State"},
                     {"On down"},
                     {"Flows", Align::right},
                     {"Active", Align::right},
                     {"Allowed", Align::right},
                     {"Denied", Align::right}});
    for (const Json& each : at(answer, "inspects")) {
        const Json& listener = at(each, "listener");
        const auto up = [&](std::string_view key, std::string_view label) {
            return flag_at(listener, key) ? std::string(label) + " " : std::string();
        };
        std::string listeners =
            up("tcp4", "tcp4") + up("tcp6", "tcp6") + up("udp4", "udp4") + up("udp6", "udp6");
        listeners.erase(listeners.find_last_not_of(' ') + 1);
        const std::string state = text_at(each, "state", "?");
        const std::string age =
            is_number_at(each, "heartbeat_age_ms")
                ? format_age(real_at(each, "heartbeat_age_ms", 0) / 1000) + " ago"
                : "never";
        table.add({text_at(each, "name"),
                   listeners.empty() ? "none" : listeners,
                   age,
                   {state, state == "up" || state == "ok" ? Color::green : Color::red},
                   text_at(each, "on_down"),
                   format_count(number_at(each, "flows")),
                   format_count(number_at(each, "active")),
                   format_count(number_at(each, "allowed")),
                   format_count(number_at(each, "denied"))});
    }
    if (table.is_empty()) {
        out.line("no [inspect.*] in the configuration");
        return;
    }
    out.table(table);
    print_upstreams(out, answer);
    const Json& veth = at(answer, "veth");
    if (const std::string netns = text_at(answer, "netns"); !netns.empty()) {
        const bool is_set_up = veth.is_string() ? veth != "" : number_at(answer, "veth") != 0;
        out.line(printable(
            fmt::format("network namespace {}{}", netns, is_set_up ? "" : " (not set up)")));
    }
}

// The reasons with packets, of drops or of what passed; how many had none.
std::pair<TextTable, size_t> reasons_table(const Json& reasons, bool of_drops) {
    TextTable table({{of_drops ? "Dropped" : "Passed without a rule"},
                     {"Packets", Align::right},
                     {"Bytes", Align::right},
                     {"Last", Align::right}});
    size_t quiet = 0;
    for (const Json& each : reasons) {
        // A daemon that does not say `drop` tells of drops only.
        const bool is_drop = at(each, "drop").is_null() || flag_at(each, "drop");
        if (is_drop != of_drops) {
            continue;
        }
        if (number_at(each, "packets") == 0) {
            ++quiet;
            continue;
        }
        table.add({text_at(each, "reason"), format_count(number_at(each, "packets")),
                   format_bytes(number_at(each, "bytes")), last_hit(each)});
    }
    return {std::move(table), quiet};
}

std::string endpoint(const Json& event, std::string_view address, std::string_view port) {
    const std::string text = text_at(event, address);
    if (!is_number_at(event, port)) {
        return text;
    }
    const bool is_v6 = text.find(':') != std::string::npos;
    return (is_v6 ? "[" + text + "]" : text) + ":" + std::to_string(number_at(event, port));
}

// One EVE record: "14:02:11.201 drop amp-limit eth0 udp 198.18.4.9:53 > 203.0.113.40:41522 len
// 1458".
std::string event_line(const Json& event) {
    const Json& drop = at(event, "drop");
    const std::string rule = text_at(drop, "rule");
    std::string line =
        text_at(event, "timestamp") + " " + text_at(drop, "action", text_at(event, "event_type")) +
        " " + (rule.empty() ? text_at(drop, "reason") : rule) + " " + text_at(event, "in_iface");
    if (at(event, "src_ip").is_string()) {
        line += " " + text_at(event, "proto") + " " + endpoint(event, "src_ip", "src_port") +
                " > " + endpoint(event, "dest_ip", "dest_port");
    }
    return line + " len " + std::to_string(number_at(drop, "len"));
}

void print_drops(Output& out, const Json& answer) {
    const auto [drops, quiet] = reasons_table(at(answer, "reasons"), true);
    if (drops.is_empty()) {
        out.line("no packet has been dropped");
    } else {
        out.table(drops);
        out.line(fmt::format("{} other reasons: none", quiet));
    }
    const auto [passes, ignored] = reasons_table(at(answer, "reasons"), false);
    if (!passes.is_empty()) {
        out.line("");
        out.table(passes);
    }
    const Json& recent = at(answer, "recent");
    if (recent.is_array() && !recent.empty()) {
        out.line("\nLast sampled:");
        for (const Json& each : recent) {
            out.line("  " + printable(event_line(each)));
        }
    }
}

void print_commits(Output& out, const Json& answer) {
    TextTable table({{"Rev", Align::right}, {"When"}, {"By"}, {"Via?"}, {"Result?"}, {"Comment?"}});
    for (const Json& each : at(answer, "revisions")) {
        table.add({std::to_string(number_at(each, "revision")), when(each, "time"),
                   text_at(each, "who"), text_at(each, "via"),
                   flag_at(each, "live") ? "live" : text_at(each, "result"),
                   text_at(each, "comment")});
    }
    out.table(table);
}

} // namespace

int show_sets(Session& session, const Call& /*call*/) {
    return show(session, "GetSets", Json::object(), print_sets);
}

int show_set(Session& session, const Call& call) {
    std::string name = call.get("set");
    name.erase(0, name.starts_with('@') ? 1 : 0);
    Json parameters{{"name", name}};
    if (call.has("match")) {
        parameters["match"] = call.get("address");
    }
    return show(session, "GetSet", parameters, print_set);
}

int show_blocks(Session& session, const Call& /*call*/) {
    return show(session, "GetSet", {{"name", blocks_set}}, print_set);
}

int show_inspect(Session& session, const Call& /*call*/) {
    return show(session, "GetInspect", Json::object(), print_inspect);
}

int show_drops(Session& session, const Call& /*call*/) {
    return show(session, "GetDrops", Json::object(), print_drops);
}

int show_commits(Session& session, const Call& /*call*/) {
    return show(session, "GetRevisions", Json::object(), print_commits);
}

int show_configuration(Session& session, const Call& call) {
    std::optional<uint64_t> revision;
    if (call.has("revision")) {
        revision = std::stoull(call.get("revision"));
    }
    const Session::Fetched fetched = session.fetch(revision);
    if (!fetched.answer.ok()) {
        return session.fail(fetched.answer);
    }
    session.out().json(fetched.answer.parameters);
    for (const SourceFile& file : fetched.files) {
        session.out().line("# " + file.path);
        session.out().text(file.text + (file.text.ends_with('\n') ? "" : "\n"));
    }
    return exit_done;
}

} // namespace pc::shell
