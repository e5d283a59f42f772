// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/flow_words.h"

#include <algorithm>
#include <array>

#include "ctl/shell/arguments.h"
#include "rules/diagnostic.h"
#include "rules/net.h"
#include "rules/words.h"

namespace pc::shell {
namespace {

enum class Kind : uint8_t {
    prefix,
    port,
    proto,
    zone,
    rule,
    state,
    family,
    inspect,
    name,
    verdict,
    way,
    sort,
    limit
};

struct Word {
    std::string_view word;
    Kind kind{};
    std::string_view help;
};

constexpr std::array words{
    Word{"src", Kind::prefix, "address or prefix of the side that began"},
    Word{"dst", Kind::prefix, "address or prefix of the other side"},
    Word{"host", Kind::prefix, "address or prefix of either side"},
    Word{"port", Kind::port, "port of either side"},
    Word{"sport", Kind::port, "port of the side that began"},
    Word{"dport", Kind::port, "port of the other side"},
    Word{"proto", Kind::proto, "tcp, udp, icmp, ... or a number"},
    Word{"zone", Kind::zone, "zone that the source's packets enter"},
    Word{"rule", Kind::rule, "rule that accepted it"},
    Word{"state", Kind::state, "what it is doing"},
    Word{"family", Kind::family, "ipv4 or ipv6"},
    Word{"inspect", Kind::inspect, "[inspect.*] that judges it"},
    Word{"name", Kind::name, "server that was asked for, and what is below it"},
    Word{"verdict", Kind::verdict, "allow, deny or undecided"},
    Word{"way", Kind::way, "terminated, peeked (not judged yet), released or denied"},
    Word{"sort", Kind::sort, "by bytes (if not said), packets or age"},
    Word{"limit", Kind::limit, "how many rows (100 if not said)"},
};

constexpr std::array<std::string_view, 9> states{"syn-sent",    "syn-received", "half-open",
                                                 "established", "closing",      "time-wait",
                                                 "closed",      "new",          "replied"};
constexpr std::array<std::string_view, 3> orders{"bytes", "packets", "age"};
constexpr std::array<std::string_view, 2> families{"ipv4", "ipv6"};
constexpr std::array<std::string_view, 2> inspected_orders{"bytes", "age"};
constexpr std::array<std::string_view, 3> verdicts{"allow", "deny", "undecided"};
constexpr std::array<std::string_view, 4> ways{"terminated", "peeked", "released", "denied"};
constexpr std::string_view all_word = "all";

bool is_known_to(Kind kind, FlowCommand command) {
    switch (kind) {
    case Kind::prefix:
    case Kind::port:
    case Kind::proto:
    case Kind::rule:
    case Kind::family:
        return true;
    case Kind::zone:
    case Kind::state:
        return command != FlowCommand::inspected;
    case Kind::inspect:
    case Kind::name:
    case Kind::verdict:
    case Kind::way:
        return command == FlowCommand::inspected;
    case Kind::sort:
    case Kind::limit:
        return command != FlowCommand::clear;
    }
    return false;
}

const Word* word_named(std::string_view text, FlowCommand command) {
    for (const Word& word : words) {
        if (word.word == text && is_known_to(word.kind, command)) {
            return &word;
        }
    }
    return nullptr;
}

// The words that this kind of value is one of; none: it is something else.
std::vector<std::string> value_words(Kind kind, FlowCommand command) {
    switch (kind) {
    case Kind::state:
        return {states.begin(), states.end()};
    case Kind::verdict:
        return {verdicts.begin(), verdicts.end()};
    case Kind::way:
        return {ways.begin(), ways.end()};
    case Kind::sort:
        if (command == FlowCommand::inspected) {
            return {inspected_orders.begin(), inspected_orders.end()};
        }
        return {orders.begin(), orders.end()};
    case Kind::family:
        return {families.begin(), families.end()};
    case Kind::prefix:
    case Kind::port:
    case Kind::proto:
    case Kind::zone:
    case Kind::rule:
    case Kind::inspect:
    case Kind::name:
    case Kind::limit:
        return {};
    }
    return {};
}

std::string did_you_mean_words(const std::string& text, const std::vector<std::string>& known) {
    const std::vector<std::string> meant = did_you_mean(text, known);
    return meant.empty() ? "" : "; did you mean '" + join(meant, "' or '") + "'?";
}

// Why it is no such value; empty: it is one.
std::string misfit_of(const Word& word, const std::string& value, FlowCommand command) {
    switch (word.kind) {
    case Kind::prefix: {
        const ParsedPrefix parsed = parse_prefix(value);
        return parsed.error == PrefixError::none ? ""
               : parsed.error == PrefixError::host_bits
                   ? value + " has host bits set; the network is " + to_string(parsed.prefix)
                   : "'" + value + "' is no address or prefix";
    }
    case Kind::port:
        return parse_number(value).value_or(UINT32_MAX) <= UINT16_MAX
                   ? ""
                   : "'" + value + "' is no port: 0 to 65535";
    case Kind::proto:
        return parse_protocol(value) ? "" : "'" + value + "' is no protocol";
    case Kind::limit:
        return parse_number(value) ? "" : "'" + value + "' is no number";
    case Kind::zone:
    case Kind::rule:
    case Kind::inspect:
    case Kind::name:
        return value.empty() ? "a name is expected here" : "";
    case Kind::state:
    case Kind::family:
    case Kind::verdict:
    case Kind::way:
    case Kind::sort:
        break;
    }
    const std::vector<std::string> known = value_words(word.kind, command);
    return std::find(known.begin(), known.end(), value) != known.end()
               ? ""
               : "'" + value + "' is none of " + join(known, ", ");
}

void take(FlowQuestion& question, const Word& word, const std::string& value) {
    switch (word.kind) {
    case Kind::port:
        question.filter[std::string(word.word)] = *parse_number(value);
        return;
    case Kind::sort:
        question.sort = value;
        return;
    case Kind::limit:
        question.limit = parse_number(value);
        return;
    case Kind::prefix:
    case Kind::proto:
    case Kind::zone:
    case Kind::rule:
    case Kind::state:
    case Kind::family:
    case Kind::inspect:
    case Kind::name:
    case Kind::verdict:
    case Kind::way:
        question.filter[std::string(word.word)] = value;
        return;
    }
}

std::vector<std::string> words_for(FlowCommand command) {
    std::vector<std::string> known;
    for (const Word& word : words) {
        if (word_named(word.word, command) != nullptr) {
            known.emplace_back(word.word);
        }
    }
    if (command == FlowCommand::clear) {
        known.emplace_back(all_word);
    }
    return known;
}

} // namespace

FlowQuestion flow_question(const CommandLine& line, size_t first, FlowCommand command) {
    FlowQuestion question;
    std::vector<std::string_view> seen;
    const auto mistaken = [&](const Token& token, std::string message, std::string help = "") {
        question.mistake = Mistake{token.begin, token.end, std::move(message), std::move(help)};
        return question;
    };
    for (size_t i = first; i < line.tokens.size(); ++i) {
        const Token& token = line.tokens[i];
        if (command == FlowCommand::clear && token.text == all_word) {
            question.all = true;
            continue;
        }
        const Word* word = word_named(token.text, command);
        if (word == nullptr) {
            const std::vector<std::string> known = words_for(command);
            const std::string meant = did_you_mean_words(token.text, known);
            return mistaken(token, "unknown word '" + token.text + "'" + meant,
                            meant.empty() ? "expected: " + join(known, ", ") : "");
        }
        if (std::find(seen.begin(), seen.end(), word->word) != seen.end()) {
            return mistaken(token, "'" + token.text + "' stands here twice");
        }
        seen.push_back(word->word);
        if (i + 1 == line.tokens.size()) {
            return mistaken(token, "'" + token.text + "' needs a value", std::string(word->help));
        }
        const Token& value = line.tokens[++i];
        if (std::string why = misfit_of(*word, value.text, command); !why.empty()) {
            return mistaken(value, std::move(why));
        }
        take(question, *word, value.text);
    }
    if (question.all && !question.filter.empty()) {
        return mistaken(line.tokens[first], "either all flows, or those that fit");
    }
    return question;
}

std::vector<Choice> flow_choices(const std::vector<std::string>& before, FlowCommand command,
                                 const Names& names) {
    std::vector<Choice> list;
    const auto offer = [&list](const std::vector<std::string>& values) {
        for (const std::string& value : values) {
            list.push_back({value, "", false});
        }
    };
    if (!before.empty() && before.front() == all_word) {
        return {enter_choice()};
    }
    if (before.size() % 2 == 1) {
        const Word* word = word_named(before.back(), command);
        if (word == nullptr) {
            return {};
        }
        offer(value_words(word->kind, command));
        if (word->kind == Kind::proto) {
            const auto protocols = protocol_names();
            offer({protocols.begin(), protocols.end()});
        } else if (word->kind == Kind::zone) {
            offer(names.zones);
        } else if (word->kind == Kind::rule) {
            offer(names.rules);
        } else if (word->kind == Kind::inspect) {
            offer(names.inspects);
        } else if (list.empty()) {
            list.push_back({"<" + std::string(word->word) + ">", std::string(word->help), true});
        }
        return list;
    }
    for (const Word& word : words) {
        bool is_used = false;
        for (size_t i = 0; i < before.size(); i += 2) {
            is_used = is_used || before[i] == word.word;
        }
        if (!is_used && word_named(word.word, command) != nullptr) {
            list.push_back({std::string(word.word), std::string(word.help), false});
        }
    }
    if (command == FlowCommand::clear && before.empty()) {
        list.push_back({std::string(all_word), "all flows", false});
    }
    if (!before.empty()) {
        list.push_back(enter_choice());
    }
    return list;
}

} // namespace pc::shell
