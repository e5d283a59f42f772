// SPDX-License-Identifier: GPL-3.0-or-later
// The control protocol on <run-dir>/control.sock, framed like varlink: one JSON object, then a NUL.
//   request  {"method":"org.portcullis.GetStatus","parameters":{...},"more":true?}
//   answer   {"parameters":{...},"continues":true?}
//   error    {"error":"org.portcullis.Refused","parameters":{"message":"...", ...}}
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "rules/result.h"

namespace pc::protocol {

using Json = nlohmann::json;

inline constexpr std::string_view method_prefix = "org.portcullis.";
// A message may carry a whole configuration; anything larger is refused and the peer dropped.
inline constexpr size_t message_max = size_t{64} << 20;
inline constexpr int json_schema = 1; // of the answers; `--json` prints it

// Error names (after the prefix) and the exit code that the command line gives for them.
//   Config 1 · Usage 2 · NotConfirmed 3 · Unreachable 4 · Refused 5 · Partly 6 · Failed 1
[[nodiscard]] int exit_code(std::string_view error_name);

// Collects bytes of a stream and hands out whole messages.
class Framer {
public:
    // False once the peer has sent more than message_max bytes without a NUL.
    [[nodiscard]] bool add(std::string_view bytes);
    // The next message without its NUL.
    [[nodiscard]] std::optional<std::string> next();

private:
    std::string buffer_;
    size_t scanned_ = 0;
};

struct Request {
    std::string method; // without the prefix
    Json parameters = Json::object();
    bool more = false;
};

// Bounded: nesting deeper than 64 levels, not an object, no method, wrong types: an Error.
[[nodiscard]] Result<Request> parse_request(std::string_view text);

[[nodiscard]] std::string frame(const Json& message); // with its NUL
[[nodiscard]] Json make_error(std::string_view name, std::string_view message);

} // namespace pc::protocol
