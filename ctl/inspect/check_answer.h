// SPDX-License-Identifier: GPL-3.0-or-later
// What a health check says to a server, and what its answer means. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pc::inspect {

// A GET for the path at "192.0.2.10:8080" (RFC 9110): the server closes behind its answer.
[[nodiscard]] std::string check_request(std::string_view path, std::string_view host);

inline constexpr size_t status_line_bytes = 12; // "HTTP/1.1 200"

// The status of an answer of which that many bytes have come, or are all that comes: 0 if these
// cannot begin one. None: more are needed.
[[nodiscard]] std::optional<uint16_t> answer_status(std::span<const std::byte> bytes);

// 2xx and 3xx: what a load balancer takes for a working server.
[[nodiscard]] bool is_good_status(uint16_t status);

} // namespace pc::inspect
