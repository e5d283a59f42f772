// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/client_hello.h"

#include <algorithm>
#include <utility>

#include "ctl/inspect/host_name.h"

namespace pc::inspect {

namespace {

constexpr uint8_t client_hello = 1;
constexpr uint16_t extension_server_name = 0;
constexpr uint16_t extension_signature_algorithms = 13;
constexpr uint16_t extension_alpn = 16;
constexpr uint16_t extension_supported_versions = 43;
constexpr uint16_t extension_ech = 0xfe0d;
constexpr size_t extensions_max = 256; // bounds the search for duplicates

// What is read so far.
struct Reading {
    TlsHello hello;
    Ja4Facts facts;
};

// Exactly one host_name; entries of other types have no meaning yet and are skipped.
const char* read_server_name(Bytes body, TlsHello& hello) {
    Cursor extension(body);
    Cursor list(extension.vector(2));
    if (!extension.ok() || !extension.empty() || list.empty()) {
        return "server_name has a wrong length";
    }
    while (!list.empty()) {
        const bool is_host_name = list.number(1) == 0;
        const Bytes name = list.vector(2);
        if (!list.ok()) {
            return "server_name has a wrong length";
        }
        if (!is_host_name) {
            continue;
        }
        if (!hello.server_name.empty()) {
            return "server_name holds two names";
        }
        const std::optional<std::string> normal = normal_host_name(text_of(name));
        if (!normal) {
            return "server_name is not a host name";
        }
        hello.server_name = *normal;
    }
    return nullptr;
}

const char* read_alpn(Bytes body, TlsHello& hello) {
    Cursor extension(body);
    Cursor list(extension.vector(2));
    if (!extension.ok() || !extension.empty() || list.empty()) {
        return "ALPN has a wrong length";
    }
    while (!list.empty()) {
        const Bytes name = list.vector(1);
        if (!list.ok() || name.empty()) {
            return "ALPN has a wrong length";
        }
        if (hello.alpn.size() < tls_alpn_names_max) {
            hello.alpn.emplace_back(text_of(name));
        }
    }
    return nullptr;
}

const char* read_supported_versions(Bytes body, TlsHello& hello) {
    Cursor extension(body);
    Cursor list(extension.vector(1));
    if (!extension.ok() || !extension.empty() || list.empty()) {
        return "supported_versions has a wrong length";
    }
    uint16_t highest = 0;
    while (!list.empty()) {
        const uint32_t version = list.number(2);
        if (!list.ok()) {
            return "supported_versions has a wrong length";
        }
        if (version >> 8 == 3) { // leaves out GREASE (RFC 8701) and the drafts of TLS 1.3
            highest = std::max(highest, static_cast<uint16_t>(version));
        }
    }
    hello.version = highest != 0 ? highest : hello.version;
    return nullptr;
}

// Pairs of bytes.
std::vector<uint16_t> numbers(Bytes body) {
    std::vector<uint16_t> values;
    Cursor list(body);
    while (list.left() >= 2) {
        values.push_back(static_cast<uint16_t>(list.number(2)));
    }
    return values;
}

const char* read_signature_algorithms(Bytes body, Ja4Facts& facts) {
    Cursor extension(body);
    const Bytes list = extension.vector(2);
    if (!extension.ok() || !extension.empty() || list.empty() || list.size() % 2 != 0) {
        return "signature_algorithms has a wrong length";
    }
    facts.signature_algorithms = numbers(list);
    return nullptr;
}

const char* read_extension(uint32_t type, Bytes body, Reading& reading) {
    switch (type) {
    case extension_server_name:
        reading.facts.has_server_name = true;
        return read_server_name(body, reading.hello);
    case extension_signature_algorithms:
        return read_signature_algorithms(body, reading.facts);
    case extension_alpn:
        return read_alpn(body, reading.hello);
    case extension_supported_versions:
        return read_supported_versions(body, reading.hello);
    case extension_ech:
        reading.hello.ech = true;
        return nullptr;
    default:
        return nullptr;
    }
}

const char* read_extensions(Bytes body, Reading& reading) {
    std::vector<uint16_t>& seen = reading.facts.extensions;
    Cursor list(body);
    while (!list.empty()) {
        const uint32_t type = list.number(2);
        const Bytes extension = list.vector(2);
        if (!list.ok()) {
            return "an extension has a wrong length";
        }
        if (seen.size() == extensions_max) {
            return "too many extensions";
        }
        if (std::find(seen.begin(), seen.end(), type) != seen.end()) {
            return "an extension stands twice";
        }
        seen.push_back(static_cast<uint16_t>(type));
        if (const char* why = read_extension(type, extension, reading)) {
            return why;
        }
    }
    return nullptr;
}

const char* read_body(Bytes body, Reading& reading) {
    Cursor cursor(body);
    reading.hello.version = static_cast<uint16_t>(cursor.number(2));
    (void)cursor.take(32); // random; ignoring: a short message shows in ok() below
    const Bytes session_id = cursor.vector(1);
    const Bytes ciphers = cursor.vector(2);
    const Bytes compression = cursor.vector(1);
    if (!cursor.ok() || session_id.size() > 32 || ciphers.size() < 2 || ciphers.size() % 2 != 0 ||
        compression.empty()) {
        return "the ClientHello has wrong lengths";
    }
    reading.facts.ciphers = numbers(ciphers);
    if (cursor.empty()) {
        return nullptr; // before TLS extensions
    }
    const Bytes extensions = cursor.vector(2);
    if (!cursor.ok() || !cursor.empty()) {
        return "the extensions have a wrong length";
    }
    return read_extensions(extensions, reading);
}

} // namespace

std::optional<size_t> handshake_bytes(Bytes start) {
    if (start.size() < handshake_header_bytes) {
        return std::nullopt;
    }
    return handshake_header_bytes + Cursor(start.subspan(1)).number(3);
}

bool may_be_client_hello(Bytes start) {
    return start.empty() || byte_at(start, 0) == client_hello;
}

std::variant<TlsMalformed, TlsHello> parse_client_hello(Bytes message, Transport transport) {
    if (!may_be_client_hello(message)) {
        return TlsMalformed{"the handshake does not start with a ClientHello"};
    }
    if (handshake_bytes(message) != message.size()) {
        return TlsMalformed{"the ClientHello has wrong lengths"};
    }
    Reading reading;
    if (const char* why = read_body(message.subspan(handshake_header_bytes), reading)) {
        return TlsMalformed{why};
    }
    reading.facts.transport = transport;
    reading.facts.version = reading.hello.version;
    if (!reading.hello.alpn.empty()) {
        reading.facts.first_alpn = reading.hello.alpn.front();
    }
    reading.hello.ja4 = ja4_of(reading.facts);
    return std::move(reading.hello);
}

} // namespace pc::inspect
