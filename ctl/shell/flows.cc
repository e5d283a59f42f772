// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/flows.h"

#include <thread>

#include <fmt/format.h>

#include "ctl/shell/answers.h"
#include "ctl/shell/arguments.h"
#include "ctl/shell/flow_words.h"

namespace pc::shell {
namespace {

// What `top` looks at: long enough for a rate, short enough to wait for.
constexpr std::chrono::seconds top_interval(2);

std::string counted(uint64_t number, std::string_view one, std::string_view many) {
    return format_count(number) + " " + std::string(number == 1 ? one : many);
}

// "10.0.0.1:443", "[2001:db8::1]:443", "10.0.0.1".
std::string end_words(const Json& flow, std::string_view address, std::string_view port) {
    const std::string text = text_at(flow, address, "?");
    if (!is_number_at(flow, port)) {
        return text;
    }
    const bool in_brackets = text.find(':') != std::string::npos;
    return (in_brackets ? "[" + text + "]" : text) + ":" + std::to_string(number_at(flow, port));
}

std::string source(const Json& flow) {
    return end_words(flow, "src", "sport");
}

std::string destination(const Json& flow) {
    return end_words(flow, "dst", "dport");
}

Color color_of_state(const std::string& state) {
    return state == "syn-sent" || state == "syn-received" ? Color::yellow
           : state == "closed" || state == "time-wait"    ? Color::dim
                                                          : Color::none;
}

std::string seconds_words(const Json& flow, std::string_view key) {
    return is_number_at(flow, key) ? format_age(real_at(flow, key, 0)) : "-";
}

void print_table_line(Output& out, const Json& table) {
    const uint64_t capacity = number_at(table, "capacity");
    const uint64_t live = number_at(table, "live");
    out.line(fmt::format(
        "{} in a table for {} ({:.0f}%, {}B), {} half open", counted(live, "flow", "flows"),
        format_count(capacity),
        capacity == 0 ? 0.0 : 100.0 * static_cast<double>(live) / static_cast<double>(capacity),
        format_bytes(number_at(table, "memory_bytes")),
        format_count(number_at(table, "half_open"))));
    std::string states;
    for (const auto& [word, flows] : at(table, "states").items()) {
        states += (states.empty() ? "" : "   ") + word + " " +
                  format_count(flows.is_number_unsigned() ? flows.get<uint64_t>() : 0);
    }
    if (!states.empty()) {
        out.line(printable(states));
    }
}

void print_flows(Output& out, const Json& answer) {
    print_table_line(out, at(answer, "table"));
    TextTable table({{"Proto"},
                     {"State"},
                     {"Source"},
                     {"Destination"},
                     {"Zone?"},
                     {"Rule?"},
                     {"Packets", Align::right},
                     {"Sent", Align::right},
                     {"Received", Align::right},
                     {"Age", Align::right},
                     {"Idle", Align::right}});
    const Json& flows = at(answer, "flows");
    for (const Json& each : flows) {
        const std::string state = text_at(each, "state");
        table.add({text_at(each, "proto"),
                   {state, color_of_state(state)},
                   source(each),
                   destination(each),
                   text_at(each, "zone"),
                   text_at(each, "rule"),
                   format_count(number_at(each, "packets")),
                   format_bytes(number_at(each, "bytes_sent")),
                   format_bytes(number_at(each, "bytes_received")),
                   seconds_words(each, "age_s"),
                   seconds_words(each, "idle_s")});
    }
    if (table.is_empty()) {
        out.line("no flow fits");
        return;
    }
    out.table(table);
    const uint64_t matched = number_at(answer, "matched");
    if (flows.is_array() && flows.size() < matched) {
        out.line(fmt::format("and {} more; `limit N` shows more of them",
                             format_count(matched - flows.size())));
    }
}

void print_side(Output& out, std::string_view title, const Json& side) {
    out.line(
        fmt::format("  {}  sent up to {}, acknowledged {}, window ends at {}; window {}{}{}", title,
                    number_at(side, "end"), number_at(side, "acked"), number_at(side, "window_end"),
                    number_at(side, "window"),
                    flag_at(side, "scales") ? fmt::format(" << {}", number_at(side, "scale")) : "",
                    flag_at(side, "fin") ? ", FIN" : ""));
}

void print_flow(Output& out, const Json& flow) {
    out.line(printable(fmt::format("{} {} > {}  {}", text_at(flow, "proto"), source(flow),
                                   destination(flow), text_at(flow, "state"))));
    const std::string zone = text_at(flow, "zone");
    const std::string rule = text_at(flow, "rule");
    out.line(printable(
        fmt::format("  {}{}verdict {}{}{}", zone.empty() ? "" : "in " + zone + "  ",
                    rule.empty() ? "" : "rule " + rule + "  ", text_at(flow, "verdict"),
                    flag_at(flow, "keep") ? ", kept over commits" : "",
                    at(flow, "flags").empty() ? "" : "  flags " + joined(at(flow, "flags")))));
    out.line(fmt::format("  sent {} packets, {}B  received {} packets, {}B",
                         format_count(number_at(flow, "packets_sent")),
                         format_bytes(number_at(flow, "bytes_sent")),
                         format_count(number_at(flow, "packets_received")),
                         format_bytes(number_at(flow, "bytes_received"))));
    out.line(fmt::format("  age {}  idle {}  over in {}", seconds_words(flow, "age_s"),
                         seconds_words(flow, "idle_s"), seconds_words(flow, "expires_s")));
    const Json& tcp = at(flow, "tcp");
    if (tcp.is_object()) {
        print_side(out, "source     ", at(tcp, "src"));
        print_side(out, "destination", at(tcp, "dst"));
    }
}

// Bits and packets a second, or since each flow began.
void print_top(Output& out, const Json& answer) {
    const double seconds = real_at(answer, "seconds", 0);
    const bool is_rate = seconds > 0;
    const bool of_flows = text_at(answer, "of") == "flows";
    const auto rate = [&](uint64_t number) {
        return static_cast<uint64_t>(static_cast<double>(number) / seconds + 0.5);
    };
    const auto bytes = [&](const Json& row) {
        const uint64_t number = number_at(row, "bytes");
        return is_rate ? format_bytes(rate(number * 8)) : format_bytes(number);
    };
    const auto packets = [&](const Json& row) {
        const uint64_t number = number_at(row, "packets");
        return format_count(is_rate ? rate(number) : number);
    };
    const std::string_view bytes_title = is_rate ? "Bit/s" : "Bytes";
    const std::string_view packets_title = is_rate ? "Packets/s" : "Packets";
    TextTable flows({{"Proto"},
                     {"Source"},
                     {"Destination"},
                     {"Rule?"},
                     {bytes_title, Align::right},
                     {packets_title, Align::right}});
    TextTable addresses({{"Address"},
                         {"Flows", Align::right},
                         {bytes_title, Align::right},
                         {packets_title, Align::right}});
    for (const Json& each : at(answer, "rows")) {
        if (of_flows) {
            flows.add({text_at(each, "proto"), source(each), destination(each),
                       text_at(each, "rule"), bytes(each), packets(each)});
        } else {
            addresses.add({text_at(each, "address"), format_count(number_at(each, "flows")),
                           bytes(each), packets(each)});
        }
    }
    const Json& others = at(answer, "others");
    if (flows.is_empty() && addresses.is_empty()) {
        out.line("no flows");
        return;
    }
    out.table(of_flows ? flows : addresses);
    if (number_at(others, "flows") > 0) {
        out.line(fmt::format("and {} more with {} {}, {} {}",
                             counted(number_at(others, "flows"), "flow", "flows"), bytes(others),
                             is_rate ? "bit/s" : "bytes", packets(others),
                             is_rate ? "packets/s" : "packets"));
    }
}

} // namespace

int show_flows(Session& session, const Call& call) {
    const FlowQuestion question = flow_question(call.line, call.rest, FlowCommand::list);
    if (question.mistake) {
        return session.fail_at(exit_usage, call.line, *question.mistake);
    }
    Json parameters{{"filter", question.filter}, {"sort", question.sort}};
    if (question.limit) {
        parameters["limit"] = *question.limit;
    }
    return show(session, "ShowFlows", parameters, print_flows);
}

int show_flow(Session& session, const Call& call) {
    const auto src = parse_endpoint(call.get("src"));
    const auto dst = parse_endpoint(call.get("dst"));
    Json parameters{{"src", src->address}, {"dst", dst->address}};
    if (src->port) {
        parameters["sport"] = *src->port;
    }
    if (dst->port) {
        parameters["dport"] = *dst->port;
    }
    return show(session, "ShowFlow", parameters, [](Output& out, const Json& answer) {
        for (const Json& each : at(answer, "flows")) {
            print_flow(out, each);
        }
    });
}

int clear_flows(Session& session, const Call& call) {
    const FlowQuestion question = flow_question(call.line, call.rest, FlowCommand::clear);
    if (question.mistake) {
        return session.fail_at(exit_usage, call.line, *question.mistake);
    }
    const Json parameters{{"filter", question.filter}, {"all", question.all}, {"who", who()}};
    return show(session, "ClearFlows", parameters, [](Output& out, const Json& answer) {
        out.line(counted(number_at(answer, "cleared"), "flow", "flows") + " cleared");
    });
}

int top_flows(Session& session, const Call& call) {
    const bool is_total = call.has("total");
    Json parameters{{"of", call.has("sources")        ? "sources"
                           : call.has("destinations") ? "destinations"
                                                      : "flows"},
                    {"by", call.has("packets") ? "packets" : "bytes"},
                    {"since", is_total ? "begin" : "last"}};
    if (call.has("limit")) {
        parameters["limit"] = *parse_number(call.get("number"));
    }
    if (!is_total) {
        const Answer first = session.client().call("Top", parameters);
        if (!first.ok()) {
            return session.fail(first);
        }
        std::this_thread::sleep_for(top_interval);
    }
    return show(session, "Top", parameters, print_top);
}

} // namespace pc::shell
