// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/check_inspect.h"

#include <algorithm>

namespace pc {

namespace {

constexpr unsigned bit(FlowProtocol protocol) {
    return 1U << static_cast<unsigned>(protocol);
}

constexpr unsigned hellos = bit(FlowProtocol::tls) | bit(FlowProtocol::quic);
constexpr unsigned with_names = hellos | bit(FlowProtocol::http) | bit(FlowProtocol::dns);
constexpr unsigned every = with_names | bit(FlowProtocol::none);

// Of `protocol` alone.
unsigned protocols_named(const InspectRule& rule) {
    unsigned positive = 0;
    unsigned negative = 0;
    for (const WordItem& item : rule.protocol) {
        const auto protocol = parse_flow_protocol(item.text);
        const unsigned its_bit = protocol ? bit(*protocol) : 0;
        (item.negated ? negative : positive) |= its_bit;
    }
    return (positive == 0 ? every : positive) & ~negative;
}

struct Asked {
    std::string_view key;
    bool is_named;
    unsigned protocols; // that have it
};

// The key with which the rule asks for what no flow of its protocols has; empty if there is none.
std::string contradiction(const InspectRule& rule) {
    unsigned left = protocols_named(rule);
    if (left == 0) {
        return "protocol";
    }
    const unsigned http = bit(FlowProtocol::http);
    for (const Asked& asked :
         {Asked{"host", !rule.host.empty(), with_names}, Asked{"alpn", !rule.alpn.empty(), hellos},
          Asked{"ja4", !rule.ja4.empty(), hellos}, Asked{"ech", rule.ech.has_value(), hellos},
          Asked{"method", !rule.method.empty(), http}, Asked{"path", !rule.path.empty(), http}}) {
        left &= asked.is_named ? asked.protocols : every;
        if (left == 0) {
            return std::string(asked.key);
        }
    }
    return {};
}

bool asks_nothing(const InspectRule& rule) {
    return rule.host.empty() && rule.alpn.empty() && rule.method.empty() && rule.path.empty() &&
           rule.ja4.empty() && rule.protocol.empty() && !rule.ech && rule.client.empty() &&
           rule.zone.empty() && rule.time.empty();
}

void warn(Diagnostics& diagnostics, const Location& at, std::string message) {
    diagnostics.add({Severity::warning, "W101", at, std::move(message), {}, {}});
}

void check_client(const InspectRule& rule, Contents& contents, Diagnostics& diagnostics) {
    if (rule.client.empty()) {
        return;
    }
    const size_t ranges = contents.addresses(rule.client).ranges.size();
    if (ranges > client_ranges_max) {
        diagnostics.add({Severity::error,
                         "E070",
                         rule.client.front().at,
                         "'client' holds " + std::to_string(ranges) + " ranges; the limit is " +
                             std::to_string(client_ranges_max),
                         {},
                         "a [[rule]] with 'src' can have millions"});
    }
}

// Said in so many words, looking and letting go has to do for every rule.
void check_mode(const Inspect& inspect, Diagnostics& diagnostics) {
    if (inspect.mode != Inspect::Mode::peek) {
        return;
    }
    for (size_t i = 0; i < inspect.rules.size(); ++i) {
        const InspectRule& rule = inspect.rules[i];
        const bool limits = rule.action == InspectRule::Action::limit;
        if (limits || rule.deny_with == InspectRule::DenyWith::page) {
            diagnostics.add({Severity::error,
                             "E074",
                             rule.at,
                             label(inspect, i) + " cannot " +
                                 (limits ? "limit" : "answer with a page") +
                                 " where connections are only looked at: mode is \"peek\"",
                             {},
                             "mode = \"auto\" in [inspect." + inspect.name + "]"});
        }
    }
}

} // namespace

void check_inspect_rules(const RuleSet& rules, Contents& contents, Diagnostics& diagnostics) {
    for (const Inspect& inspect : rules.inspects) {
        check_mode(inspect, diagnostics);
        for (const InspectRule& rule : inspect.rules) {
            check_client(rule, contents, diagnostics);
        }
    }
}

void check_inspect_shadows(const RuleSet& rules, Diagnostics& diagnostics) {
    for (const Inspect& inspect : rules.inspects) {
        const InspectRule* end = nullptr; // of the walk, for every flow
        for (size_t i = 0; i < inspect.rules.size(); ++i) {
            const InspectRule& rule = inspect.rules[i];
            const std::string where = label(inspect, i);
            if (end != nullptr) {
                warn(diagnostics, rule.at,
                     where + " can never match: a rule above it has no condition, " +
                         place(end->at, rules.files));
                continue;
            }
            if (const std::string key = contradiction(rule); !key.empty()) {
                warn(diagnostics, rule.at,
                     where + " can never match: no flow of these protocols has what '" + key +
                         "' asks");
            }
            if (asks_nothing(rule) && rule.action != InspectRule::Action::log) {
                end = &rule;
            }
        }
    }
}

} // namespace pc
