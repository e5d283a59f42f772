// SPDX-License-Identifier: GPL-3.0-or-later
// What HTTP/1.x and HTTP/2 heads have in common: tokens, authorities, field values. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pc::inspect {

// ASCII controls, tab and DEL among them.
[[nodiscard]] bool is_control(char c);

// A method or a field name (RFC 9110 5.6.2), not empty.
[[nodiscard]] bool is_token(std::string_view text);

// The host of "host", "host:port", "[v6]:port", with or without "user@" in front, as
// normal_host_name() has it. None: it is not an authority.
[[nodiscard]] std::optional<std::string> host_of(std::string_view authority);

} // namespace pc::inspect
