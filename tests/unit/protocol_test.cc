// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/protocol/protocol.h"

#include <catch2/catch.hpp>

using namespace pc::protocol;

namespace {

std::vector<std::string> messages_in(Framer& framer) {
    std::vector<std::string> messages;
    while (auto message = framer.next()) {
        messages.push_back(*message);
    }
    return messages;
}

} // namespace

TEST_CASE("a request has a method of ours, parameters and more") {
    const auto request = parse_request(
        R"({"method":"org.portcullis.WatchInspect","parameters":{"a":1},"more":true})");
    REQUIRE(request.ok());
    CHECK(request.value().method == "WatchInspect");
    CHECK(request.value().parameters == Json{{"a", 1}});
    CHECK(request.value().more);
}

TEST_CASE("parameters and more may be missing") {
    const auto request = parse_request(R"({"method":"org.portcullis.GetStatus"})");
    REQUIRE(request.ok());
    CHECK(request.value().parameters == Json::object());
    CHECK_FALSE(request.value().more);
}

TEST_CASE("malformed requests are errors that say what is wrong") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "not a JSON object"},
        {"{", "not a JSON object"},
        {"[]", "not a JSON object"},
        {"17", "not a JSON object"},
        {"\xff\xfe", "not a JSON object"},
        {R"({"parameters":{}})", "no \"method\""},
        {R"({"method":7})", "no \"method\""},
        {R"({"method":"GetStatus"})", "not the name of a method"},
        {R"({"method":"org.portcullis."})", "not the name of a method"},
        {R"({"method":"org.portcullis.Get Status"})", "not the name of a method"},
        {R"({"method":"org.portcullis.GetStatus","parameters":[]})", "not an object"},
        {R"({"method":"org.portcullis.GetStatus","more":1})", "not true or false"},
    };
    for (const auto& [text, reason] : cases) {
        INFO(text);
        const auto request = parse_request(text);
        REQUIRE_FALSE(request.ok());
        CHECK(request.error().message.find(reason) != std::string::npos);
    }
}

TEST_CASE("nesting is bounded at 64 levels") {
    const auto nested = [](size_t levels) {
        return R"({"method":"org.portcullis.Check","parameters":{"x":)" +
               std::string(levels - 2, '[') + std::string(levels - 2, ']') + "}}";
    };
    CHECK(parse_request(nested(64)).ok());
    CHECK_FALSE(parse_request(nested(65)).ok());
    CHECK_FALSE(parse_request(std::string(5000000, '[')).ok());
    // Brackets in a string are text.
    CHECK(parse_request(R"({"method":"org.portcullis.Check","parameters":{"x":")" +
                        std::string(1000, '[') + R"(\""}})")
              .ok());
}

TEST_CASE("the framer hands out whole messages however the bytes are cut") {
    const std::string stream = frame(Json{{"a", 1}}) + frame(Json{{"b", "x"}}) + "{\"c\":";
    for (size_t cut = 1; cut <= stream.size(); ++cut) {
        Framer framer;
        std::vector<std::string> messages;
        for (size_t at = 0; at < stream.size(); at += cut) {
            REQUIRE(framer.add(std::string_view(stream).substr(at, cut)));
            for (std::string& message : messages_in(framer)) {
                messages.push_back(std::move(message));
            }
        }
        REQUIRE(messages == std::vector<std::string>{R"({"a":1})", R"({"b":"x"})"});
    }
}

TEST_CASE("a message over the limit is refused") {
    Framer framer;
    const std::string piece(size_t{1} << 20, 'x');
    bool refused = false;
    for (size_t i = 0; i < 66 && !refused; ++i) {
        refused = !framer.add(piece);
    }
    CHECK(refused);
}

TEST_CASE("what is not UTF-8 is replaced in an answer") {
    const std::string text = frame(Json{{"name", "a\xff"}});
    CHECK(text.back() == '\0');
    CHECK_FALSE(Json::parse(text.substr(0, text.size() - 1), nullptr, false).is_discarded());
}

TEST_CASE("each error has the exit code of the command line") {
    CHECK(exit_code("Config") == 1);
    CHECK(exit_code("Usage") == 2);
    CHECK(exit_code("NotConfirmed") == 3);
    CHECK(exit_code("Unreachable") == 4);
    CHECK(exit_code("org.portcullis.Refused") == 5);
    CHECK(exit_code("Partly") == 6);
    CHECK(exit_code("Failed") == 1);
    CHECK(exit_code("SomethingNew") == 1);
    CHECK(make_error("Refused", "no")["error"] == "org.portcullis.Refused");
    CHECK(make_error("Refused", "no")["parameters"]["message"] == "no");
}
