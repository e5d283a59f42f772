// SPDX-License-Identifier: GPL-3.0-or-later
// The command grammar: one table of patterns drives parsing, abbreviation, help, completion and the
// errors. A pattern is what `help` prints:
//   show rule <rule> [detail]      a word, an argument, something optional
//   insert rule <rule> before|after <rule:other>      alternatives; an argument with another name
//   explain packet <packet>...     all that follows
// Optional parts that stand side by side may come in any order.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "ctl/shell/tokens.h"

namespace pc::shell {

class Session;
struct Call;

enum class Argument : uint8_t {
    none,
    rule,
    set,
    dynamic,
    zone,
    inspect,
    interface,
    revision,
    prefix,
    address,
    time,
    file,
    text,
    table,   // rule, set, zone, ... and what follows: the language of `set`
    removal, // the same without values that are not there
    packet,
    endpoint, // ADDRESS[:PORT]
    number,
    flow,      // which flows, and how they are listed: see flow_words.h
    which,     // which flows, or all
    inspected, // which flows of the inspector
    command,
};

enum Modes : uint8_t { operational = 1, configuration = 2, both_modes = 3 };

using Function = int (*)(Session&, const Call&); // gives the exit code

struct Command {
    std::string_view pattern;
    uint8_t modes = 0;
    std::string_view help;
    Function run = nullptr;
    bool is_hidden = false;
};

struct Element {
    std::vector<std::string> words; // alternatives; empty for an argument
    Argument argument = Argument::none;
    std::string name; // of the argument
    bool is_rest = false;
};

struct Part {
    bool is_optional = false;
    std::vector<Element> elements;
};

class Grammar {
public:
    explicit Grammar(std::span<const Command> commands);

    struct Row {
        const Command* command = nullptr;
        std::vector<Part> parts;
    };

    [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }

private:
    std::vector<Row> rows_;
};

// What a line calls: words written out, arguments by name.
struct Call {
    const Command* command = nullptr;
    CommandLine line;
    std::map<std::string, std::string, std::less<>> arguments;
    std::map<std::string, size_t, std::less<>> places; // token of each argument or word
    size_t rest = 0; // first token of `...`; number of tokens if there is none

    [[nodiscard]] bool has(std::string_view word) const { return places.contains(word); }

    [[nodiscard]] std::string get(std::string_view name) const {
        const auto found = arguments.find(name);
        return found == arguments.end() ? "" : found->second;
    }

    [[nodiscard]] std::vector<std::string> rest_words() const;
};

// What is wrong with a line, and where.
struct Mistake {
    size_t begin = 0; // bytes of the line
    size_t end = 0;
    std::string message;
    std::string help;
};

enum class Abbreviations : uint8_t { refused, allowed };

struct Matched {
    std::optional<Call> call;
    Mistake mistake; // when there is no call
};

[[nodiscard]] Matched match(const Grammar& grammar, const CommandLine& line, uint8_t mode,
                            Abbreviations abbreviations);

// What may stand behind the given words.
struct Expected {
    const Command* command = nullptr;
    Element element;
    size_t rest = 0; // tokens before this one that belong to the same `...`
};

struct Expectations {
    std::vector<Expected> next;
    bool is_complete = false; // Enter may be pressed
};

[[nodiscard]] Expectations expected_after(const Grammar& grammar, std::span<const Token> words,
                                          uint8_t mode, Abbreviations abbreviations);

// The lines of `help`: patterns whose words begin with the given ones.
[[nodiscard]] std::vector<const Command*>
commands_of(const Grammar& grammar, std::span<const std::string> words, uint8_t mode);

} // namespace pc::shell
