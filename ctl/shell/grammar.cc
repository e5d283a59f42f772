// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/grammar.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ctl/shell/arguments.h"
#include "rules/diagnostic.h"
#include "rules/words.h"

namespace pc::shell {
namespace {

constexpr size_t no_group = SIZE_MAX;

Element parse_element(std::string_view word) {
    Element element;
    element.is_rest = word.ends_with("...");
    word.remove_suffix(element.is_rest ? 3 : 0);
    if (word.starts_with('<')) {
        word = word.substr(1, word.size() - 2);
        const size_t colon = word.find(':');
        element.argument = argument_named(word.substr(0, colon));
        element.name = word.substr(colon == std::string_view::npos ? 0 : colon + 1);
        return element;
    }
    while (!word.empty()) {
        const size_t bar = std::min(word.find('|'), word.size());
        element.words.emplace_back(word.substr(0, bar));
        word.remove_prefix(std::min(bar + 1, word.size()));
    }
    return element;
}

std::vector<Part> parse_pattern(std::string_view pattern) {
    std::vector<Part> parts;
    bool in_group = false;
    for (const std::string& each : tokenize(pattern).words()) {
        std::string_view word = each;
        const bool opens = word.starts_with('[');
        const bool closes = word.ends_with(']');
        word.remove_prefix(opens ? 1 : 0);
        word.remove_suffix(closes ? 1 : 0);
        if (opens || !in_group) {
            parts.push_back({opens, {}});
        }
        in_group = (in_group || opens) && !closes;
        parts.back().elements.push_back(parse_element(word));
    }
    return parts;
}

// How far a row has been followed.
struct State {
    const Grammar::Row* row = nullptr;
    size_t part = 0;         // where a run of optional parts begins, or a required part
    size_t group = no_group; // the optional part that is begun
    size_t element = 0;      // of that
    uint32_t used = 0;       // optional parts done, counted from `part`
    size_t rest = 0;         // words taken by `...`
    std::vector<const Element*> taken;
    std::vector<std::string> words; // what each token stands for
};

struct Step {
    const Element* element = nullptr;
    State after;
};

State after_optional(const State& state, size_t part, size_t element) {
    State after = state;
    const Part& group = state.row->parts[part];
    if (group.elements[element].is_rest) {
        after.group = part;
        after.element = element;
        ++after.rest;
    } else if (element + 1 < group.elements.size()) {
        after.group = part;
        after.element = element + 1;
    } else {
        after.group = no_group;
        after.used |= 1U << (part - state.part);
    }
    after.taken.push_back(&group.elements[element]);
    return after;
}

std::vector<Step> steps_from(const State& state) {
    const std::vector<Part>& parts = state.row->parts;
    if (state.group != no_group) {
        return {{&parts[state.group].elements[state.element],
                 after_optional(state, state.group, state.element)}};
    }
    std::vector<Step> steps;
    size_t part = state.part;
    for (; part < parts.size() && parts[part].is_optional; ++part) {
        if ((state.used >> (part - state.part) & 1) == 0) {
            steps.push_back({&parts[part].elements.front(), after_optional(state, part, 0)});
        }
    }
    if (part < parts.size()) {
        State after = state;
        const Element& element = parts[part].elements.front();
        after.used = 0;
        after.rest += element.is_rest ? 1 : 0;
        after.part = element.is_rest ? part : part + 1;
        after.taken.push_back(&element);
        steps.push_back({&element, std::move(after)});
    }
    return steps;
}

bool is_complete(const State& state) {
    if (state.rest > 0) {
        return true;
    }
    const auto begin = state.row->parts.begin() + static_cast<long>(state.part);
    return state.group == no_group &&
           std::all_of(begin, state.row->parts.end(),
                       [](const Part& part) { return part.is_optional; });
}

std::vector<Step> all_steps(const std::vector<State>& states) {
    std::vector<Step> steps;
    for (const State& state : states) {
        for (Step& step : steps_from(state)) {
            steps.push_back(std::move(step));
        }
    }
    return steps;
}

std::vector<std::string> literals(const std::vector<Step>& steps) {
    std::vector<std::string> words;
    for (const Step& step : steps) {
        for (const std::string& word : step.element->words) {
            if (std::find(words.begin(), words.end(), word) == words.end()) {
                words.push_back(word);
            }
        }
    }
    return words;
}

struct Advanced {
    std::vector<State> states;
    std::vector<std::string> ambiguous; // what the first word may stand for
};

// Exact words first, then words that begin like that, then arguments. `sh ru` is `show rules`,
// because `show rule` alone is no command; but the first word has to be clear by itself, lest `d`
// be `discard` for want of the words of `delete`.
Advanced advance(const std::vector<State>& states, const Token& token,
                 Abbreviations abbreviations) {
    const std::vector<Step> steps = all_steps(states);
    const std::vector<std::string> words = literals(steps);
    std::vector<std::string> fitting;
    if (!token.is_quoted && std::find(words.begin(), words.end(), token.text) != words.end()) {
        fitting = {token.text};
    } else if (!token.is_quoted && !token.text.empty() && abbreviations == Abbreviations::allowed) {
        std::copy_if(words.begin(), words.end(), std::back_inserter(fitting),
                     [&](const std::string& word) { return word.starts_with(token.text); });
    }
    const bool is_first = !states.empty() && states.front().words.empty();
    if (is_first && fitting.size() > 1) {
        return {{}, std::move(fitting)};
    }
    Advanced out;
    for (const Step& step : steps) {
        std::vector<std::string> meant;
        if (step.element->words.empty() && fitting.empty()) {
            meant = {token.text};
        }
        for (const std::string& word : step.element->words) {
            if (std::find(fitting.begin(), fitting.end(), word) != fitting.end()) {
                meant.push_back(word);
            }
        }
        for (std::string& word : meant) {
            out.states.push_back(step.after);
            out.states.back().words.push_back(std::move(word));
        }
    }
    return out;
}

std::vector<State> start(const Grammar& grammar, uint8_t mode) {
    std::vector<State> states;
    for (const Grammar::Row& row : grammar.rows()) {
        if ((row.command->modes & mode) != 0) {
            State state;
            state.row = &row;
            states.push_back(std::move(state));
        }
    }
    return states;
}

std::string describe(const Element& element) {
    return element.words.empty() ? "<" + element.name + ">" : join(element.words, "|");
}

std::string offers(const std::vector<State>& states) {
    std::vector<std::string> words;
    for (const Step& step : all_steps(states)) {
        const std::string word = describe(*step.element);
        if (std::find(words.begin(), words.end(), word) == words.end()) {
            words.push_back(word);
        }
    }
    return join(words, ", ");
}

Mistake unexpected(const std::vector<State>& states, const CommandLine& line, size_t at,
                   const Advanced& advanced) {
    const Token& token = line.tokens[at];
    Mistake mistake{token.begin, token.end, "", ""};
    if (!advanced.ambiguous.empty()) {
        mistake.message = "'" + token.text + "' is ambiguous: " + join(advanced.ambiguous, ", ");
        return mistake;
    }
    const std::vector<Step> steps = all_steps(states);
    const bool behind_text = std::any_of(states.begin(), states.end(), [](const State& state) {
        return !state.taken.empty() && state.taken.back()->argument == Argument::text;
    });
    if (steps.empty() || behind_text) {
        mistake.message = "nothing more is expected here";
        mistake.help = behind_text ? "a text with spaces is put in quotes" : "";
        return mistake;
    }
    mistake.message =
        std::string(at == 0 ? "unknown command '" : "unknown word '") + token.text + "'";
    const std::vector<std::string> meant = did_you_mean(token.text, literals(steps));
    if (!meant.empty()) {
        mistake.message += "; did you mean '" + join(meant, "' or '") + "'?";
    } else if (at > 0) {
        mistake.help = "expected: " + offers(states);
    } else {
        mistake.help = "`help` shows all commands";
    }
    return mistake;
}

Call call_of(const State& state, CommandLine line) {
    Call call;
    call.command = state.row->command;
    call.rest = line.tokens.size() - state.rest;
    for (size_t i = 0; i < state.taken.size(); ++i) {
        const Element& element = *state.taken[i];
        if (i >= call.rest) {
            break;
        }
        line.tokens[i].text = state.words[i];
        const std::string& name = element.words.empty() ? element.name : state.words[i];
        call.places.emplace(name, i);
        if (element.words.empty()) {
            call.arguments[element.name] = line.tokens[i].text;
        }
    }
    call.line = std::move(line);
    return call;
}

Matched match_in(const Grammar& grammar, CommandLine line, uint8_t mode,
                 Abbreviations abbreviations) {
    std::vector<State> states = start(grammar, mode);
    for (size_t i = 0; i < line.tokens.size(); ++i) {
        Advanced advanced = advance(states, line.tokens[i], abbreviations);
        if (advanced.states.empty()) {
            return {std::nullopt, unexpected(states, line, i, advanced)};
        }
        states = std::move(advanced.states);
    }
    const auto complete = std::find_if(states.begin(), states.end(), is_complete);
    if (complete == states.end() || line.tokens.empty()) {
        const size_t end = line.text.size();
        return {std::nullopt,
                {end, end, "the command is not complete", "expected: " + offers(states)}};
    }
    for (const State& state : states) {
        if (is_complete(state) && state.words != complete->words) {
            return {std::nullopt,
                    {line.tokens.front().begin, line.tokens.back().end,
                     "this may be '" + join(complete->words, " ") + "' or '" +
                         join(state.words, " ") + "'",
                     ""}};
        }
    }
    for (size_t i = 0; i < complete->taken.size() - complete->rest; ++i) {
        const Token& token = line.tokens[i];
        const std::string why = misfit(complete->taken[i]->argument, token.text);
        if (!why.empty()) {
            return {std::nullopt, {token.begin, token.end, why, ""}};
        }
    }
    return {call_of(*complete, std::move(line)), {}};
}

} // namespace

Grammar::Grammar(std::span<const Command> commands) {
    for (const Command& command : commands) {
        rows_.push_back({&command, parse_pattern(command.pattern)});
    }
}

std::vector<std::string> Call::rest_words() const {
    std::vector<std::string> out;
    for (size_t i = rest; i < line.tokens.size(); ++i) {
        out.push_back(line.tokens[i].text);
    }
    return out;
}

Matched match(const Grammar& grammar, const CommandLine& line, uint8_t mode,
              Abbreviations abbreviations) {
    if (line.has_open_quote) {
        const Token& token = line.tokens.back();
        return {std::nullopt, {token.begin, token.end, "the quote is not closed", ""}};
    }
    Matched matched = match_in(grammar, line, mode, abbreviations);
    const uint8_t other = mode == operational ? configuration : operational;
    const bool is_incomplete = matched.mistake.begin == line.text.size();
    if (!matched.call && !is_incomplete && match_in(grammar, line, other, abbreviations).call) {
        matched.mistake.help = mode == configuration
                                   ? "from here it is `run " + line.text + "`"
                                   : "a command of configuration mode: `configure` first";
    }
    return matched;
}

Expectations expected_after(const Grammar& grammar, std::span<const Token> words, uint8_t mode,
                            Abbreviations abbreviations) {
    std::vector<State> states = start(grammar, mode);
    for (const Token& token : words) {
        states = advance(states, token, abbreviations).states;
    }
    Expectations out;
    for (const State& state : states) {
        out.is_complete = out.is_complete || (is_complete(state) && !words.empty());
        if (state.row->command->is_hidden) {
            continue;
        }
        for (const Step& step : steps_from(state)) {
            out.next.push_back({state.row->command, *step.element, state.rest});
        }
    }
    return out;
}

std::vector<const Command*> commands_of(const Grammar& grammar, std::span<const std::string> words,
                                        uint8_t mode) {
    std::vector<const Command*> out;
    for (const Grammar::Row& row : grammar.rows()) {
        bool fits = (row.command->modes & mode) != 0 && !row.command->is_hidden &&
                    words.size() <= row.parts.size();
        for (size_t i = 0; fits && i < words.size(); ++i) {
            const std::vector<std::string>& own = row.parts[i].elements.front().words;
            fits = std::any_of(own.begin(), own.end(),
                               [&](const std::string& word) { return word.starts_with(words[i]); });
        }
        if (fits) {
            out.push_back(row.command);
        }
    }
    return out;
}

} // namespace pc::shell
