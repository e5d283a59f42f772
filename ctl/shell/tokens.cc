// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/tokens.h"

namespace pc::shell {

std::vector<std::string> CommandLine::words() const {
    std::vector<std::string> out;
    for (const Token& token : tokens) {
        out.push_back(token.text);
    }
    return out;
}

CommandLine tokenize(std::string_view line) {
    CommandLine out;
    out.text = line;
    size_t at = 0;
    while (true) {
        at = line.find_first_not_of(" \t\r\n", at);
        if (at == std::string_view::npos || line[at] == '#') {
            return out;
        }
        Token token;
        token.begin = at;
        char quote = '\0';
        for (; at < line.size(); ++at) {
            const char c = line[at];
            const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
            if (quote == '\0' && blank) {
                break;
            }
            if (quote == '\0' && (c == '"' || c == '\'')) {
                quote = c;
                token.is_quoted = true;
            } else if (c == quote) {
                quote = '\0';
            } else if (c == '\\' && quote != '\'' && at + 1 < line.size()) {
                token.text += line[++at];
            } else {
                token.text += c;
            }
        }
        token.end = at;
        out.has_open_quote = quote != '\0';
        out.tokens.push_back(std::move(token));
    }
}

std::string quoted(const std::string& word) {
    if (!word.empty() && word.find_first_of(" \t\"'\\#") == std::string::npos) {
        return word;
    }
    std::string out = "\"";
    for (const char c : word) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out + '"';
}

CommandLine command_line(std::span<const std::string> words) {
    CommandLine line;
    for (const std::string& word : words) {
        line.text += line.text.empty() ? "" : " ";
        Token token;
        token.text = word;
        token.begin = line.text.size();
        line.text += quoted(word);
        token.end = line.text.size();
        token.is_quoted = token.end - token.begin != word.size();
        line.tokens.push_back(std::move(token));
    }
    return line;
}

CommandLine without_first(CommandLine line, size_t count) {
    line.tokens.erase(line.tokens.begin(),
                      line.tokens.begin() + static_cast<long>(std::min(count, line.tokens.size())));
    return line;
}

} // namespace pc::shell
