// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/tls_hello.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "ctl/inspect/host_name.h"

namespace pc::inspect {

namespace {

constexpr size_t record_header_bytes = 5;
constexpr size_t record_bytes_max = 16384;
constexpr size_t handshake_header_bytes = 4;
constexpr uint8_t record_alert = 21;
constexpr uint8_t record_handshake = 22;
constexpr uint8_t client_hello = 1;
constexpr uint16_t extension_server_name = 0;
constexpr uint16_t extension_alpn = 16;
constexpr uint16_t extension_supported_versions = 43;
constexpr uint16_t extension_ech = 0xfe0d;
constexpr size_t extensions_max = 256; // bounds the search for duplicates

using Bytes = std::span<const std::byte>;

uint8_t byte_at(Bytes bytes, size_t index) {
    return std::to_integer<uint8_t>(bytes[index]);
}

// Reads from the front; after the first failure everything fails.
class Cursor {
public:
    explicit Cursor(Bytes bytes) : bytes_(bytes) {}

    [[nodiscard]] bool ok() const { return ok_; }

    [[nodiscard]] bool empty() const { return bytes_.empty(); }

    // An unsigned number of `width` (1 to 3) bytes, big endian.
    uint32_t number(size_t width) {
        uint32_t value = 0;
        for (const std::byte b : take(width)) {
            value = (value << 8) | std::to_integer<uint32_t>(b);
        }
        return value;
    }

    Bytes take(size_t count) {
        if (!ok_ || bytes_.size() < count) {
            ok_ = false;
            bytes_ = {};
            return {};
        }
        const Bytes head = bytes_.first(count);
        bytes_ = bytes_.subspan(count);
        return head;
    }

    // A vector with a length of `width` bytes in front.
    Bytes vector(size_t width) { return take(number(width)); }

private:
    Bytes bytes_;
    bool ok_ = true;
};

std::string_view text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

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

const char* read_extension(uint32_t type, Bytes body, TlsHello& hello) {
    switch (type) {
    case extension_server_name:
        return read_server_name(body, hello);
    case extension_alpn:
        return read_alpn(body, hello);
    case extension_supported_versions:
        return read_supported_versions(body, hello);
    case extension_ech:
        hello.ech = true;
        return nullptr;
    default:
        return nullptr;
    }
}

const char* read_extensions(Bytes body, TlsHello& hello) {
    std::vector<uint16_t> seen;
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
        if (const char* why = read_extension(type, extension, hello)) {
            return why;
        }
    }
    return nullptr;
}

TlsResult read_client_hello(Bytes message) {
    TlsHello hello;
    Cursor cursor(message);
    hello.version = static_cast<uint16_t>(cursor.number(2));
    (void)cursor.take(32); // random; ignoring: a short message shows in ok() below
    const Bytes session_id = cursor.vector(1);
    const Bytes ciphers = cursor.vector(2);
    const Bytes compression = cursor.vector(1);
    if (!cursor.ok() || session_id.size() > 32 || ciphers.size() < 2 || ciphers.size() % 2 != 0 ||
        compression.empty()) {
        return TlsMalformed{"the ClientHello has wrong lengths"};
    }
    if (cursor.empty()) {
        return hello; // before TLS extensions
    }
    const Bytes extensions = cursor.vector(2);
    if (!cursor.ok() || !cursor.empty()) {
        return TlsMalformed{"the extensions have a wrong length"};
    }
    if (const char* why = read_extensions(extensions, hello)) {
        return TlsMalformed{why};
    }
    return hello;
}

// The handshake message collected from records, without the record headers.
class Message {
public:
    void add(Bytes fragment) { bytes_.insert(bytes_.end(), fragment.begin(), fragment.end()); }

    [[nodiscard]] size_t size() const { return bytes_.size(); }

    [[nodiscard]] bool has_header() const { return size() >= handshake_header_bytes; }

    [[nodiscard]] size_t wanted() const {
        if (!has_header()) {
            return handshake_header_bytes;
        }
        Cursor cursor(Bytes(bytes_).subspan(1));
        return handshake_header_bytes + cursor.number(3);
    }

    [[nodiscard]] bool complete() const { return has_header() && size() >= wanted(); }

    // Of bytes, the fewest that are still to come.
    [[nodiscard]] size_t missing() const { return wanted() - size(); }

    [[nodiscard]] bool is_client_hello() const { return byte_at(bytes_, 0) == client_hello; }

    [[nodiscard]] Bytes body() const {
        return Bytes(bytes_).subspan(handshake_header_bytes, wanted() - handshake_header_bytes);
    }

private:
    std::vector<std::byte> bytes_;
};

// What the bytes of a record header tell, as far as they are there.
const char* header_fault(Bytes header) {
    const uint8_t type = byte_at(header, 0);
    if (type != record_handshake && type != record_alert) {
        return "a record of another type stands before the ClientHello";
    }
    if (header.size() > 1 && byte_at(header, 1) != 3) {
        return "a record has another major version";
    }
    return nullptr;
}

bool starts_like_tls(Bytes stream) {
    return header_fault(stream.first(std::min<size_t>(stream.size(), 2))) == nullptr;
}

TlsResult need(size_t bytes) {
    if (bytes > tls_hello_bytes_max) {
        return TlsMalformed{"the ClientHello is too large"};
    }
    return TlsNeedMore{bytes};
}

} // namespace

TlsResult parse_tls_hello(Bytes stream) {
    if (stream.empty()) {
        return TlsNeedMore{1};
    }
    if (!starts_like_tls(stream)) {
        return NotTls{};
    }
    const Bytes capped = stream.first(std::min(stream.size(), tls_hello_bytes_max));
    Message message;
    size_t at = 0; // of the record that is read next
    while (!message.complete()) {
        const Bytes rest = capped.subspan(at);
        if (!rest.empty()) {
            if (const char* why = header_fault(rest)) {
                return TlsMalformed{why};
            }
        }
        if (rest.size() < record_header_bytes) {
            return need(at + record_header_bytes + message.missing());
        }
        const size_t length = Cursor(rest.subspan(3)).number(2);
        if (length == 0 || length > record_bytes_max) {
            return TlsMalformed{"a record has a wrong length"};
        }
        const Bytes fragment = rest.subspan(record_header_bytes);
        const Bytes present = fragment.first(std::min(fragment.size(), length));
        // Some servers (Go's) skip warning alerts in front of the hello, so they must not hide it.
        if (byte_at(rest, 0) == record_handshake) {
            message.add(present);
        }
        if (message.size() > 0 && !message.is_client_hello()) {
            return TlsMalformed{"the handshake does not start with a ClientHello"};
        }
        if (present.size() < length && !message.complete()) {
            return need(capped.size() + message.missing());
        }
        at += record_header_bytes + length;
    }
    return read_client_hello(message.body());
}

} // namespace pc::inspect
