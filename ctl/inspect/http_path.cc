// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/http_path.h"

#include <algorithm>
#include <optional>

#include "ctl/inspect/http_request.h"
#include "ctl/inspect/http_syntax.h"

namespace pc::inspect {

namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Null, or what is wrong.
const char* decode(std::string_view path, std::string& decoded) {
    for (size_t at = 0; at < path.size(); ++at) {
        char c = path[at];
        if (c == '%') {
            const int high = at + 2 < path.size() ? hex_value(path[at + 1]) : -1;
            const int low = at + 2 < path.size() ? hex_value(path[at + 2]) : -1;
            if (high < 0 || low < 0) {
                return "the path holds a percent sign that encodes nothing";
            }
            c = static_cast<char>(high << 4 | low);
            at += 2;
            if (c == '/') {
                return "the path holds an encoded slash";
            }
        }
        if (is_control(c)) {
            return "the path holds a control character";
        }
        if (c == '\\') {
            return "the path holds a backslash";
        }
        decoded += c;
    }
    return nullptr;
}

// Null, or what is wrong. `path` begins with a slash.
const char* resolve(std::string_view path, std::string& resolved) {
    while (!path.empty()) {
        path.remove_prefix(1); // the slash
        const std::string_view segment = path.substr(0, path.find('/'));
        path.remove_prefix(segment.size());
        if (segment.starts_with(".;") || segment.starts_with("..;")) {
            return "the path holds dots with parameters"; // some servers drop the parameters first
        }
        const bool is_last = path.empty();
        if (segment == "..") {
            if (resolved.empty()) {
                return "the path leads above the root";
            }
            resolved.resize(resolved.rfind('/'));
        } else if (!segment.empty() && segment != ".") {
            resolved.append("/").append(segment);
            continue;
        }
        if (is_last) {
            resolved += '/'; // "/a/", "/a/." and "/a/b/.." are folders
        }
    }
    return nullptr;
}

} // namespace

std::pair<std::string, const char*> normal_path(std::string_view url) {
    if (url == "*") {
        return {"", ""};
    }
    if (url.size() > http_url_bytes_max) {
        return {"", "the path is too long"};
    }
    if (url.find('#') != std::string_view::npos) {
        return {"", "the path holds a fragment"};
    }
    const std::string_view path = url.substr(0, url.find('?'));
    if (path.empty()) {
        return {"/", ""};
    }
    std::string decoded, resolved;
    if (const char* why = decode(path, decoded)) {
        return {"", why};
    }
    if (decoded.front() != '/') {
        return {"", "the path does not begin with a slash"};
    }
    if (const char* why = resolve(decoded, resolved)) {
        return {"", why};
    }
    return {resolved, ""};
}

} // namespace pc::inspect
