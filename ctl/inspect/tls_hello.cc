// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/tls_hello.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace pc::inspect {

namespace {

constexpr size_t record_header_bytes = 5;
constexpr size_t record_bytes_max = 16384;
constexpr uint8_t record_alert = 21;
constexpr uint8_t record_handshake = 22;

// The handshake message as its records bring it. A message in one record, the common case, is only
// looked at; one in several is copied together.
class Message {
public:
    void add(Bytes fragment) {
        if (whole_.empty()) {
            whole_ = fragment;
            return;
        }
        if (copy_.empty()) {
            copy_.assign(whole_.begin(), whole_.end());
        }
        copy_.insert(copy_.end(), fragment.begin(), fragment.end());
        whole_ = copy_;
    }

    [[nodiscard]] Bytes bytes() const { return whole_; }

    [[nodiscard]] bool complete() const { return missing() == 0; }

    // Of bytes, the fewest that are still to come.
    [[nodiscard]] size_t missing() const { return wanted() - std::min(wanted(), whole_.size()); }

    [[nodiscard]] Bytes message() const { return whole_.first(wanted()); }

private:
    [[nodiscard]] size_t wanted() const {
        return handshake_bytes(whole_).value_or(handshake_header_bytes);
    }

    std::vector<std::byte> copy_;
    Bytes whole_; // of the stream or of copy_
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
        if (!may_be_client_hello(message.bytes())) {
            return TlsMalformed{"the handshake does not start with a ClientHello"};
        }
        if (present.size() < length && !message.complete()) {
            return need(capped.size() + message.missing());
        }
        at += record_header_bytes + length;
    }
    auto result = parse_client_hello(message.message(), Transport::tcp);
    if (auto* hello = std::get_if<TlsHello>(&result)) {
        return std::move(*hello);
    }
    return std::get<TlsMalformed>(result);
}

} // namespace pc::inspect
