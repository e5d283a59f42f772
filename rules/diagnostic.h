// SPDX-License-Identifier: GPL-3.0-or-later
// Located messages about a rule file, and their rendering with the source line and carets. One
// printer serves files, shell lines ("<cli>") and sockets.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pc {

// A piece of configuration text with the path it is known by.
struct SourceFile {
    std::string path;
    std::string text;

    bool operator==(const SourceFile&) const = default;
};

// Lines and columns count from 1, columns in bytes; end_col is the column of the last byte.
// line 0: the whole file.
struct Location {
    uint32_t file = 0; // index into RuleSet::files
    uint32_t line = 0;
    uint32_t col = 0;
    uint32_t end_line = 0;
    uint32_t end_col = 0;

    auto operator<=>(const Location&) const = default;
    bool operator==(const Location&) const = default;
};

// Codes are stable; portcullis-rules(5) lists them. E: nothing is changed; W: it is, but look.
//   E001 not quoted           E018 key out of place        E042 ICMP types need proto icmp(6)
//   E002 not TOML             E020 not one of the words      E043 tcp_flags need proto tcp
//   E003 file not readable    E021 no such set               E044 inspect needs proto tcp
//   E004 includes: circle,    E022 no such zone              E046 bad mark
//        twice, too many      E023 no such [inspect.*]       E047 no name of a server
//   E005 schema               E024 set of the wrong type     E048 no name of an interface
//   E010 wrong type of value  E025 sets in a circle          E050 no priority left
//   E012 unknown key          E026 @management is empty      E052 priority taken
//   E013 not supported yet    E030 number, range of a field  E061 wrong hook
//   E014 key missing          E031 no address                E070 limit of rules/abi.h
//   E015 defined twice        E032 range or length           E071 interface in two zones
//   E016 bad name             E033 host bits                 E072 marks of [inspect.*] differ
//   E017 name is built in     E034 protocol                  E073 over lookup_budget
//                             E035 ICMP type or code         E080 bad line of protect
//                             E036 TCP flags                 E081 bad probe
//                             E037 cannot be negated         E090 a protected flow would be dropped
//                             E038 MAC address               W101 rule never matches
//                             E039 time or rate              W102 twice in a list
//                             E040 empty list                W103 host bits in a set's file
//                             E041 ports need a protocol     W104 not all rules compared
//                                                            W110 set without references
//                                                            W120 `until` is past
//                                                            W130 drops neighbour discovery
enum class Severity : uint8_t { error, warning };

struct Note {
    std::string text;

    bool operator==(const Note&) const = default;
};

struct Diagnostic {
    Severity severity = Severity::error;
    std::string code; // "E012", "W101": stable, listed in portcullis-rules(5)
    Location at;
    std::string message;
    std::vector<Note> notes;
    std::string help; // something that can be pasted where possible

    bool operator==(const Diagnostic&) const = default;
};

struct Diagnostics {
    std::vector<Diagnostic> list;
    bool truncated = false; // more than diagnostics_max errors were found

    [[nodiscard]] bool has_errors() const;
    void add(Diagnostic diagnostic);
};

inline constexpr size_t diagnostics_max = 50;

// Sorts by file, line and column.
void sort(Diagnostics& diagnostics);

// nft's form: "file:line:col-col: error[E012]: text", the source line, carets, notes, help; at the
// end "2 errors, 1 warning; nothing was changed" (the last words are `ending`).
[[nodiscard]] std::string render(const Diagnostics& diagnostics,
                                 const std::vector<SourceFile>& files, std::string_view ending);

// "file:line" of a location.
[[nodiscard]] std::string place(const Location& at, const std::vector<SourceFile>& files);

// At most three of `candidates` that `word` may have meant: the nearest (Damerau-Levenshtein
// distance at most 2, 1 below five letters, not regarding case), and one of which it is a unique
// prefix.
[[nodiscard]] std::vector<std::string> did_you_mean(std::string_view word,
                                                    const std::vector<std::string>& candidates);

} // namespace pc
