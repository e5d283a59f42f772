// SPDX-License-Identifier: GPL-3.0-or-later
// DNS messages (RFC 1035, RFC 6891), questions and answers, as a UDP payload or with TCP's length
// in front. Pure and bounded: compression pointers lead backwards only, and what is kept has a cap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ctl/inspect/cursor.h"
#include "rules/net.h"

namespace pc::inspect {

constexpr size_t dns_name_bytes_max = 255;   // on the wire
constexpr size_t dns_name_pointers_max = 64; // followed in one name
constexpr size_t dns_answers_max = 256;      // more are checked, not kept
constexpr size_t dns_stream_bytes_max = 2 + 65535;

constexpr uint16_t dns_a = 1;
constexpr uint16_t dns_cname = 5;
constexpr uint16_t dns_aaaa = 28;
constexpr uint16_t dns_opt = 41;
constexpr uint16_t dns_https = 65;

// Names are lower case and without the dot at their end; the root is ".". A byte that is no letter,
// digit, hyphen or underscore stands as \DDD, so no such name can be taken for another.
struct DnsAnswer {
    std::string name;
    uint16_t type = 0; // one of the above but dns_opt; others are checked, not kept
    uint32_t ttl_s = 0;
    std::optional<Address> address; // of A and AAAA
    std::string target;             // of CNAME
};

struct DnsMessage {
    uint16_t id = 0;
    bool response = false;
    bool truncated = false;
    uint8_t opcode = 0;
    uint16_t rcode = 0; // with the upper bits of EDNS
    bool edns = false;
    std::string name; // of the question; empty when there is none
    uint16_t type = 0;
    std::vector<DnsAnswer> answers; // of class IN
};

// No server or resolver should take it. `why` is a fixed text.
struct DnsMalformed {
    const char* why = "";
    bool is_query = false; // its header and question are a query's, and only what follows is broken
};

// Of the stream, from its start: that many bytes are needed.
struct DnsNeedMore {
    size_t bytes = 0;
};

using DnsResult = std::variant<DnsMalformed, DnsMessage>;
using DnsStreamResult = std::variant<DnsNeedMore, DnsMalformed, DnsMessage>;

[[nodiscard]] DnsResult parse_dns(Bytes bytes);

// The first message of a TCP stream. dns_stream_message_bytes() tells where the next one begins.
[[nodiscard]] DnsStreamResult parse_dns_stream(Bytes stream);

[[nodiscard]] std::optional<size_t> dns_stream_message_bytes(Bytes start);

// One question and nothing else, as clients ask: so particular that hardly anything else is one.
[[nodiscard]] bool is_plain_query(const DnsMessage& message);

} // namespace pc::inspect
