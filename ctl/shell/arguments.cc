// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/arguments.h"

#include <array>
#include <cassert>

#include "rules/net.h"

namespace pc::shell {
namespace {

struct Known {
    std::string_view name;
    Argument argument{};
    std::string_view help;
};

constexpr std::array known{
    Known{"rule", Argument::rule, "name of a rule"},
    Known{"set", Argument::set, "name of a set"},
    Known{"dynamic", Argument::dynamic, "name of a dynamic set"},
    Known{"zone", Argument::zone, "name of a zone"},
    Known{"inspect", Argument::inspect, "name of an [inspect.*]"},
    Known{"interface", Argument::interface, "network interface"},
    Known{"revision", Argument::revision, "number of a revision, see `show commits`"},
    Known{"prefix", Argument::prefix, "address or prefix"},
    Known{"address", Argument::address, "IPv4 or IPv6 address"},
    Known{"time", Argument::time, "90s, 5m, 1h, 2d"},
    Known{"file", Argument::file, "path of a file"},
    Known{"text", Argument::text, "free text, in quotes if it has spaces"},
    Known{"table", Argument::table, "rule, set, zone, inspect, host, defaults, safety"},
    Known{"removal", Argument::removal, "rule, set, zone, inspect, host, defaults, safety"},
    Known{"packet", Argument::packet, "in ZONE PROTO SRC[:PORT] DST[:PORT] [out ZONE] ..."},
    Known{"endpoint", Argument::endpoint, "ADDRESS, ADDRESS:PORT or [IPV6]:PORT"},
    Known{"number", Argument::number, "how many"},
    Known{"flow", Argument::flow, "src PREFIX, port N, proto WORD, state WORD, sort bytes, ..."},
    Known{"which", Argument::which, "src PREFIX, port N, proto WORD, state WORD, ...; or all"},
    Known{"inspected", Argument::inspected,
          "src PREFIX, name SERVER, verdict WORD, inspect NAME, ..."},
    Known{"command", Argument::command, "a command"},
};

} // namespace

Argument argument_named(std::string_view name) {
    for (const Known& each : known) {
        if (each.name == name) {
            return each.argument;
        }
    }
    assert(false);
    return Argument::none;
}

std::string_view help_of(Argument argument) {
    for (const Known& each : known) {
        if (each.argument == argument) {
            return each.help;
        }
    }
    return "";
}

std::string misfit(Argument argument, const std::string& text) {
    switch (argument) {
    case Argument::revision:
        if (text.empty() || text.size() > 9 ||
            text.find_first_not_of("0123456789") != std::string::npos) {
            return "the number of a revision is expected here";
        }
        return "";
    case Argument::prefix: {
        // Host bits are a mistake of meaning, not of form: see checked_prefix().
        const PrefixError error = parse_prefix(text).error;
        return error == PrefixError::none || error == PrefixError::host_bits
                   ? ""
                   : "'" + text + "' is no address or prefix";
    }
    case Argument::endpoint:
        return parse_endpoint(text) ? "" : "'" + text + "' is no address, or ADDRESS:PORT";
    case Argument::number:
        return parse_number(text) ? "" : "a number is expected here";
    case Argument::address:
        return parse_address(text) ? "" : "'" + text + "' is no address";
    case Argument::time:
        return parse_seconds(text) > 0 ? "" : "'" + text + "' is no time: 90s, 5m, 1h, 2d";
    case Argument::rule:
    case Argument::set:
    case Argument::dynamic:
    case Argument::zone:
    case Argument::inspect:
    case Argument::interface:
    case Argument::file:
        return text.empty() ? "a name is expected here" : "";
    case Argument::none:
    case Argument::text:
    case Argument::table:
    case Argument::removal:
    case Argument::packet:
    case Argument::flow:
    case Argument::which:
    case Argument::inspected:
    case Argument::command:
        return "";
    }
    return "";
}

std::optional<uint32_t> parse_number(std::string_view text) {
    uint32_t number = 0;
    if (text.empty() || text.size() > 9) {
        return std::nullopt;
    }
    for (const char digit : text) {
        if (digit < '0' || digit > '9') {
            return std::nullopt;
        }
        number = number * 10 + static_cast<uint32_t>(digit - '0');
    }
    return number;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
    if (const auto address = parse_address(text)) {
        return Endpoint{to_string(*address), std::nullopt};
    }
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view host = text.substr(0, colon);
    const bool in_brackets = host.starts_with('[') && host.ends_with(']');
    host = in_brackets ? host.substr(1, host.size() - 2) : host;
    const auto address = parse_address(host);
    const auto port = parse_number(text.substr(colon + 1));
    if (!address || !port || *port > UINT16_MAX || in_brackets != (address->family == Family::v6)) {
        return std::nullopt;
    }
    return Endpoint{to_string(*address), static_cast<uint16_t>(*port)};
}

uint64_t parse_seconds(std::string_view text) {
    static constexpr uint64_t seconds_max = 10ULL * 365 * 86400;
    uint64_t total = 0;
    while (!text.empty()) {
        uint64_t number = 0;
        size_t digits = 0;
        while (digits < text.size() && digits < 9 && text[digits] >= '0' && text[digits] <= '9') {
            number = number * 10 + static_cast<uint64_t>(text[digits++] - '0');
        }
        if (digits == 0 || digits == text.size()) {
            return 0;
        }
        const size_t unit = std::string_view("smhd").find(text[digits]);
        if (unit == std::string_view::npos) {
            return 0;
        }
        static constexpr std::array<uint64_t, 4> seconds{1, 60, 3600, 86400};
        total += number * seconds[unit];
        text.remove_prefix(digits + 1);
    }
    return total > seconds_max ? 0 : total;
}

} // namespace pc::shell
