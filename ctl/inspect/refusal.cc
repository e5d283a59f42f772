// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/refusal.h"

#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <sys/socket.h>

namespace pc::inspect {

std::string refusal_page(std::string_view method, std::string_view host, std::string_view rule) {
    std::string body =
        "403 Forbidden\n\n"
        "This network does not allow the request. Its firewall answers here, not the "
        "server.\n";
    body += host.empty() ? "" : fmt::format("Host: {}\n", host);
    body += fmt::format("Rule: {}\n", rule);
    return fmt::format("HTTP/1.1 403 Forbidden\r\n"
                       "Content-Type: text/plain; charset=utf-8\r\n"
                       "Content-Length: {}\r\n"
                       "X-Content-Type-Options: nosniff\r\n"
                       "Cache-Control: no-store\r\n"
                       "Connection: close\r\n\r\n{}",
                       body.size(), method == "HEAD" ? std::string_view{} : body);
}

bool send_refusal(int fd, std::string_view page) {
    const ssize_t sent = send(fd, page.data(), page.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent >= 0 && static_cast<size_t>(sent) == page.size() && shutdown(fd, SHUT_WR) == 0;
}

Drained drain(int fd, uint64_t& total) {
    std::array<char, 16384> dropped;
    while (total < refusal_bytes_max) {
        const ssize_t got = recv(fd, dropped.data(), dropped.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            return Drained::waiting;
        }
        if (got <= 0) {
            return Drained::ended;
        }
        total += static_cast<uint64_t>(got);
    }
    return Drained::ended;
}

} // namespace pc::inspect
