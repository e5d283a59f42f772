// SPDX-License-Identifier: GPL-3.0-or-later
// What the first bytes of a client are: TLS, HTTP or something else. Pure; joins the two parsers.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "ctl/inspect/dns_message.h"
#include "ctl/inspect/http_request.h"
#include "ctl/inspect/policy.h"
#include "ctl/inspect/quic_initial.h"
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
    std::string name;       // of the server, normal; of DNS the one that is asked for
    const char* fault = ""; // when malformed
    // monostate: none of these, or malformed. The last two are recognise_datagram()'s.
    std::variant<std::monostate, TlsHello, HttpRequest, QuicHello, DnsMessage> what;
    // For the log: "tls", "http", "quic", "dns"; empty when it is none of these.
    std::string_view protocol;
};

[[nodiscard]] inline Recognised malformed(std::string_view protocol, const char* why) {
    return Recognised{NameState::malformed, {}, why, {}, protocol};
}

// `name` is empty when there is none.
template <typename What>
[[nodiscard]] Recognised named(std::string_view protocol, std::string name, What what) {
    const NameState state = name.empty() ? NameState::none : NameState::found;
    return Recognised{state, std::move(name), "", std::move(what), protocol};
}

using FirstBytes = std::variant<Undecided, Recognised>;

[[nodiscard]] FirstBytes recognise(std::span<const std::byte> stream);

} // namespace pc::inspect
