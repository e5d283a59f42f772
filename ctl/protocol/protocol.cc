// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/protocol/protocol.h"

#include <array>
#include <cerrno>
#include <utility>

namespace pc::protocol {
namespace {

constexpr size_t nesting_max = 64;
constexpr size_t method_max = 64;

// nlohmann's parser recurses into nothing, but its destructor and dump() do: refuse deep nesting
// first.
bool is_nested_too_deep(std::string_view text) {
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > nesting_max) {
                return true;
            }
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return false;
}

bool is_method_name(std::string_view name) {
    if (name.empty() || name.size() > method_max) {
        return false;
    }
    for (const char c : name) {
        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z')) {
            return false;
        }
    }
    return true;
}

} // namespace

int exit_code(std::string_view error_name) {
    if (error_name.substr(0, method_prefix.size()) == method_prefix) {
        error_name.remove_prefix(method_prefix.size());
    }
    constexpr std::array<std::pair<std::string_view, int>, 7> codes{{
        {"Config", 1},
        {"Usage", 2},
        {"NotConfirmed", 3},
        {"Unreachable", 4},
        {"Refused", 5},
        {"Partly", 6},
        {"Failed", 1},
    }};
    for (const auto& [name, code] : codes) {
        if (name == error_name) {
            return code;
        }
    }
    return 1;
}

bool Framer::add(std::string_view bytes) {
    buffer_ += bytes;
    const size_t nul = buffer_.find('\0', scanned_);
    if (nul == buffer_.npos) {
        scanned_ = buffer_.size();
        return buffer_.size() <= message_max;
    }
    scanned_ = nul;
    return nul <= message_max;
}

std::optional<std::string> Framer::next() {
    const size_t nul = buffer_.find('\0', scanned_);
    if (nul == buffer_.npos) {
        scanned_ = buffer_.size();
        return std::nullopt;
    }
    std::string message = buffer_.substr(0, nul);
    buffer_.erase(0, nul + 1);
    scanned_ = 0;
    return message;
}

Result<Request> parse_request(std::string_view text) {
    if (text.size() > message_max) {
        return Error{EMSGSIZE, "the message is too long"};
    }
    if (is_nested_too_deep(text)) {
        return Error{EINVAL, "the message is nested too deep"};
    }
    Json message = Json::parse(text, nullptr, false);
    if (!message.is_object()) {
        return Error{EINVAL, "the message is not a JSON object"};
    }
    Request request;
    const auto method = message.find("method");
    if (method == message.end() || !method->is_string()) {
        return Error{EINVAL, "the message has no \"method\""};
    }
    std::string_view name = method->get_ref<const std::string&>();
    if (name.substr(0, method_prefix.size()) != method_prefix ||
        !is_method_name(name.substr(method_prefix.size()))) {
        return Error{EINVAL, "\"method\" is not the name of a method"};
    }
    request.method = name.substr(method_prefix.size());
    const auto more = message.find("more");
    if (more != message.end()) {
        if (!more->is_boolean()) {
            return Error{EINVAL, "\"more\" is not true or false"};
        }
        request.more = more->get<bool>();
    }
    const auto parameters = message.find("parameters");
    if (parameters != message.end()) {
        if (!parameters->is_object()) {
            return Error{EINVAL, "\"parameters\" is not an object"};
        }
        request.parameters = std::move(*parameters);
    }
    return request;
}

std::string frame(const Json& message) {
    // Text from packets or files may not be UTF-8: replaced, because dump() would throw.
    std::string text = message.dump(-1, ' ', false, Json::error_handler_t::replace);
    text.push_back('\0');
    return text;
}

Json make_error(std::string_view name, std::string_view message) {
    return Json{{"error", std::string(method_prefix) + std::string(name)},
                {"parameters", {{"message", std::string(message)}}}};
}

} // namespace pc::protocol
