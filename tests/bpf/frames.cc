// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bpf/frames.h"

#include <sstream>

#include <catch2/catch.hpp>

#include "rules/parse.h"

namespace pc::test {

namespace {

const RuleSet& zones() {
    static const RuleSet rules =
        parse({.path = "zones.toml", .text = zones_toml},
              [](std::string_view, std::string_view) -> Result<std::vector<SourceFile>> {
                  return Error{.err = 0, .message = "no files here"};
              })
            .rules;
    return rules;
}

} // namespace

Packet packet_of(const std::string& words) {
    std::istringstream stream(words);
    std::vector<std::string> list;
    for (std::string word; stream >> word;) {
        list.push_back(word);
    }
    const ParsedPacket parsed = parse_packet(list, zones());
    INFO(words << "\n" << render(parsed.diagnostics, {parsed.line}, ""));
    REQUIRE_FALSE(parsed.diagnostics.has_errors());
    return parsed.packet;
}

std::string interface_of(const Packet& packet) {
    REQUIRE(packet.in.has_value());
    for (const Zone& zone : zones().zones) {
        if (zone.name == *packet.in) {
            return zone.interfaces.front();
        }
    }
    FAIL("no zone " << *packet.in);
    return "";
}

Outcome run(const std::string& words, const FrameShape& shape) {
    const Packet packet = packet_of(words);
    return Harness::get().run(frame_of(packet, shape), interface_of(packet));
}

std::string reasons_of(const Outcome& outcome) {
#define PC_WORD(name, word) {PC_REASON_##name, word},
    static const std::map<uint32_t, std::string> words{PC_DROP_REASONS(PC_WORD)
                                                           PC_PASS_REASONS(PC_WORD)};
#undef PC_WORD
    std::string text;
    for (const auto& [reason, packets] : outcome.reasons) {
        text += (text.empty() ? "" : " ") + words.at(reason);
    }
    return text;
}

std::string rules_of(const Outcome& outcome) {
    std::string text;
    for (const auto& [name, packets] : outcome.rules) {
        text += (text.empty() ? "" : " ") + name + "+" + std::to_string(packets);
    }
    return text;
}

} // namespace pc::test
