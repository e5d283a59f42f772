// SPDX-License-Identifier: GPL-3.0-or-later
// What the first bytes of a client are: TLS, HTTP or something else. Pure; joins the two parsers.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <variant>

#include "ctl/inspect/http_request.h"
#include "ctl/inspect/policy.h"
#include "ctl/inspect/tls_hello.h"

namespace pc::inspect {

// The most that has to be looked at before the answer is final.
constexpr size_t first_bytes_max = tls_hello_bytes_max;

// `certain`: it is TLS or HTTP for sure, only not all there. Else it may be any protocol that waits
// for an answer to its first few bytes.
struct Undecided {
    size_t bytes = 1; // from the start of the stream, needed to know more
    bool certain = false;
};

struct Recognised {
    NameState state = NameState::none;
    std::string name;                                         // of the server, normal
    const char* fault = "";                                   // when malformed
    std::variant<std::monostate, TlsHello, HttpRequest> what; // monostate: neither, or malformed
};

using FirstBytes = std::variant<Undecided, Recognised>;

[[nodiscard]] FirstBytes recognise(std::span<const std::byte> stream);

} // namespace pc::inspect
