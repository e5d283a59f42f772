// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/dns_message.h"

#include <catch2/catch.hpp>

#include "ctl/inspect/address_names.h"
#include "tests/support/tls_bytes.h"

namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using pc::number;
using pc::vec;
using pc::inspect::AddressNames;
using pc::inspect::Bytes;
using pc::inspect::dns_a;
using pc::inspect::dns_aaaa;
using pc::inspect::dns_cname;
using pc::inspect::dns_https;
using pc::inspect::DnsMalformed;
using pc::inspect::DnsMessage;
using pc::inspect::DnsNeedMore;
using pc::inspect::is_plain_query;
using pc::inspect::parse_dns;
using pc::inspect::parse_dns_stream;

Bytes bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

DnsMessage message_of(std::string_view bytes) {
    const auto result = parse_dns(bytes_of(bytes));
    if (const auto* malformed = std::get_if<DnsMalformed>(&result)) {
        FAIL("malformed: " << malformed->why);
    }
    return std::get<DnsMessage>(result);
}

DnsMalformed malformed(std::string_view bytes) {
    const auto result = parse_dns(bytes_of(bytes));
    REQUIRE(std::holds_alternative<DnsMalformed>(result));
    return std::get<DnsMalformed>(result);
}

std::string_view fault_of(std::string_view bytes) {
    return malformed(bytes).why;
}

std::string name(std::string_view text) {
    std::string wire;
    while (!text.empty()) {
        const size_t dot = std::min(text.find('.'), text.size());
        wire += vec(1, text.substr(0, dot));
        text.remove_prefix(std::min(dot + 1, text.size()));
    }
    return wire + '\0';
}

std::string header(size_t flags, size_t questions, size_t answers = 0, size_t authorities = 0,
                   size_t additionals = 0) {
    return number(0x1234, 2) + number(flags, 2) + number(questions, 2) + number(answers, 2) +
           number(authorities, 2) + number(additionals, 2);
}

std::string question(std::string_view text, size_t type = dns_a) {
    return name(text) + number(type, 2) + number(1, 2);
}

std::string record(const std::string& owner, size_t type, size_t ttl, std::string_view body,
                   size_t class_in = 1) {
    return owner + number(type, 2) + number(class_in, 2) + number(ttl, 4) + vec(2, body);
}

const std::string to_question = "\xc0\x0c"; // a pointer
constexpr size_t answer_flags = 0x8180;

std::string answer(std::string_view asked, const std::vector<std::string>& records) {
    std::string bytes = header(answer_flags, 1, records.size()) + question(asked);
    for (const std::string& each : records) {
        bytes += each;
    }
    return bytes;
}

pc::Address v4(uint8_t last) {
    return {pc::Family::v4, {192, 0, 2, last}};
}

std::string wire_v4(uint8_t last) {
    return "\xc0\0\2"s + static_cast<char>(last);
}

} // namespace

TEST_CASE("a query gives its id, name and type") {
    const DnsMessage query = message_of(header(0x0100, 1) + question("WWW.Example", dns_aaaa));
    CHECK(query.id == 0x1234);
    CHECK_FALSE(query.response);
    CHECK_FALSE(query.truncated);
    CHECK_FALSE(query.edns);
    CHECK(query.name == "www.example");
    CHECK(query.type == dns_aaaa);
    CHECK(is_plain_query(query));
    const std::string edns = record(name(""), pc::inspect::dns_opt, 0x01000000, "options", 1232);
    const DnsMessage with_edns =
        message_of(header(0x0103, 1, 0, 0, 1) + question("_dns.a.example") + edns);
    CHECK(with_edns.edns);
    CHECK(with_edns.rcode == 0x13);
    CHECK(with_edns.name == "_dns.a.example");
    CHECK_FALSE(is_plain_query(with_edns));
}

TEST_CASE("flags are told apart") {
    CHECK(message_of(header(0x8000, 0)).response);
    CHECK(message_of(header(0x0200, 0)).truncated);
    CHECK(message_of(header(0x2800, 0)).opcode == 5);
    CHECK(message_of(header(0x0005, 0)).rcode == 5);
    for (const size_t flags : {0x8000, 0x0200, 0x2800, 0x0005}) {
        CHECK_FALSE(is_plain_query(message_of(header(flags, 1) + question("a.example"))));
    }
    CHECK_FALSE(is_plain_query(message_of(header(0, 0))));
    CHECK(fault_of(header(0x0040, 1) + question("a")) == "the header is broken");
    CHECK(fault_of(header(0, 2) + question("a") + question("b")) == "the header is broken");
}

TEST_CASE("an answer gives addresses, CNAMEs and HTTPS with owner and TTL, and nothing else") {
    const DnsMessage message = message_of(
        header(answer_flags, 1, 6, 1, 1) + question("a.example") +
        record(to_question, dns_cname, 300, "\1b" + to_question) +
        record("\1b" + to_question, dns_a, 60, wire_v4(1)) +
        record("\1b" + to_question, dns_aaaa, 0x80000001,
               "\x20\1\x0d\xb8"s + std::string(12, '\0')) +
        record(to_question, dns_https, 7, "anything") + record(to_question, 16, 7, "a text") +
        record(to_question, dns_a, 7, "chaos", 3) + record(to_question, 6, 7, "authority") +
        record(name(""), pc::inspect::dns_opt, 0, "", 1232));
    REQUIRE(message.answers.size() == 4);
    CHECK(message.answers[0].type == dns_cname);
    CHECK(message.answers[0].name == "a.example");
    CHECK(message.answers[0].target == "b.a.example");
    CHECK(message.answers[0].ttl_s == 300);
    CHECK(message.answers[1].name == "b.a.example");
    CHECK(message.answers[1].address == v4(1));
    CHECK(message.answers[2].address == pc::Address{pc::Family::v6, {0x20, 1, 0x0d, 0xb8}});
    CHECK(message.answers[2].ttl_s == 0);
    CHECK(message.answers[3].type == dns_https);
    CHECK_FALSE(message.answers[3].address);
    CHECK(message.edns);
}

TEST_CASE("a name's odd bytes are written out, so that none is taken for another") {
    const auto name_in = [](const std::string& wire) {
        return message_of(header(0, 1) + wire + number(1, 2) + number(1, 2)).name;
    };
    CHECK(name_in(name("")) == ".");
    CHECK(name_in(vec(1, "a.b") + name("example")) == "a\\046b.example");
    CHECK(name_in(vec(1, "\0 \xff\\"sv) + name("")) == "\\000\\032\\255\\092");
    CHECK(name_in(name("x-1_Y")) == "x-1_y");
}

TEST_CASE("names have at most 255 bytes, labels 63") {
    const std::string label = vec(1, std::string(63, 'a'));
    const auto with = [](const std::string& wire) {
        return header(0, 1) + wire + number(1, 2) + number(1, 2);
    };
    CHECK(
        message_of(with(label + label + label + vec(1, std::string(61, 'b')) + '\0')).name.size() ==
        3 * 64 + 61);
    CHECK(fault_of(with(label + label + label + vec(1, std::string(62, 'b')) + '\0')) ==
          "a name is too long");
    CHECK(fault_of(with(vec(1, std::string(64, 'a')) + '\0')) == "a name is broken");
    CHECK(fault_of(with("\x80" + std::string(200, 'a'))) == "a name is broken");
}

TEST_CASE("pointers lead backwards only, and not for ever") {
    const auto with = [](const std::string& owner) {
        return header(answer_flags, 1, 1) + question("a.example") + record(owner, 16, 0, "");
    };
    CHECK(message_of(with("\xc0\x0c")).answers.empty());
    const size_t owner_at = 12 + question("a.example").size();
    for (const size_t target : {owner_at, owner_at + 1, owner_at + 2, size_t{0x3fff}}) {
        CHECK(fault_of(with(number(0xc000 | target, 2))) ==
              "a name's pointers do not lead backwards");
    }
    // x. -> itself: the part that it is in begins where it points to.
    CHECK(fault_of(with("\1x" + number(0xc000 | owner_at, 2))) ==
          "a name's pointers do not lead backwards");
    // Pointers to pointers, each to the one before: 64 are followed.
    std::string hops = "\xc0\x0c";
    const size_t text_at = owner_at + to_question.size() + 10;
    for (size_t i = 0; i < 80; ++i) {
        hops += number(0xc000 | (text_at + 2 * i), 2);
    }
    const auto pointed = [&](size_t hop) {
        return header(answer_flags, 1, 2) + question("a.example") +
               record(to_question, 16, 0, hops) +
               record(number(0xc000 | (text_at + 2 * hop), 2), dns_a, 0, wire_v4(9));
    };
    CHECK(message_of(pointed(62)).answers.at(0).name == "a.example");
    CHECK(fault_of(pointed(63)) == "a name's pointers do not lead backwards");
}

TEST_CASE("a message cut at any byte is malformed, and a query is still known as one") {
    const std::string bytes = answer("a.example", {record(to_question, dns_cname, 1, name("b")),
                                                   record(name("b"), dns_a, 1, wire_v4(1))});
    for (size_t size = 0; size < bytes.size(); ++size) {
        CHECK_FALSE(malformed(std::string_view(bytes).substr(0, size)).is_query);
    }
    CHECK(fault_of(bytes + "x") == "bytes are left over");
    const std::string query = header(0x0100, 1, 0, 0, 1) + question("a.example");
    CHECK(malformed(query).is_query);
    CHECK(malformed(header(0x0100, 1) + question("a.example") + "x").is_query);
    CHECK_FALSE(malformed(query.substr(0, query.size() - 1)).is_query);
    CHECK_FALSE(malformed(header(0x0100, 1, 1) + question("a.example")).is_query);
    CHECK_FALSE(malformed(header(0x0100, 1, 0, 1) + question("a.example")).is_query);
    CHECK_FALSE(malformed(header(0x0100, 1, 0, 0, 3) + question("a.example")).is_query);
    CHECK_FALSE(malformed(header(0x0101, 1) + question("a.example") + "x").is_query);
    CHECK_FALSE(malformed(header(0x2900, 1) + question("a.example") + "x").is_query);
    CHECK_FALSE(
        malformed(header(0x0100, 1) + name("a") + number(1, 2) + number(3, 2) + "x").is_query);
}

TEST_CASE("records of a wrong length are malformed") {
    for (const auto& [type, body] : {std::pair<size_t, std::string>{dns_a, "123"},
                                     {dns_a, "12345"},
                                     {dns_aaaa, "1234"},
                                     {dns_cname, name("b") + "x"},
                                     {dns_cname, "\3b"}}) {
        const std::string bytes = answer(
            "a.example", {record(to_question, type, 1, body), record(to_question, 16, 1, "more")});
        CHECK((fault_of(bytes) == "a record has a wrong length" ||
               fault_of(bytes) == "a name is broken"));
    }
    const std::string opt = record(name(""), pc::inspect::dns_opt, 0, "", 1232);
    CHECK(fault_of(header(0, 1, 0, 0, 2) + question("a") + opt + opt) ==
          "EDNS stands twice, or has a name");
    CHECK(fault_of(header(0, 1, 0, 0, 1) + question("a") +
                   record(name("a"), pc::inspect::dns_opt, 0, "")) ==
          "EDNS stands twice, or has a name");
}

TEST_CASE("answers are kept up to a cap") {
    const std::vector<std::string> many(300, record(to_question, dns_a, 1, wire_v4(1)));
    CHECK(message_of(answer("a.example", many)).answers.size() == pc::inspect::dns_answers_max);
}

TEST_CASE("over TCP a message has its length in front") {
    const std::string query = header(0x0100, 1) + question("a.example");
    const std::string stream = vec(2, query) + "next";
    for (size_t size = 0; size < 2 + query.size(); ++size) {
        const auto result = parse_dns_stream(bytes_of(stream).first(size));
        REQUIRE(std::holds_alternative<DnsNeedMore>(result));
        CHECK(std::get<DnsNeedMore>(result).bytes == (size < 2 ? 2 : 2 + query.size()));
    }
    const auto result = parse_dns_stream(bytes_of(stream));
    REQUIRE(std::holds_alternative<DnsMessage>(result));
    CHECK(std::get<DnsMessage>(result).name == "a.example");
    CHECK(pc::inspect::dns_stream_message_bytes(bytes_of(stream)) == stream.size() - 4);
    CHECK_FALSE(pc::inspect::dns_stream_message_bytes(bytes_of("x")));
    CHECK(std::holds_alternative<DnsMalformed>(parse_dns_stream(bytes_of("\0\x0b"sv))));
    CHECK(std::holds_alternative<DnsMalformed>(parse_dns_stream(bytes_of(vec(2, query + "x")))));
}

TEST_CASE("an address gets the name that was asked for, over CNAMEs in any order") {
    AddressNames names(10);
    const std::vector<std::string> records = {
        record(name("c.cdn"), dns_a, 100, wire_v4(1)),
        record(name("b.cdn"), dns_cname, 50, name("c.cdn")),
        record(to_question, dns_cname, 200, name("b.cdn")),
        record(name("other.example"), dns_a, 100, wire_v4(2)),
        record(to_question, dns_https, 100, "x"),
    };
    names.learn(message_of(answer("www.example", records)), 1000);
    CHECK(names.name_of(v4(1), 1000) == "www.example");
    CHECK_FALSE(names.name_of(v4(2), 1000)); // nobody asked for it
    CHECK(names.size() == 1);
    CHECK(names.name_of(v4(1), 60'999)); // the chain's 50 s are less than the least
    CHECK_FALSE(names.name_of(v4(1), 61'000));
    names.learn(message_of(answer("v6.example",
                                  {record(to_question, dns_aaaa, 90, std::string(16, '\1'))})),
                0);
    pc::Address v6{pc::Family::v6, {}};
    v6.bytes.fill(1);
    CHECK(names.name_of(v6, 89'999) == "v6.example");
    CHECK_FALSE(names.name_of(v6, 90'000));
}

TEST_CASE("a name is kept for an hour at the most") {
    AddressNames names(10);
    names.learn(message_of(answer("a.example", {record(to_question, dns_a, 90000, wire_v4(1))})),
                0);
    CHECK(names.name_of(v4(1), 3'599'999));
    CHECK_FALSE(names.name_of(v4(1), 3'600'000));
}

TEST_CASE("what is no good answer teaches nothing") {
    AddressNames names(10);
    const std::string good = record(to_question, dns_a, 100, wire_v4(1));
    DnsMessage message = message_of(answer("a.example", {good}));
    message.response = false;
    names.learn(message, 0);
    message.response = true;
    message.rcode = 3;
    names.learn(message, 0);
    message.rcode = 0;
    message.opcode = 5;
    names.learn(message, 0);
    names.learn(message_of(answer("", {good})), 0);
    names.learn(message_of(header(answer_flags, 1, 1) + vec(1, "a b") + name("example") +
                           number(1, 2) + number(1, 2) + good),
                0);
    names.learn(message_of(header(answer_flags, 0, 1) + record(name("a"), dns_a, 1, wire_v4(1))),
                0);
    CHECK(names.size() == 0);
    // CNAMEs in a circle lead nowhere, and end.
    names.learn(message_of(answer("a.example", {record(to_question, dns_cname, 1, name("b")),
                                                record(name("b"), dns_cname, 1, to_question)})),
                0);
    CHECK(names.size() == 0);
}

TEST_CASE("a chain of CNAMEs is followed for 16 links") {
    for (const size_t links : {size_t{16}, size_t{17}}) {
        std::vector<std::string> records;
        for (size_t i = 0; i < links; ++i) {
            records.push_back(record(i == 0 ? to_question : name("n" + std::to_string(i)),
                                     dns_cname, 100, name("n" + std::to_string(i + 1))));
        }
        records.push_back(record(name("n" + std::to_string(links)), dns_a, 100, wire_v4(1)));
        AddressNames names(10);
        names.learn(message_of(answer("a.example", records)), 0);
        CHECK(names.size() == (links == 16 ? 1 : 0));
    }
}

TEST_CASE("the address learned longest ago makes way, and learning again makes it young") {
    AddressNames names(3);
    const auto learn = [&names](std::string_view asked, uint8_t last) {
        names.learn(message_of(answer(asked, {record(to_question, dns_a, 100, wire_v4(last))})), 0);
    };
    learn("one.example", 1);
    learn("two.example", 2);
    learn("three.example", 3);
    learn("again.example", 1);
    CHECK(names.size() == 3);
    learn("four.example", 4);
    CHECK(names.size() == 3);
    CHECK_FALSE(names.name_of(v4(2), 0));
    CHECK(names.name_of(v4(1), 0) == "again.example");
    CHECK(names.name_of(v4(3), 0) == "three.example");
    CHECK(names.name_of(v4(4), 0) == "four.example");
}
