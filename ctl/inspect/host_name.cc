// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/host_name.h"

#include <algorithm>

namespace pc::inspect {

namespace {

// Wider than RFC 1123: underscores are in use, and brackets and colons make IPv6 literals.
bool is_name_char(char c) {
    constexpr std::string_view others = "-._:[]%~!$&'()*+,;=";
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
}

} // namespace

std::optional<std::string> normal_host_name(std::string_view text) {
    if (!text.empty() && text.back() == '.') {
        text.remove_suffix(1);
    }
    const bool empty_label = text.empty() || text.front() == '.' || text.back() == '.' ||
                             text.find("..") != std::string_view::npos;
    if (empty_label || text.size() > host_name_bytes_max) {
        return std::nullopt;
    }
    std::string name(text);
    for (char& c : name) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    if (!std::all_of(name.begin(), name.end(), is_name_char)) {
        return std::nullopt;
    }
    return name;
}

} // namespace pc::inspect
