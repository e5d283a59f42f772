// SPDX-License-Identifier: GPL-3.0-or-later
// One spelling for the names that clients send and operators write, so that "WWW.Example." cannot
// slip past a policy that says "www.example".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pc::inspect {

constexpr size_t host_name_bytes_max = 255; // RFC 1035; also what TLS servers take

// Lower case, one trailing dot removed. None if it is too long, has an empty label, or holds a byte
// that no server name has (controls, space, '/', '@', quotes, anything outside ASCII).
[[nodiscard]] std::optional<std::string> normal_host_name(std::string_view text);

} // namespace pc::inspect
