// SPDX-License-Identifier: GPL-3.0-or-later
// The answer 403 (RFC 9110 15.5.4) to a request that the policy denies, and the end of its
// connection: closed at once, with bytes of the client unread, it would be reset, and the client
// might never see the answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pc::inspect {

constexpr uint64_t refusal_ms = 2000;           // for the client to take the answer and to close
constexpr uint64_t refusal_bytes_max = 1 << 20; // of the client, read and dropped meanwhile

// Plain text in HTTP/1.1, which a client of HTTP/1.0 reads too. Without a body for HEAD.
[[nodiscard]] std::string refusal_page(std::string_view method, std::string_view host,
                                       std::string_view rule);

// Sends the page and says that nothing more comes. False if the socket did not take all of it.
[[nodiscard]] bool send_refusal(int fd, std::string_view page);

enum class Drained { waiting, ended };

// Reads and drops what the client says; `total` counts it.
[[nodiscard]] Drained drain(int fd, uint64_t& total);

} // namespace pc::inspect
