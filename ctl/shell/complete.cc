// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/complete.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "ctl/shell/arguments.h"
#include "ctl/shell/commands.h"
#include "ctl/shell/flow_words.h"
#include "ctl/shell/format.h"
#include "ctl/shell/language.h"

namespace pc::shell {
namespace {

class Chooser {
public:
    Chooser(const Question& question, const CommandLine& line) : question_(question) {
        words_.assign(line.tokens.begin(), line.tokens.end());
        if (!line.at_new_word()) {
            partial_ = words_.back().text;
            words_.pop_back();
        }
    }

    std::vector<Choice> choose() {
        const Expectations expected =
            expected_after(question_.grammar, words_, question_.mode, question_.abbreviations);
        for (const Expected& each : expected.next) {
            add(each);
        }
        // Inside of `...` only its own language knows.
        const bool in_rest = std::any_of(expected.next.begin(), expected.next.end(),
                                         [](const Expected& each) { return each.rest > 0; });
        if (expected.is_complete && partial_.empty() && !in_rest) {
            list_.push_back(enter_choice());
        }
        return std::move(list_);
    }

private:
    void add(const Expected& expected) {
        const Element& element = expected.element;
        for (const std::string& word : element.words) {
            offer(word, help_of_word(expected, word));
        }
        if (!element.words.empty()) {
            return;
        }
        if (element.is_rest) {
            const size_t first = words_.size() - expected.rest;
            add_rest(element.argument, std::span(words_).subspan(first));
            return;
        }
        const size_t before = list_.size();
        for (const std::string& name : names_of(element.argument)) {
            offer(name, "");
        }
        if (list_.size() == before || partial_.empty()) {
            hint("<" + element.name + ">", help_of(element.argument));
        }
    }

    // The command's own help where the word is its last, else that of the group.
    [[nodiscard]] std::string help_of_word(const Expected& expected,
                                           const std::string& word) const {
        std::vector<std::string> path;
        for (const Token& token : words_) {
            path.push_back(token.text);
        }
        const std::string_view group = group_help(path.empty(), word);
        if (!group.empty()) {
            return std::string(group);
        }
        return std::string(expected.command->help);
    }

    [[nodiscard]] std::vector<std::string> names_of(Argument argument) const {
        const Names& names = question_.names;
        switch (argument) {
        case Argument::rule:
            return names.rules;
        case Argument::set:
            return names.sets;
        case Argument::dynamic:
            return names.dynamic_sets;
        case Argument::zone:
            return names.zones;
        case Argument::inspect:
            return names.inspects;
        case Argument::interface:
            return names.interfaces;
        case Argument::revision:
            return names.revisions;
        case Argument::none:
        case Argument::prefix:
        case Argument::address:
        case Argument::time:
        case Argument::file:
        case Argument::text:
        case Argument::table:
        case Argument::removal:
        case Argument::packet:
        case Argument::endpoint:
        case Argument::number:
        case Argument::flow:
        case Argument::which:
        case Argument::inspected:
        case Argument::command:
            return {};
        }
        return {};
    }

    void add_rest(Argument argument, std::span<const Token> words) {
        std::vector<std::string> before;
        for (const Token& token : words) {
            before.push_back(token.text);
        }
        if (argument == Argument::command) {
            const Question below{question_.grammar, question_.names, operational,
                                 question_.abbreviations};
            CommandLine line = command_line(before);
            line.text += before.empty() ? "" : " ";
            if (!partial_.empty()) {
                line.tokens.push_back({partial_, line.text.size(), 0, false});
                line.text += partial_;
                line.tokens.back().end = line.text.size();
            }
            for (Choice& choice : choices(below, line)) {
                list_.push_back(std::move(choice));
            }
            return;
        }
        const std::vector<Choice> found =
            argument == Argument::packet ? packet_choices(before, question_.names)
            : argument == Argument::flow ? flow_choices(before, FlowCommand::list, question_.names)
            : argument == Argument::which
                ? flow_choices(before, FlowCommand::clear, question_.names)
            : argument == Argument::inspected
                ? flow_choices(before, FlowCommand::inspected, question_.names)
            : argument == Argument::removal ? removal_choices(before, question_.names)
                                            : table_choices(before, question_.names);
        for (const Choice& choice : found) {
            if (choice.is_hint && (choice.word != enter_choice().word || partial_.empty())) {
                hint(choice.word, choice.help);
            } else if (!choice.is_hint) {
                offer(choice.word, choice.help);
            }
        }
    }

    void offer(const std::string& word, std::string help) {
        // Lists are completed item by item: what is before the last comma stays.
        const size_t comma = partial_.rfind(',');
        std::string head = comma == std::string::npos ? "" : partial_.substr(0, comma + 1);
        std::string tail = partial_.substr(head.size());
        while (tail.starts_with('[') || tail.starts_with('!')) {
            head += tail.front();
            tail.erase(0, 1);
        }
        if (word.starts_with(tail) && seen_.insert(word).second) {
            list_.push_back({head + word, std::move(help), false});
        }
    }

    void hint(std::string word, std::string_view help) {
        if (seen_.insert(word).second) {
            list_.push_back({std::move(word), std::string(help), true});
        }
    }

    const Question& question_;
    std::vector<Token> words_;
    std::string partial_;
    std::vector<Choice> list_;
    std::set<std::string> seen_;
};

} // namespace

Choice enter_choice() {
    return {"<Enter>", "run the command", true};
}

std::vector<Choice> choices(const Question& question, const CommandLine& line) {
    return Chooser(question, line).choose();
}

std::string print_choices(const std::vector<Choice>& list) {
    size_t width = 0;
    for (const Choice& choice : list) {
        width = std::max(width, width_of(choice.word));
    }
    std::string out;
    for (const Choice& choice : list) {
        out += "  " + printable(choice.word);
        if (!choice.help.empty()) {
            out += std::string(width - width_of(choice.word) + 2, ' ') + choice.help;
        }
        out += '\n';
    }
    return out.empty() ? "  nothing fits here\n" : out;
}

} // namespace pc::shell
