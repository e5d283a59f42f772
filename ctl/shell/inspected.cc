// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/inspected.h"

#include <array>
#include <csignal>

#include <fmt/format.h>

#include "ctl/shell/answers.h"
#include "ctl/shell/arguments.h"
#include "ctl/shell/flow_words.h"

namespace pc::shell {
namespace {

// "10.0.0.1:443", "[2001:db8::1]:443".
std::string end_words(const Json& object, std::string_view address, std::string_view port) {
    const std::string text = text_at(object, address, "?");
    const bool in_brackets = text.find(':') != std::string::npos;
    return (in_brackets ? "[" + text + "]" : text) + ":" + std::to_string(number_at(object, port));
}

Color color_of_verdict(const std::string& verdict) {
    return verdict == "allow" ? Color::green : verdict == "deny" ? Color::red : Color::yellow;
}

// "rule no-ads", or why else.
std::string why(const Json& flow, std::string_view rule) {
    const std::string name = text_at(flow, rule);
    return name.empty() ? text_at(flow, "reason") : "rule " + name;
}

// Empty: all of it has answered.
std::string missing_workers(const Json& workers) {
    const uint64_t all = number_at(workers, "of");
    const uint64_t answered = number_at(workers, "answered");
    return answered < all ? fmt::format("{} of {} workers did not answer", all - answered, all)
                          : "";
}

std::string or_dash(std::string text) {
    return text.empty() ? "-" : text;
}

void print_inspected(Output& out, const Json& answer) {
    TextTable table({{"Proto"},
                     {"Way"},
                     {"Client"},
                     {"Server"},
                     {"Name"},
                     {"Inspect?"},
                     {"Verdict"},
                     {"Why?"},
                     {"Sent", Align::right},
                     {"Received", Align::right},
                     {"Age", Align::right}});
    const Json& flows = at(answer, "flows");
    for (const Json& each : flows) {
        const std::string protocol = text_at(each, "app_proto");
        const std::string verdict = text_at(each, "verdict");
        table.add({text_at(each, "proto") + (protocol.empty() ? "" : "/" + protocol),
                   text_at(each, "way"),
                   end_words(each, "src", "sport"),
                   end_words(each, "dst", "dport"),
                   or_dash(text_at(each, "name")),
                   text_at(each, "inspect"),
                   {verdict, color_of_verdict(verdict)},
                   why(each, "inspect_rule"),
                   format_bytes(number_at(each, "bytes_sent")),
                   format_bytes(number_at(each, "bytes_received")),
                   format_age(real_at(each, "age_s", 0))});
    }
    if (table.is_empty()) {
        out.line("no flow fits");
    } else {
        out.table(table);
    }
    const uint64_t matched = number_at(answer, "matched");
    if (flows.is_array() && flows.size() < matched) {
        out.line(fmt::format("and {} more; `limit N` shows more of them",
                             format_count(matched - flows.size())));
    }
}

void print_names(Output& out, const Json& answer) {
    TextTable table({{"Name"},
                     {"Flows", Align::right},
                     {"Allowed", Align::right},
                     {"Denied", Align::right},
                     {"Sent", Align::right},
                     {"Received", Align::right},
                     {"Missed?", Align::right}});
    uint64_t flows = 0;
    for (const Json& each : at(answer, "rows")) {
        const uint64_t missed = number_at(each, "missed");
        flows += number_at(each, "flows");
        table.add({or_dash(text_at(each, "name")), format_count(number_at(each, "flows")),
                   format_count(number_at(each, "allowed")),
                   format_count(number_at(each, "denied")),
                   format_bytes(number_at(each, "bytes_to_server")),
                   format_bytes(number_at(each, "bytes_to_client")),
                   missed == 0 ? "" : "up to " + format_count(missed)});
    }
    if (table.is_empty()) {
        out.line("no flow was judged lately");
        return;
    }
    out.table(table);
    const uint64_t all = number_at(at(answer, "total"), "flows");
    out.line(fmt::format(
        "of {} flows of the last {} minutes{}", format_count(all), number_at(answer, "minutes"),
        all > flows ? fmt::format("; {} of other names", format_count(all - flows)) : ""));
}

// The name, wherever the protocol has it.
std::string name_of(const Json& event) {
    constexpr std::array<std::pair<const char*, const char*>, 4> places{
        {{"tls", "sni"}, {"http", "hostname"}, {"quic", "sni"}, {"dns", "rrname"}}};
    for (const auto& [object, key] : places) {
        if (const std::string name = text_at(at(event, object), key); !name.empty()) {
            return name;
        }
    }
    return "-";
}

volatile std::sig_atomic_t interrupted = 0;

void note_interrupt(int /*number*/) noexcept {
    interrupted = 1;
}

// Ctrl-C ends the command, not the shell.
class Interrupts {
public:
    Interrupts() {
        interrupted = 0;

        struct sigaction action {};

        action.sa_handler = note_interrupt; // without SA_RESTART: recv() has to return
        ::sigaction(SIGINT, &action, &before_);
    }

    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;
    Interrupts(Interrupts&&) = delete;
    Interrupts& operator=(Interrupts&&) = delete;

    ~Interrupts() { ::sigaction(SIGINT, &before_, nullptr); }

private:
    struct sigaction before_ {};
};

} // namespace

std::string judged_line(const Json& event) {
    const Json& ours = at(event, "portcullis");
    const std::string time = text_at(event, "timestamp");
    const std::string inspect = text_at(ours, "inspect");
    const std::string rule = text_at(ours, "inspect_rule");
    const std::string reason = text_at(ours, "reason");
    return fmt::format("{} {} {} {} {} > {}{}{}{}", time.size() > 23 ? time.substr(11, 12) : time,
                       text_at(ours, "verdict", "?"), name_of(event),
                       text_at(event, "app_proto", text_at(event, "proto", "?")),
                       end_words(event, "src_ip", "src_port"),
                       end_words(event, "dest_ip", "dest_port"),
                       inspect.empty() ? "" : " " + inspect, rule.empty() ? "" : " rule " + rule,
                       reason.empty() ? "" : " (" + reason + ")");
}

int show_inspect_flows(Session& session, const Call& call) {
    const FlowQuestion question = flow_question(call.line, call.rest, FlowCommand::inspected);
    if (question.mistake) {
        return session.fail_at(exit_usage, call.line, *question.mistake);
    }
    Json parameters{{"filter", question.filter}, {"sort", question.sort}};
    if (question.limit) {
        parameters["limit"] = *question.limit;
    }
    const Answer answer = session.client().call("ShowInspectFlows", parameters);
    if (!answer.ok()) {
        return session.fail(answer);
    }
    session.out().json(answer.parameters);
    print_inspected(session.out(), answer.parameters);
    const Json& inspector = at(answer.parameters, "inspector");
    std::string wrong = text_at(inspector, "error");
    wrong += wrong.empty() ? "" : "; shown is what it has let go or denied";
    if (wrong.empty()) {
        wrong = missing_workers(at(inspector, "workers"));
    }
    if (wrong.empty()) {
        return exit_done;
    }
    session.out().complain(printable(wrong) + "\n");
    return protocol::exit_code("Partly");
}

int top_names(Session& session, const Call& call) {
    Json parameters{{"by", call.has("bytes") ? "bytes" : "flows"}};
    if (call.has("number")) {
        parameters["limit"] = *parse_number(call.get("number"));
    }
    return show(session, "TopNames", parameters, [](Output& out, const Json& answer) {
        print_names(out, answer);
        if (const std::string missing = missing_workers(at(answer, "workers")); !missing.empty()) {
            out.line(missing);
        }
    });
}

int monitor_inspect(Session& session, const Call& /*call*/) {
    const Interrupts interrupts;
    Output& out = session.out();
    uint64_t events = 0;
    uint64_t lost = 0;
    const Answer answer = session.client().listen("MonitorInspect", [&](const Json& words) {
        if (const std::string note = text_at(words, "note"); !note.empty()) {
            out.complain(printable(note) + "\n");
        }
        if (const uint64_t more = number_at(words, "lost"); more > 0) {
            lost += more;
            out.complain(fmt::format("{} events lost\n", format_count(more)));
        }
        for (const Json& line : at(words, "lines")) {
            ++events;
            const std::string text = line.is_string() ? line.get<std::string>() : "";
            const Json event = out.is_json() ? Json() : Json::parse(text, nullptr, false);
            out.now(out.is_json() ? text.substr(0, text.find('\n'))
                                  : printable(judged_line(event)));
        }
        return interrupted == 0;
    });
    if (!answer.ok()) {
        return session.fail(answer);
    }
    out.complain(fmt::format("{} events, {} lost\n", format_count(events), format_count(lost)));
    return exit_done;
}

} // namespace pc::shell
