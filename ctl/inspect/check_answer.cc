// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/check_answer.h"

#include <fmt/format.h>

namespace pc::inspect {

std::string check_request(std::string_view path, std::string_view host) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: portcullis\r\n"
                       "Accept: */*\r\nConnection: close\r\n\r\n",
                       path, host);
}

std::optional<uint16_t> answer_status(std::span<const std::byte> bytes) {
    constexpr std::string_view pattern = "HTTP/1.# ###"; // '#': a digit
    static_assert(pattern.size() == status_line_bytes);
    uint16_t status = 0;
    for (size_t i = 0; i < pattern.size(); ++i) {
        if (i == bytes.size()) {
            return std::nullopt;
        }
        const auto byte = static_cast<char>(bytes[i]);
        const bool is_digit = byte >= '0' && byte <= '9';
        if (pattern[i] == '#' ? !is_digit : byte != pattern[i]) {
            return uint16_t{0};
        }
        if (i >= pattern.size() - 3) {
            status = static_cast<uint16_t>(status * 10 + (byte - '0'));
        }
    }
    return status;
}

bool is_good_status(uint16_t status) {
    return status >= 200 && status < 400;
}

} // namespace pc::inspect
