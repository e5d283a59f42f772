// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as a DNS message, by itself and over TCP: what is handed out must be bounded and clean,
// and must survive being learned.
#include "ctl/inspect/dns_message.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "ctl/inspect/address_names.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* bytes, size_t size, size_t max_size);

namespace {

using pc::inspect::DnsMessage;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check_name(const std::string& name) {
    require(name == "." || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.\\") ==
                               std::string::npos);
    require(name.size() <= 4 * pc::inspect::dns_name_bytes_max);
}

void check(const DnsMessage& message) {
    check_name(message.name);
    require(message.answers.size() <= pc::inspect::dns_answers_max);
    pc::inspect::AddressNames names(4);
    names.learn(message, 0);
    require(names.size() <= 4);
    for (const pc::inspect::DnsAnswer& answer : message.answers) {
        require(!answer.name.empty());
        check_name(answer.name);
        check_name(answer.target);
        require(!answer.address || names.size() == 0 ||
                names.name_of(*answer.address, 0).value_or(message.name) == message.name);
    }
}

// An answer with a CNAME, an address, HTTPS and EDNS, to start from.
size_t seed(uint8_t* bytes, size_t max_size) {
    static const char answer[] =
        "\x12\x34\x81\x80\0\1\0\3\0\0\0\1\1a\7example\0\0\1\0\1"
        "\xc0\x0c\0\5\0\1\0\0\1\0\0\4\1b\xc0\x0e\xc0\x27\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
        "\xc0\x0c\0\x41\0\1\0\0\0\x3c\0\3\0\1\0\0\0\x29\4\xd0\0\0\0\0\0\0";
    const size_t size = std::min(sizeof(answer) - 1, max_size);
    memcpy(bytes, answer, size);
    return size;
}

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* bytes, size_t size, size_t max_size,
                                          unsigned int dice) {
    if (size < 2 || dice % 64 == 0) {
        size = seed(bytes, max_size);
    }
    return LLVMFuzzerMutate(bytes, size, max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    const auto datagram = std::as_bytes(std::span(bytes, size));
    const auto result = pc::inspect::parse_dns(datagram);
    if (const auto* message = std::get_if<DnsMessage>(&result)) {
        check(*message);
    }
    const auto streamed = pc::inspect::parse_dns_stream(datagram);
    if (const auto* more = std::get_if<pc::inspect::DnsNeedMore>(&streamed)) {
        require(more->bytes > size && more->bytes <= pc::inspect::dns_stream_bytes_max);
    }
    if (const auto* message = std::get_if<DnsMessage>(&streamed)) {
        check(*message);
    }
    return 0;
}
