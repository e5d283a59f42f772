// SPDX-License-Identifier: GPL-3.0-or-later
// The ClientHello by itself, its fingerprint, and both against OpenSSL: what its server says it saw
// is turned into a JA4 here a second time, from text.
#include "ctl/inspect/client_hello.h"

#include <set>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <openssl/sha.h>

#include "ctl/inspect/tls_hello.h"
#include "tests/support/openssl_hello.h"
#include "tests/support/tls_bytes.h"

namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using pc::client_hello_message;
using pc::extension;
using pc::HelloOptions;
using pc::HelloSeen;
using pc::sni;
using pc::vec;
using pc::inspect::Bytes;
using pc::inspect::ja4_of;
using pc::inspect::Ja4Facts;
using pc::inspect::parse_client_hello;
using pc::inspect::TlsHello;
using pc::inspect::TlsMalformed;
using pc::inspect::TlsNeedMore;
using pc::inspect::Transport;

Bytes bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

TlsHello hello_of(std::string_view message, Transport transport = Transport::tcp) {
    const auto result = parse_client_hello(bytes_of(message), transport);
    if (const auto* malformed = std::get_if<TlsMalformed>(&result)) {
        FAIL("malformed: " << malformed->why);
    }
    return std::get<TlsHello>(result);
}

std::string_view fault_of(std::string_view message) {
    const auto result = parse_client_hello(bytes_of(message), Transport::tcp);
    REQUIRE(std::holds_alternative<TlsMalformed>(result));
    return std::get<TlsMalformed>(result).why;
}

// The published example: a Chrome.
Ja4Facts published() {
    Ja4Facts facts;
    facts.version = 0x0304;
    facts.has_server_name = true;
    facts.first_alpn = "h2";
    facts.ciphers = {0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                     0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
    facts.extensions = {0x2a2a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d,
                        0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0xfafa};
    facts.signature_algorithms = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};
    return facts;
}

std::string hash12(const std::string& text) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
    std::string hex;
    for (int i = 0; i < 6; ++i) {
        hex += fmt::format("{:02x}", digest[i]);
    }
    return hex;
}

// The names that go into the hash, sorted as text.
std::string joined(const std::set<std::string>& names) {
    return fmt::format("{}", fmt::join(names, ","));
}

// From what OpenSSL's server saw of a client without GREASE, as text.
std::string ja4_by_text(const HelloSeen& seen, std::string_view version) {
    std::set<std::string> ciphers, extensions;
    for (const uint16_t cipher : seen.ciphers) {
        ciphers.insert(fmt::format("{:04x}", cipher));
    }
    for (const uint16_t type : seen.extensions) {
        if (type != 0 && type != 16) {
            extensions.insert(fmt::format("{:04x}", type));
        }
    }
    std::string algorithms;
    for (size_t at = 2; at + 1 < seen.signature_algorithms.size(); at += 2) {
        algorithms += fmt::format("{}{:02x}{:02x}", at == 2 ? "_" : ",",
                                  static_cast<unsigned char>(seen.signature_algorithms[at]),
                                  static_cast<unsigned char>(seen.signature_algorithms[at + 1]));
    }
    const std::string first =
        seen.alpn.empty() ? "" : seen.alpn.substr(3, static_cast<unsigned char>(seen.alpn[2]));
    return fmt::format("t{}{}{:02}{:02}{}_{}_{}", version, seen.server_name.empty() ? 'i' : 'd',
                       std::min<size_t>(seen.ciphers.size(), 99), seen.extensions.size(),
                       first.empty() ? "00"s : std::string{first.front(), first.back()},
                       hash12(joined(ciphers)), hash12(joined(extensions) + algorithms));
}

std::vector<HelloOptions> options() {
    std::vector<HelloOptions> all;
    for (const std::string_view name : {""sv, "a.example"sv, "UPPER.Example"sv}) {
        for (const std::vector<std::string>& alpn : std::vector<std::vector<std::string>>{
                 {}, {"h2", "http/1.1"}, {"http/1.1"}, {"h3"}, {"x"}}) {
            for (const int version :
                 {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
                all.push_back({.name = std::string(name), .alpn = alpn, .version_max = version});
            }
        }
    }
    all.push_back({.name = "only13.example", .version_min = TLS1_3_VERSION});
    all.push_back({.name = "groups.example",
                   .groups = "X25519:P-256:X448:P-384:P-521:ffdhe2048:ffdhe3072:ffdhe4096"});
    all.push_back({.name = "all.example", .ciphers = "ALL:COMPLEMENTOFALL:eNULL"});
    all.push_back({.name = "few.example", .ciphers = "AES128-SHA", .sigalgs = "RSA+SHA256"});
    all.push_back({.name = "noticket.example", .alpn = {"h2"}, .tickets = false});
    HelloOptions large{.name = "large.example"};
    for (int i = 0; i < 200; ++i) {
        large.alpn.push_back("p" + std::string(static_cast<size_t>(i), 'q'));
    }
    all.push_back(large); // 20 KiB, in several records
    return all;
}

} // namespace

TEST_CASE("the published JA4 comes out of the published hello, in any order, with any GREASE") {
    Ja4Facts facts = published();
    CHECK(ja4_of(facts) == "t13d1516h2_8daaf6152771_e5627efa2ab1");
    std::reverse(facts.ciphers.begin(), facts.ciphers.end());
    std::reverse(facts.extensions.begin(), facts.extensions.end());
    facts.extensions.push_back(0x0a0a);
    facts.signature_algorithms.insert(facts.signature_algorithms.begin(), 0xbaba);
    CHECK(ja4_of(facts) == "t13d1516h2_8daaf6152771_e5627efa2ab1");
    facts.transport = Transport::quic;
    CHECK(ja4_of(facts) == "q13d1516h2_8daaf6152771_e5627efa2ab1");
    std::reverse(facts.signature_algorithms.begin(), facts.signature_algorithms.end());
    CHECK(ja4_of(facts).substr(0, 24) == "q13d1516h2_8daaf6152771_");
    CHECK(ja4_of(facts).substr(24) != "e5627efa2ab1"); // this order is the client's own
    facts.ciphers.push_back(0x0a1a);                   // looks like GREASE and is not
    CHECK(ja4_of(facts).substr(0, 10) == "q13d1616h2");
}

TEST_CASE("each part of a JA4 has its words for what is not there") {
    CHECK(ja4_of({}) == "t00i000000_000000000000_000000000000");
    Ja4Facts facts;
    for (const auto& [version, word] : {std::pair<uint16_t, std::string_view>{0x0304, "13"},
                                        {0x0303, "12"},
                                        {0x0302, "11"},
                                        {0x0301, "10"},
                                        {0x0300, "s3"},
                                        {0x0305, "00"}}) {
        facts.version = version;
        CHECK(ja4_of(facts).substr(1, 2) == word);
    }
    facts.extensions = {0, 16}; // counted, not hashed; the algorithms alone are not hashed either
    facts.signature_algorithms = {0x0403};
    CHECK(ja4_of(facts) == "t00i000200_000000000000_000000000000");
    facts.extensions = {13};
    CHECK(ja4_of(facts).substr(24) == hash12("000d_0403"));
    facts.signature_algorithms.clear();
    CHECK(ja4_of(facts).substr(24) == hash12("000d"));
    for (uint16_t i = 0; i < 120; ++i) {
        facts.ciphers.push_back(i);
        facts.extensions.push_back(static_cast<uint16_t>(100 + i));
    }
    CHECK(ja4_of(facts).substr(4, 4) == "9999");
}

TEST_CASE("the ALPN part is its first and last character, or digit if one is no letter") {
    Ja4Facts facts;
    for (const auto& [alpn, word] : {std::pair<std::string, std::string_view>{"h2", "h2"},
                                     {"http/1.1", "h1"},
                                     {"x", "xx"},
                                     {"\xab", "ab"},
                                     {"\xab\xcd", "ad"},
                                     {"0\xab", "3b"},
                                     {"01\xab\xcd", "3d"},
                                     {"0\xab\xcd"s + "1", "01"},
                                     {"\x0a\x0a", "0a"},
                                     {"a-", "6d"}}) {
        facts.first_alpn = alpn;
        CHECK(ja4_of(facts).substr(8, 2) == word);
    }
}

TEST_CASE("a message is read without records, and says by which transport it came") {
    const std::string message = client_hello_message(
        sni("A.example") + extension(16, vec(2, vec(1, "h3"))) + extension(43, vec(1, "\x03\x04")) +
        extension(13, vec(2, "\x04\x03\x0a\x0a\x08\x04")));
    const TlsHello hello = hello_of(message, Transport::quic);
    CHECK(hello.server_name == "a.example");
    CHECK(hello.alpn == std::vector<std::string>{"h3"});
    CHECK(hello.ja4 ==
          fmt::format("q13d0204h3_{}_{}", hash12("1301,1302"), hash12("000d,002b_0403,0804")));
    CHECK(hello_of(message).ja4.front() == 't');
    CHECK_FALSE(hello.ech);
    CHECK(hello_of(client_hello_message(extension(0xfe0d, "x"))).ech);
}

TEST_CASE("a message that is no whole ClientHello is malformed") {
    const std::string message = client_hello_message(sni("a.example"));
    CHECK(fault_of("") == "the ClientHello has wrong lengths");
    CHECK(fault_of("\x02" + message.substr(1)) ==
          "the handshake does not start with a ClientHello");
    for (size_t size = 0; size < message.size(); ++size) {
        CHECK(fault_of(message.substr(0, size)) == "the ClientHello has wrong lengths");
    }
    CHECK(fault_of(message + "x") == "the ClientHello has wrong lengths");
    CHECK(fault_of("\x01"s + vec(3, message.substr(4) + "x")) ==
          "the extensions have a wrong length");
    for (const std::string_view body : {""sv, "\0"sv, "\0\0"sv, "\0\x03\x04\x03\x08"sv,
                                        "\0\x04\x04\x03"sv, "\0\x02\x04\x03\0"sv}) {
        CHECK(fault_of(client_hello_message(extension(13, body))) ==
              "signature_algorithms has a wrong length");
    }
}

TEST_CASE("the size of a message is known from its header") {
    CHECK_FALSE(pc::inspect::handshake_bytes(bytes_of("\x01\0\0"sv)).has_value());
    CHECK(pc::inspect::handshake_bytes(bytes_of("\x01\0\x02\x03"sv)) == 4 + 0x203);
    CHECK(pc::inspect::may_be_client_hello({}));
    CHECK(pc::inspect::may_be_client_hello(bytes_of("\x01")));
    CHECK_FALSE(pc::inspect::may_be_client_hello(bytes_of("\x02")));
}

TEST_CASE("OpenSSL's server and the parser agree about OpenSSL's hellos") {
    for (const HelloOptions& offer : options()) {
        const std::string stream = pc::openssl_hello(offer);
        const HelloSeen seen = pc::openssl_sees(stream);
        INFO(offer.name << ", version " << offer.version_max << ", " << stream.size() << " bytes");
        REQUIRE(seen.seen);
        const TlsHello hello = hello_of(pc::without_records(stream));
        const std::string name = seen.server_name.empty() ? "" : seen.server_name.substr(5);
        CHECK(name == offer.name);
        CHECK(hello.server_name.size() == name.size());
        CHECK(hello.version == offer.version_max);
        if (offer.alpn.size() <= pc::inspect::tls_alpn_names_max) {
            CHECK(hello.alpn == offer.alpn);
        }
        const std::string versions[] = {"10", "11", "12", "13"};
        CHECK(hello.ja4 == ja4_by_text(seen, versions[offer.version_max - TLS1_VERSION]));
        const auto by_records = pc::inspect::parse_tls_hello(bytes_of(stream));
        REQUIRE(std::holds_alternative<TlsHello>(by_records));
        CHECK(std::get<TlsHello>(by_records).ja4 == hello.ja4);
    }
}

TEST_CASE("one who waits for what is asked for calls a few times, in whatever pieces it comes") {
    const std::string message =
        client_hello_message(sni("slow.example") + extension(21, std::string(8000, '\0')));
    for (const size_t fragment : {size_t{1}, size_t{7}, size_t{512}, size_t{16384}}) {
        std::string stream;
        for (size_t at = 0; at < message.size(); at += fragment) {
            stream += "\x16\x03\x01" + vec(2, message.substr(at, fragment));
        }
        size_t calls = 0, wanted = 1;
        for (size_t size = 1; size <= stream.size(); ++size) { // one byte a segment
            if (size < wanted) {
                continue;
            }
            ++calls;
            const auto result = pc::inspect::parse_tls_hello(bytes_of(stream).first(size));
            if (const auto* more = std::get_if<TlsNeedMore>(&result)) {
                wanted = more->bytes;
                continue;
            }
            CHECK(std::get<TlsHello>(result).server_name == "slow.example");
            CHECK(size == stream.size());
        }
        INFO("records of " << fragment << ": " << calls << " calls for " << stream.size());
        CHECK(calls <= (fragment == 1 ? 80 : 40));
    }
}
