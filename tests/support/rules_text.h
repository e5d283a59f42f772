// SPDX-License-Identifier: GPL-3.0-or-later
// Rules and packets in their own languages, for tests.
#pragma once

#include <map>
#include <sstream>

#include <catch2/catch.hpp>

#include "rules/packet.h"
#include "rules/parse.h"

namespace pc::test {

// `files`: what a set's `file` and `include` find, by name.
inline Parsed parse_text(const std::string& text,
                         const std::map<std::string, std::string>& files = {}) {
    return parse({"rules.toml", text},
                 [&](std::string_view, std::string_view name) -> Result<std::vector<SourceFile>> {
                     const auto found = files.find(std::string(name));
                     if (found == files.end()) {
                         return Error{2, "no file " + std::string(name)};
                     }
                     return std::vector<SourceFile>{{found->first, found->second}};
                 });
}

// Text without its first line, which is always the same. Fails the test if there are errors.
inline RuleSet rules_of(const std::string& text,
                        const std::map<std::string, std::string>& files = {}) {
    Parsed parsed = parse_text("schema = 1\n" + text, files);
    INFO(render(parsed.diagnostics, parsed.rules.files, ""));
    REQUIRE_FALSE(parsed.diagnostics.has_errors());
    return std::move(parsed.rules);
}

inline std::vector<std::string> words_of(const std::string& line) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) {
        words.push_back(word);
    }
    return words;
}

// "in wan tcp 192.0.2.1:4000 198.51.100.1:22". Fails the test if there are errors.
inline Packet packet_of(const RuleSet& rules, const std::string& line) {
    const ParsedPacket parsed = parse_packet(words_of(line), rules);
    INFO(render(parsed.diagnostics, {parsed.line}, ""));
    REQUIRE_FALSE(parsed.diagnostics.has_errors());
    return parsed.packet;
}

} // namespace pc::test
