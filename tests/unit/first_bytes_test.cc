// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/first_bytes.h"

#include <catch2/catch.hpp>

#include "ctl/inspect/recognise_datagram.h"
#include "tests/support/quic_train.h"
#include "tests/support/tls_bytes.h"

namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using pc::inspect::Bytes;
using pc::inspect::NameState;
using pc::inspect::QuicAssembler;
using pc::inspect::Recognised;
using pc::inspect::Undecided;
using pc::inspect::UndecidedDatagrams;

Bytes bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

Recognised stream(std::string_view bytes) {
    const auto result = pc::inspect::recognise(bytes_of(bytes));
    REQUIRE(std::holds_alternative<Recognised>(result));
    return std::get<Recognised>(result);
}

Recognised datagram(std::string_view bytes) {
    QuicAssembler quic;
    const auto result = pc::inspect::recognise_datagram(quic, bytes_of(bytes));
    REQUIRE(std::holds_alternative<Recognised>(result));
    return std::get<Recognised>(result);
}

UndecidedDatagrams undecided(QuicAssembler& quic, std::string_view bytes) {
    const auto result = pc::inspect::recognise_datagram(quic, bytes_of(bytes));
    REQUIRE(std::holds_alternative<UndecidedDatagrams>(result));
    return std::get<UndecidedDatagrams>(result);
}

std::string hello(std::string_view name) {
    return pc::client_hello_message(name.empty() ? "" : pc::sni(name));
}

std::string tls(std::string_view name) {
    return "\x16\x03\x01" + pc::vec(2, hello(name));
}

std::string initial(std::string_view name) {
    pc::InitialPacket packet;
    packet.frames = pc::crypto_frame(0, hello(name));
    return pc::initial_datagram(packet);
}

std::string dns(std::string_view wire_name) {
    return "\x12\x34\1\0\0\1\0\0\0\0\0\0"s + std::string(wire_name) + "\0\1\0\1"s;
}

} // namespace

TEST_CASE("a stream is TLS, HTTP or nothing known, with or without a name") {
    CHECK(stream(tls("a.example")).protocol == "tls");
    CHECK(stream(tls("a.example")).name == "a.example");
    CHECK(stream(tls("a.example")).state == NameState::found);
    CHECK(stream(tls("")).state == NameState::none);
    CHECK(stream(tls("a b")).state == NameState::malformed);
    CHECK(stream(tls("a b")).protocol == "tls");
    CHECK(stream("GET / HTTP/1.1\r\nHost: b.example\r\n\r\n").protocol == "http");
    CHECK(stream("GET / HTTP/1.1\r\nHost: b.example\r\n\r\n").name == "b.example");
    CHECK(stream("GET / HTTP/1.0\r\n\r\n").state == NameState::none);
    CHECK(stream("GET / HTTP/1.1\r\nHost\r\n\r\n").state == NameState::malformed);
    CHECK(stream("GET / HTTP/1.1\r\nHost\r\n\r\n").protocol == "http");
    CHECK(stream("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(9, '\1')).protocol == "http");
    CHECK(stream("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\1\0\0\0\0\0"s).state ==
          NameState::malformed);
    CHECK(stream("PRIVATE words\r\n").protocol.empty());
    CHECK(stream("SSH-2.0-x\r\n").protocol.empty());
    CHECK(stream("SSH-2.0-x\r\n").state == NameState::none);
}

TEST_CASE("a stream that is not all there asks for more") {
    const auto more = [](std::string_view bytes) {
        const auto result = pc::inspect::recognise(bytes_of(bytes));
        REQUIRE(std::holds_alternative<Undecided>(result));
        return std::get<Undecided>(result);
    };
    CHECK_FALSE(more("").certain);
    CHECK(more(tls("a.example").substr(0, 20)).certain);
    CHECK(more(tls("a.example").substr(0, 20)).bytes == tls("a.example").size());
    CHECK(more("GET /").certain);
    CHECK(more("GET /").bytes == 6);
    CHECK(more("P").certain);
    CHECK(more("PRI * HTT").certain);
    CHECK(more("PRI * HTT").bytes == 33);
    CHECK_FALSE(more("HELLO").certain);
}

TEST_CASE("a datagram is QUIC, DNS or nothing known, with or without a name") {
    CHECK(datagram(initial("a.example")).protocol == "quic");
    CHECK(datagram(initial("a.example")).name == "a.example");
    CHECK(datagram(initial("")).state == NameState::none);
    CHECK(datagram(initial("a b")).state == NameState::malformed);
    CHECK(datagram(initial("a b")).protocol == "quic");
    CHECK(datagram(dns("\1A\7example\0"sv)).protocol == "dns");
    CHECK(datagram(dns("\1A\7example\0"sv)).name == "a.example");
    CHECK(datagram(dns("\0"sv)).state == NameState::none);
    CHECK(datagram(dns("\0"sv)).protocol == "dns");
    CHECK(datagram(dns("\1a\0"sv) + "x").state == NameState::malformed);
    CHECK(datagram(dns("\1a\0"sv) + "x").protocol == "dns");
    std::string answer = dns("\1a\0"sv);
    answer[2] = '\x81';
    CHECK(datagram(answer).protocol.empty());
    CHECK(datagram("anything").protocol.empty());
    CHECK(datagram("").state == NameState::none);
}

TEST_CASE("QUIC that is not all there asks for more, and says what has to be let through") {
    pc::TrainOptions options;
    options.message =
        pc::client_hello_message(pc::sni("a.example") + pc::extension(21, std::string(1200, '\0')));
    options.datagrams = 2;
    const std::vector<std::string> train = pc::initial_train(options);
    QuicAssembler quic;
    const UndecidedDatagrams early =
        undecided(quic, pc::opaque_packet(pc::train_v1, 1, options.first.dcid, 100));
    CHECK(early.wants_answer);
    CHECK_FALSE(early.certain);
    const UndecidedDatagrams first = undecided(quic, train[0]);
    CHECK_FALSE(first.wants_answer);
    CHECK(first.certain);
    const auto last = pc::inspect::recognise_datagram(quic, bytes_of(train[1]));
    REQUIRE(std::holds_alternative<Recognised>(last));
    CHECK(std::get<Recognised>(last).name == "a.example");
}
