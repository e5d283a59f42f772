// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/http_syntax.h"

#include <algorithm>

#include "ctl/inspect/host_name.h"

namespace pc::inspect {

namespace {

constexpr std::string_view separators = "()<>@,;:\\\"/[]?={} \t";

bool is_token_char(char c) {
    return c > 0x20 && c < 0x7f && separators.find(c) == std::string_view::npos;
}

} // namespace

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

std::optional<std::string> host_of(std::string_view authority) {
    if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
        authority.remove_prefix(at + 1);
    }
    size_t end = authority.find(':');
    if (authority.starts_with('[')) {
        const size_t bracket = authority.find(']');
        if (bracket == std::string_view::npos) {
            return std::nullopt;
        }
        end = bracket + 1 == authority.size() ? std::string_view::npos : bracket + 1;
    }
    if (end != std::string_view::npos) {
        const std::string_view port = authority.substr(end + 1);
        const bool digits =
            std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (authority[end] != ':' || !digits || port.size() > 5) {
            return std::nullopt;
        }
    }
    return normal_host_name(authority.substr(0, end));
}

} // namespace pc::inspect
