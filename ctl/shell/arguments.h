// SPDX-License-Identifier: GPL-3.0-or-later
// The kinds of arguments in command patterns: their words, their help, what cannot be one.
#pragma once

#include "ctl/shell/grammar.h"

namespace pc::shell {

[[nodiscard]] Argument argument_named(std::string_view name); // "rule"; asserts that it exists
[[nodiscard]] std::string_view help_of(Argument argument);

// Why the text cannot be such an argument; empty if it can, as far as its form says.
[[nodiscard]] std::string misfit(Argument argument, const std::string& text);

// Nine digits at most.
[[nodiscard]] std::optional<uint32_t> parse_number(std::string_view text);

// "192.0.2.1", "192.0.2.1:443", "2001:db8::1", "[2001:db8::1]:443".
struct Endpoint {
    std::string address;
    std::optional<uint16_t> port;
};

[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text);

// "90s", "5m", "1h", "2d", "1h30m": seconds; 0 if it is none.
[[nodiscard]] uint64_t parse_seconds(std::string_view text);

} // namespace pc::shell
