// SPDX-License-Identifier: GPL-3.0-or-later
// QUIC Initials against the published packets of RFC 9001 and RFC 9369, and against trains of them
// from tests/support/quic_train.h, split, shuffled, damaged.
#include "ctl/inspect/quic_initial.h"

#include <random>

#include <catch2/catch.hpp>

#include "ctl/inspect/quic_frames.h"
#include "tests/support/openssl_hello.h"
#include "tests/support/quic_train.h"
#include "tests/support/tls_bytes.h"

namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using pc::ack_frame;
using pc::client_hello_message;
using pc::close_frame;
using pc::crypto_frame;
using pc::extension;
using pc::initial_datagram;
using pc::initial_packet;
using pc::initial_train;
using pc::InitialPacket;
using pc::opaque_packet;
using pc::sni;
using pc::train_v1;
using pc::train_v2;
using pc::TrainOptions;
using pc::varint;
using pc::vec;
using pc::inspect::Bytes;
using pc::inspect::NotQuic;
using pc::inspect::QuicAssembler;
using pc::inspect::QuicHello;
using pc::inspect::QuicMalformed;
using pc::inspect::QuicNeedMore;
using pc::inspect::QuicResult;
using pc::inspect::QuicUnnamed;

Bytes bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

template <typename Octets>
std::string hex(const Octets& octets) {
    std::string text;
    for (const auto octet : octets) {
        const auto value = static_cast<unsigned char>(octet);
        text += "0123456789abcdef"[value >> 4];
        text += "0123456789abcdef"[value & 15];
    }
    return text;
}

std::string from_hex(std::string_view text) {
    std::string bytes;
    for (size_t at = 0; at < text.size(); at += 2) {
        bytes += static_cast<char>(std::stoi(std::string(text.substr(at, 2)), nullptr, 16));
    }
    return bytes;
}

std::string hello_message(std::string_view name, size_t extra = 0) {
    return client_hello_message(sni(name) + extension(16, vec(2, vec(1, "h3"))) +
                                extension(43, vec(1, "\x03\x04")) +
                                (extra > 0 ? extension(0x4242, std::string(extra, 'x')) : ""));
}

InitialPacket packet_with(std::string frames) {
    InitialPacket packet;
    packet.frames = std::move(frames);
    return packet;
}

// All of a train; the last answer. What comes before it asks for more.
QuicResult add_all(QuicAssembler& assembler, const std::vector<std::string>& train) {
    for (size_t i = 0; i + 1 < train.size(); ++i) {
        const QuicResult result = assembler.add(bytes_of(train[i]));
        if (!std::holds_alternative<QuicNeedMore>(result)) {
            return result;
        }
    }
    return assembler.add(bytes_of(train.back()));
}

QuicResult result_of(const std::vector<std::string>& train) {
    QuicAssembler assembler;
    return add_all(assembler, train);
}

std::string name_in(const std::vector<std::string>& train) {
    const QuicResult result = result_of(train);
    if (const auto* malformed = std::get_if<QuicMalformed>(&result)) {
        return "malformed: "s + malformed->why;
    }
    const auto* hello = std::get_if<QuicHello>(&result);
    return hello == nullptr ? "alternative " + std::to_string(result.index())
                            : hello->tls.server_name;
}

std::string fault_of(const std::vector<std::string>& train) {
    const QuicResult result = result_of(train);
    const auto* malformed = std::get_if<QuicMalformed>(&result);
    return malformed == nullptr ? "none" : malformed->why;
}

bool is_certain(const QuicResult& result) {
    return std::get<QuicNeedMore>(result).certain;
}

std::string fault_of_frames(const std::string& frames) {
    return fault_of({initial_datagram(packet_with(frames))});
}

const std::string published_dcid = from_hex("8394c8f03e515708");
// The CRYPTO frame of RFC 9001 A.2 and RFC 9369 A.2.
const std::string published_frame = from_hex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011"
    "302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d001700180010000700"
    "0504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1"
    "ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c000240"
    "01003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e515"
    "70806048000ffff");

} // namespace

TEST_CASE("the keys are those of RFC 9001 A.1 and RFC 9369 A.1") {
    const auto v1 = pc::inspect::client_initial_keys(1, bytes_of(published_dcid));
    REQUIRE(v1);
    CHECK(hex(v1->key) == "1f369613dd76d5467730efcbe3b1a22d");
    CHECK(hex(v1->iv) == "fa044b2f42a3fd3b46fb255c");
    CHECK(hex(v1->header_protection) == "9f50449e04a0e810283a1e9933adedd2");
    const auto v2 = pc::inspect::client_initial_keys(0x6b3343cf, bytes_of(published_dcid));
    REQUIRE(v2);
    CHECK(hex(v2->key) == "8b1a0bc121284290a29e0971b5cd045d");
    CHECK(hex(v2->iv) == "91f73e2351d8fa91660e909f");
    CHECK(hex(v2->header_protection) == "45b95e15235d6f45a6b19cbcb0294ba9");
    CHECK_FALSE(pc::inspect::client_initial_keys(2, bytes_of(published_dcid)));

    const pc::InitialKeys generated = pc::initial_keys(train_v1, published_dcid);
    CHECK(hex(generated.secret) ==
          "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea");
    CHECK(hex(generated.key) == hex(v1->key));
    CHECK(hex(pc::initial_keys(train_v2, published_dcid).header_protection) ==
          hex(v2->header_protection));
}

TEST_CASE("the published packets are what the generator makes, and their name is read") {
    InitialPacket packet = packet_with(published_frame);
    packet.number = 2;
    packet.number_bytes = 4;
    packet.frames.resize(1162, '\0');
    const std::string v1 = initial_packet(packet);
    CHECK(hex(v1.substr(0, 38)) ==
          "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b");
    CHECK(hex(v1.substr(v1.size() - 16)) == "e221af44860018ab0856972e194cd934");
    CHECK(v1.size() == 1200);
    packet.version = train_v2;
    const std::string v2 = initial_packet(packet);
    CHECK(hex(v2.substr(0, 38)) ==
          "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071");
    CHECK(hex(v2.substr(v2.size() - 16)) == "a18b2faa745b6fe189cf772a9f84cbfc");
    for (const std::string& datagram : {v1, v2}) {
        const QuicResult result = result_of({datagram});
        REQUIRE(std::holds_alternative<QuicHello>(result));
        const auto& hello = std::get<QuicHello>(result);
        CHECK(hello.tls.server_name == "example.com");
        CHECK(hello.tls.alpn == std::vector<std::string>{"alpn"});
        CHECK(hello.tls.version == 0x0304);
        CHECK(hello.tls.ja4.substr(0, 11) == "q13d0211an_");
        CHECK(hello.version == (datagram == v1 ? train_v1 : train_v2));
    }
}

TEST_CASE("packet numbers are completed as RFC 9000 A.3 has it") {
    using pc::inspect::whole_packet_number;
    CHECK(whole_packet_number(0xa82f30ea, 0x9b32, 16) == 0xa82f9b32);
    CHECK(whole_packet_number(std::nullopt, 0, 8) == 0);
    CHECK(whole_packet_number(std::nullopt, 200, 8) == 200); // there is nothing before 0
    CHECK(whole_packet_number(300, 250, 8) == 250);
    CHECK(whole_packet_number(250, 5, 8) == 261);
    CHECK(whole_packet_number((uint64_t{1} << 62) - 2, 5, 8) == (uint64_t{1} << 62) - 251);
}

TEST_CASE("a hello comes out of any train: both versions, any connection ID, split and shuffled") {
    std::mt19937 dice(7);
    for (const uint32_t version : {train_v1, train_v2}) {
        for (size_t dcid_bytes : {0, 1, 8, 20}) {
            for (size_t datagrams : {1, 2, 5}) {
                for (size_t frames : {1, 3, 20}) {
                    TrainOptions options;
                    options.first.version = version;
                    options.first.dcid.resize(dcid_bytes, 'd');
                    options.first.scid.assign(dcid_bytes / 2, 's');
                    options.first.token.assign(dice() % 100, 't');
                    options.first.number = dice() % 100;
                    options.first.number_bytes = static_cast<int>(1 + dice() % 4);
                    options.first.length_bytes = dice() % 2 == 0 ? 2 : 8;
                    options.message = hello_message("train.example", datagrams * 400);
                    options.datagrams = datagrams;
                    options.frames = frames;
                    options.overlap = dice() % 30;
                    options.shuffle = dice() % 3 == 0 ? 0 : 1 + dice() % 1000;
                    INFO("version " << version << " dcid " << dcid_bytes << " datagrams "
                                    << datagrams << " frames " << frames << " shuffle "
                                    << options.shuffle);
                    CHECK(name_in(initial_train(options)) == "train.example");
                }
            }
        }
    }
}

TEST_CASE("OpenSSL's hellos come through with the name, and with 64 KiB at the most") {
    TrainOptions options;
    options.message =
        pc::without_records(pc::openssl_hello({.name = "Ssl.Example", .alpn = {"h3", "h2"}}));
    CHECK(name_in(initial_train(options)) == "ssl.example");
    options.datagrams = 60;
    options.shuffle = 3;
    const size_t bare = hello_message("large.example", 1).size() - 1;
    options.message = hello_message("large.example", 65535 - bare);
    CHECK(options.message.size() == 65535);
    CHECK(name_in(initial_train(options)) == "large.example");
    options.message = hello_message("large.example", 65536 - bare);
    CHECK(fault_of(initial_train(options)) == "none");          // 64 KiB, at the limit
    options.message = "\x01\x01\0\0"s + std::string(2000, 'x'); // 64 KiB and 4, says its header
    options.datagrams = 1;
    options.shuffle = 0;
    CHECK(fault_of(initial_train(options)) == "the ClientHello is too large");
    CHECK(fault_of_frames(crypto_frame(65536, "x")) == "the ClientHello is too large");
    CHECK(fault_of_frames(crypto_frame(uint64_t{1} << 40, "x")) == "the ClientHello is too large");
    CHECK(fault_of_frames(crypto_frame(65535, "x")) == "none");
}

TEST_CASE(
    "all but the last datagram of a hello ask for more, and say whether it is QUIC for sure") {
    TrainOptions options;
    options.message = hello_message("a.example", 3000);
    options.datagrams = 4;
    const std::vector<std::string> train = initial_train(options);
    REQUIRE(train.size() == 4);
    QuicAssembler assembler;
    for (int i = 0; i < 3; ++i) {
        CHECK(is_certain(assembler.add(bytes_of(train[0])))); // a datagram twice is nothing new
        CHECK(is_certain(assembler.add(bytes_of(train[static_cast<size_t>(i)]))));
    }
    CHECK(std::holds_alternative<QuicHello>(assembler.add(bytes_of(train[3]))));
}

TEST_CASE("packets that are not authentic are passed over") {
    std::string broken = initial_datagram(packet_with(crypto_frame(0, hello_message("a.example"))));
    broken.back() = static_cast<char>(broken.back() ^ 1);
    QuicAssembler assembler;
    CHECK_FALSE(is_certain(assembler.add(bytes_of(broken))));
    CHECK(name_in({broken, initial_datagram(packet_with(
                               crypto_frame(0, hello_message("b.example"))))}) == "b.example");
    // Too short for what header protection samples: no server can open it.
    const std::string tiny =
        "\xc0\0\0\0\1\x08"s + published_dcid + "\0\0\x13"s + std::string(19, 'x');
    CHECK_FALSE(is_certain(QuicAssembler{}.add(bytes_of(tiny))));
}

TEST_CASE("after a Retry the keys come from another connection ID, and the token is passed over") {
    const std::string message = hello_message("retry.example", 1500);
    TrainOptions options;
    options.message = message;
    options.datagrams = 2;
    const std::vector<std::string> before = initial_train(options);
    options.first.dcid = "chosen by the server";
    options.first.token.assign(80, 't');
    options.first.number = 1;
    const std::vector<std::string> after = initial_train(options);
    CHECK(name_in({before[0], after[0], after[1]}) == "retry.example");
    // Half of one connection and half of the other make no hello: no server has both.
    CHECK(name_in({before[0], after[1]}) == "alternative 0");
    // The server's own connection ID in the place of the first one's changes no keys.
    options = {};
    options.message = message;
    options.datagrams = 2;
    std::vector<std::string> train = initial_train(options);
    InitialPacket later =
        packet_with(crypto_frame(message.size() / 2, message.substr(message.size() / 2)));
    later.keys_from = later.dcid;
    later.dcid = "server";
    later.number = 9;
    CHECK(name_in({train[0], initial_datagram(later)}) == "retry.example");
}

TEST_CASE("a client that begins one connection after the other is malformed") {
    std::vector<std::string> train;
    for (char c = 'a'; c <= 'e'; ++c) {
        InitialPacket packet = packet_with("\x01"s);
        packet.dcid.assign(8, c);
        train.push_back(initial_datagram(packet));
    }
    CHECK(fault_of(train) == "the client begins too many connections");
    train.pop_back();
    CHECK(fault_of(train) == "none");
    InitialPacket v2 = packet_with(crypto_frame(0, hello_message("two.example")));
    v2.version = train_v2;
    CHECK(name_in({train[0], initial_datagram(v2)}) == "two.example");
}

TEST_CASE("coalesced packets are all read, padding behind them is not") {
    const std::string message = hello_message("coalesced.example", 600);
    InitialPacket first = packet_with(crypto_frame(0, message.substr(0, 300)));
    InitialPacket second = packet_with(crypto_frame(300, message.substr(300)));
    second.number = 1;
    const std::string early = opaque_packet(train_v1, 1, first.dcid, 300);
    const std::string handshake = opaque_packet(train_v1, 2, first.dcid, 50);
    const std::string whole = initial_packet(first) + early + handshake + initial_packet(second);
    const std::string padding(300, '\0');
    CHECK(name_in({whole + padding}) == "coalesced.example");
    second.dcid = "another one";
    second.keys_from = first.dcid;
    CHECK(fault_of({initial_packet(first) + early + handshake + initial_packet(second) +
                    padding}) == "a datagram holds packets of two connections");
    std::string many;
    for (uint64_t i = 0; i < 9; ++i) {
        InitialPacket packet = packet_with(std::string(200, '\1'));
        packet.number = i;
        many += initial_packet(packet);
    }
    CHECK(fault_of({many}) == "a datagram holds too many packets");
}

TEST_CASE("an Initial in a datagram under 1200 bytes is malformed: no server may take it") {
    const InitialPacket packet = packet_with(crypto_frame(0, hello_message("a.example")));
    CHECK(fault_of({initial_datagram(packet, 1199)}) ==
          "an Initial comes in a datagram that is too small");
    CHECK(name_in({initial_datagram(packet, 1200)}) == "a.example");
}

TEST_CASE("the fixed bit may be clear, as RFC 9287 has it; reserved bits may not be set") {
    InitialPacket packet = packet_with(crypto_frame(0, hello_message("a.example")));
    packet.fixed_bit = false;
    CHECK(name_in({initial_datagram(packet)}) == "a.example");
    for (unsigned int bits = 1; bits < 4; ++bits) {
        packet.reserved_bits = bits;
        CHECK(fault_of({initial_datagram(packet)}) == "reserved bits of an Initial are set");
    }
}

TEST_CASE("frames that have a place in an Initial are passed over, others are malformed") {
    const std::string hello = crypto_frame(0, hello_message("a.example"));
    for (const std::string& other :
         {"\0\0\0"s, "\x01"s, ack_frame(3, 0, false), ack_frame(70000, 5, true), close_frame("why"),
          crypto_frame(70, ""), crypto_frame(60000, "z")}) {
        CHECK(name_in({initial_datagram(packet_with(other + hello))}) == "a.example");
        CHECK(name_in({initial_datagram(packet_with(hello + other))}) == "a.example");
    }
    const std::string misplaced = "an Initial holds a frame that has no place there";
    for (const unsigned char type :
         {0x04, 0x05, 0x07, 0x08, 0x0f, 0x10, 0x1b, 0x1d, 0x1e, 0x1f, 0x30}) {
        CHECK(fault_of_frames(std::string(1, static_cast<char>(type)) + std::string(40, '\1')) ==
              misplaced);
    }
    CHECK(fault_of_frames(varint(6, 2) + varint(0) + varint(1) + "\1") == misplaced);
    CHECK(fault_of_frames(varint(0x100, 2)) == misplaced);
}

TEST_CASE("a frame that is cut short is malformed, at every byte") {
    const std::string frames =
        ack_frame(70000, 5, true) + close_frame("why") + crypto_frame(70, "abc");
    const std::vector<size_t> ends = {0, ack_frame(70000, 5, true).size(),
                                      (ack_frame(70000, 5, true) + close_frame("why")).size(),
                                      frames.size()};
    for (size_t size = 1; size <= frames.size(); ++size) {
        pc::inspect::CryptoStream stream;
        const char* why = pc::inspect::read_initial_frames(bytes_of(frames).first(size), stream);
        const bool whole = std::find(ends.begin(), ends.end(), size) != ends.end();
        INFO(size << " of " << frames.size());
        CHECK((why == nullptr ? ""sv : why) == (whole ? "" : "a frame is cut short"));
    }
    pc::inspect::CryptoStream stream;
    CHECK(pc::inspect::read_initial_frames({}, stream) == "an Initial holds no frame"sv);
    // More ranges than any packet can hold end with the bytes.
    CHECK(fault_of_frames("\x02\x01\x01" + varint((uint64_t{1} << 62) - 1)) ==
          "a frame is cut short");
}

TEST_CASE("CRYPTO frames may say a byte twice but not two things") {
    pc::inspect::CryptoStream stream;
    CHECK(stream.add(4, bytes_of("efgh")) == nullptr);
    CHECK(stream.ready().empty());
    CHECK(stream.add(10, bytes_of("kl")) == nullptr);
    CHECK(stream.add(0, bytes_of("abcdef")) == nullptr);
    CHECK(pc::inspect::text_of(stream.ready()) == "abcdefgh");
    CHECK(stream.add(7, bytes_of("hijk")) == nullptr);
    CHECK(pc::inspect::text_of(stream.ready()) == "abcdefghijkl");
    CHECK(stream.add(0, bytes_of("abcdefghijklm")) == nullptr);
    CHECK(stream.add(13, bytes_of("n")) == nullptr); // touches
    CHECK(pc::inspect::text_of(stream.ready()) == "abcdefghijklmn");
    CHECK(stream.add(3, bytes_of("x")) == "CRYPTO frames contradict each other"sv);
    CHECK(stream.add(12, bytes_of("mx")) == "CRYPTO frames contradict each other"sv);
    CHECK(fault_of_frames(crypto_frame(2, "\0\0"sv) + crypto_frame(0, "\1\0\0\1"sv)) ==
          "CRYPTO frames contradict each other");
}

TEST_CASE("gaps are bounded") {
    pc::inspect::CryptoStream stream;
    for (size_t i = 0; i < pc::inspect::quic_crypto_pieces_max; ++i) {
        REQUIRE(stream.add(2 * i, bytes_of("x")) == nullptr);
    }
    CHECK(stream.add(60000, bytes_of("x")) == "CRYPTO frames leave too many gaps"sv);
}

TEST_CASE("a handshake that is no ClientHello, or a broken one, is malformed") {
    CHECK(fault_of_frames(crypto_frame(0, "\x02\0\0\x04"s)) ==
          "the handshake does not start with a ClientHello");
    CHECK(fault_of_frames(crypto_frame(0, "\x01\0\0\x01\x03"s)) ==
          "the ClientHello has wrong lengths");
    CHECK(fault_of_frames(crypto_frame(0, hello_message("a b"))) ==
          "server_name is not a host name");
}

TEST_CASE("QUIC that tells no name says so, and may tell it later") {
    const std::string dcid(8, 'd');
    std::string grease = "\xc0\x1a\x2a\x3a\x4a" + vec(1, dcid) + vec(1, "");
    grease.resize(1200, 'g');
    QuicAssembler assembler;
    const QuicResult first = assembler.add(bytes_of(grease));
    REQUIRE(std::holds_alternative<QuicUnnamed>(first));
    CHECK(std::get<QuicUnnamed>(first).version == 0x1a2a3a4a);
    const std::string early = opaque_packet(train_v2, 1, dcid, 400);
    const QuicResult second = assembler.add(bytes_of(early));
    REQUIRE(std::holds_alternative<QuicUnnamed>(second));
    CHECK(std::get<QuicUnnamed>(second).version == train_v2);
    CHECK_FALSE(is_certain(assembler.add(bytes_of(opaque_packet(train_v1, 2, dcid, 400)))));
    CHECK_FALSE(is_certain(assembler.add(bytes_of("short header after all"))));
    const std::string hello =
        initial_datagram(packet_with(crypto_frame(0, hello_message("late.example"))));
    const QuicResult last = assembler.add(bytes_of(hello));
    REQUIRE(std::holds_alternative<QuicHello>(last));
    CHECK(std::get<QuicHello>(last).tls.server_name == "late.example");
    // A smaller datagram of an unknown version, or one without the fixed bit, can be anything.
    CHECK(std::holds_alternative<NotQuic>(QuicAssembler{}.add(bytes_of(grease).first(1199))));
    grease[0] = '\x80';
    CHECK(std::holds_alternative<NotQuic>(QuicAssembler{}.add(bytes_of(grease))));
}

TEST_CASE("what no QUIC client sends is not QUIC") {
    const std::string dcid(8, 'd');
    std::string retry = opaque_packet(train_v1, 3, dcid, 1300);
    std::string negotiation = "\xc0\0\0\0\0"s + vec(1, dcid) + vec(1, "") + std::string(1300, 'v');
    std::string long_id = "\xc0\0\0\0\1"s + vec(1, std::string(21, 'd')) + vec(1, "") + varint(0) +
                          varint(1200) + std::string(1200, 'x');
    std::string long_scid = "\xc0\0\0\0\1"s + vec(1, dcid) + vec(1, std::string(21, 's')) +
                            varint(0) + varint(1200) + std::string(1200, 'x');
    std::string cut = "\xc0\0\0\0\1"s + vec(1, dcid) + vec(1, "") + varint(0) + varint(1201) +
                      std::string(1200, 'x');
    for (const std::string& datagram :
         {""s, "\0"s, "\xc0"s, "\xc0\0\0\0\1\x08"s,
          "\xc0\x1a\x2a\x3a\x4a"s + vec(1, "seven.."sv) + std::string(1300, '\0'),
          "\x40"s + std::string(1300, 'x'), retry, opaque_packet(train_v2, 3, dcid, 1300),
          negotiation, long_id, long_scid, cut, std::string(1300, '\xff')}) {
        INFO(hex(datagram.substr(0, 12)));
        CHECK(std::holds_alternative<NotQuic>(QuicAssembler{}.add(bytes_of(datagram))));
    }
    const std::string good = initial_datagram(packet_with("\x01"));
    for (size_t size = 0; size < good.size(); ++size) {
        REQUIRE(std::holds_alternative<NotQuic>(QuicAssembler{}.add(bytes_of(good).first(size))));
    }
}

TEST_CASE("datagrams are bounded") {
    QuicAssembler quic, other;
    const std::string ping = initial_datagram(packet_with("\x01"));
    for (size_t i = 0; i < pc::inspect::quic_datagrams_max; ++i) {
        REQUIRE(is_certain(quic.add(bytes_of(ping))));
        REQUIRE(std::holds_alternative<NotQuic>(other.add(bytes_of("x"))));
    }
    CHECK(std::holds_alternative<QuicMalformed>(quic.add(bytes_of(ping))));
    CHECK(std::holds_alternative<NotQuic>(other.add(bytes_of("x"))));
}
