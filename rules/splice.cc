// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/splice.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace pc::edit {
namespace {

constexpr int depth_max = 64;

void append_utf8(std::string& out, uint32_t code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xc0 | (code >> 6));
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xe0 | (code >> 12));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | ((code >> 18) & 0x07));
        out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    }
}

bool is_bare_key_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    Result<TomlText> scan() {
        out_.tables.emplace_back();
        skip_blank();
        while (at_ < text_.size()) {
            if (text_[at_] == '[') {
                TRY(scan_header());
            } else {
                TRY(scan_entry(out_.tables.back().path, false, 0));
                TextTable& table = out_.tables.back();
                table.lines.end = lines_of(text_, {at_, at_}).end;
            }
            skip_blank();
        }
        return std::move(out_);
    }

private:
    [[nodiscard]] char peek(size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }

    [[nodiscard]] bool looking_at(std::string_view word) const {
        return text_.substr(at_).starts_with(word);
    }

    [[nodiscard]] Error unexpected(std::string_view what) const {
        const auto line = std::count(text_.begin(), text_.begin() + static_cast<long>(at_), '\n');
        return Error{0, "line " + std::to_string(line + 1) + ": expected " + std::string(what)};
    }

    void skip_spaces() {
        while (peek() == ' ' || peek() == '\t') {
            ++at_;
        }
    }

    // Spaces, line ends and comments.
    void skip_blank() {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
                ++at_;
            } else {
                return;
            }
        }
    }

    Result<void> scan_header() {
        TextTable table;
        table.header.begin = at_;
        table.is_array = looking_at("[[");
        at_ += table.is_array ? 2 : 1;
        table.path = TRY(scan_key());
        const std::string_view close = table.is_array ? "]]" : "]";
        if (!looking_at(close)) {
            return unexpected(close);
        }
        at_ += close.size();
        table.header.end = at_;
        table.lines = lines_of(text_, table.header);
        out_.tables.push_back(std::move(table));
        return {};
    }

    // A dotted key, with the spaces around it.
    Result<std::vector<std::string>> scan_key() {
        std::vector<std::string> path;
        while (true) {
            skip_spaces();
            std::string part;
            if (peek() == '"' || peek() == '\'') {
                part = TRY(scan_string());
            } else {
                const size_t begin = at_;
                while (is_bare_key_char(peek())) {
                    ++at_;
                }
                if (at_ == begin) {
                    return unexpected("a key");
                }
                part = text_.substr(begin, at_ - begin);
            }
            path.push_back(std::move(part));
            skip_spaces();
            if (peek() != '.') {
                return path;
            }
            ++at_;
        }
    }

    Result<void> scan_entry(const std::vector<std::string>& above, bool in_braces, int depth) {
        TextEntry entry;
        entry.in_braces = in_braces;
        entry.table = out_.tables.size() - 1;
        entry.path = above;
        entry.key.begin = at_;
        const std::vector<std::string> key = TRY(scan_key());
        entry.key.end = at_;
        while (entry.key.end > entry.key.begin &&
               (text_[entry.key.end - 1] == ' ' || text_[entry.key.end - 1] == '\t')) {
            --entry.key.end;
        }
        entry.path.insert(entry.path.end(), key.begin(), key.end());
        if (peek() != '=') {
            return unexpected("'='");
        }
        ++at_;
        skip_spaces();
        entry.value.begin = at_;
        // An inline table's own entries come after it in the list.
        const size_t place = out_.entries.size();
        out_.entries.push_back(std::move(entry));
        if (peek() == '{') {
            TRY(scan_inline_table(std::vector<std::string>(out_.entries[place].path), depth + 1));
        } else if (peek() == '[') {
            out_.entries[place].is_list = true;
            out_.entries[place].items = TRY(scan_list(depth + 1));
        } else {
            out_.entries[place].items = {TRY(scan_scalar())};
        }
        out_.entries[place].value.end = at_;
        return {};
    }

    Result<void> scan_inline_table(const std::vector<std::string>& path, int depth) {
        if (depth > depth_max) {
            return unexpected("less nesting");
        }
        ++at_;
        skip_spaces();
        while (peek() != '}') {
            TRY(scan_entry(path, true, depth));
            skip_spaces();
            if (peek() == ',') {
                ++at_;
                skip_spaces();
            } else if (peek() != '}') {
                return unexpected("',' or '}'");
            }
        }
        ++at_;
        return {};
    }

    Result<std::vector<TextItem>> scan_list(int depth) {
        if (depth > depth_max) {
            return unexpected("less nesting");
        }
        std::vector<TextItem> items;
        ++at_;
        skip_blank();
        while (peek() != ']') {
            items.push_back(TRY(scan_item(depth)));
            skip_blank();
            if (peek() == ',') {
                ++at_;
                skip_blank();
            } else if (peek() != ']') {
                return unexpected("',' or ']'");
            }
        }
        ++at_;
        return items;
    }

    // Lists and tables inside of lists are kept as written.
    Result<TextItem> scan_item(int depth) {
        if (peek() != '[' && peek() != '{') {
            return scan_scalar();
        }
        const size_t begin = at_;
        if (peek() == '[') {
            (void)TRY(scan_list(depth + 1));
        } else {
            const size_t entries = out_.entries.size();
            TRY(scan_inline_table({}, depth + 1));
            out_.entries.resize(entries);
        }
        return TextItem{{begin, at_}, std::string(text_.substr(begin, at_ - begin))};
    }

    Result<TextItem> scan_scalar() {
        TextItem item;
        item.at.begin = at_;
        if (peek() == '"' || peek() == '\'') {
            item.text = TRY(scan_string());
        } else {
            at_ = std::min(text_.find_first_of(",]}#\r\n", at_), text_.size());
            while (at_ > item.at.begin && (text_[at_ - 1] == ' ' || text_[at_ - 1] == '\t')) {
                --at_;
            }
            item.text = text_.substr(item.at.begin, at_ - item.at.begin);
            if (item.text.empty()) {
                return unexpected("a value");
            }
        }
        item.at.end = at_;
        return item;
    }

    Result<std::string> scan_string() {
        const char quote = peek();
        const std::string one(1, quote);
        const std::string three(3, quote);
        const bool multi_line = looking_at(three);
        const std::string& close = multi_line ? three : one;
        at_ += close.size();
        if (multi_line && looking_at("\n")) {
            ++at_;
        } else if (multi_line && looking_at("\r\n")) {
            at_ += 2;
        }
        std::string out;
        while (!looking_at(close)) {
            if (at_ >= text_.size() || (!multi_line && peek() == '\n')) {
                return unexpected("the end of the string");
            }
            if (quote == '"' && peek() == '\\') {
                TRY(scan_escape(out));
            } else {
                out += text_[at_++];
            }
        }
        at_ += close.size();
        // """a"" and """" end with quotes of their own: at most two more.
        for (int extra = 0; multi_line && extra < 2 && peek() == quote; ++extra) {
            out += text_[at_++];
        }
        return out;
    }

    Result<void> scan_escape(std::string& out) {
        static constexpr std::string_view letters = "btnfre\"\\";
        static constexpr std::string_view meanings = "\b\t\n\f\r\x1b\"\\";
        ++at_;
        const char c = peek();
        if (const size_t i = letters.find(c); i != std::string_view::npos) {
            out += meanings[i];
            ++at_;
            return {};
        }
        if (c == 'u' || c == 'U') {
            const size_t digits = c == 'u' ? 4 : 8;
            uint32_t code = 0;
            for (size_t i = 1; i <= digits; ++i) {
                const size_t value =
                    std::string_view("0123456789abcdef").find(static_cast<char>(peek(i) | 0x20));
                if (value == std::string_view::npos) {
                    return unexpected("a hexadecimal digit");
                }
                code = code << 4 | static_cast<uint32_t>(value);
            }
            append_utf8(out, code);
            at_ += digits + 1;
            return {};
        }
        // A line-ending backslash swallows the white space that follows.
        while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') {
            ++at_;
        }
        return {};
    }

    std::string_view text_;
    size_t at_ = 0;
    TomlText out_;
};

} // namespace

Result<TomlText> scan_toml(std::string_view text) {
    return Scanner(text).scan();
}

Span lines_of(std::string_view text, Span span) {
    const size_t before =
        span.begin == 0 ? std::string_view::npos : text.rfind('\n', span.begin - 1);
    const size_t after = text.find('\n', span.end);
    return {before == std::string_view::npos ? 0 : before + 1,
            after == std::string_view::npos ? text.size() : after + 1};
}

size_t attached_comment(std::string_view text, size_t begin) {
    size_t first = lines_of(text, {begin, begin}).begin;
    while (first > 0) {
        const Span above = lines_of(text, {first - 1, first - 1});
        const std::string_view line = text.substr(above.begin, above.end - above.begin);
        const size_t start = line.find_first_not_of(" \t");
        if (start == std::string_view::npos || line[start] != '#') {
            break;
        }
        first = above.begin;
    }
    return first;
}

std::string quote_toml(std::string_view text) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\u00";
            out += digits[byte >> 4];
            out += digits[byte & 15];
        } else {
            out += c;
        }
    }
    return out + '"';
}

bool is_toml_integer(std::string_view text) {
    if (text.starts_with('-')) {
        text.remove_prefix(1);
    }
    if (text.starts_with("0x") && text.size() > 2 && text.size() <= 18) {
        return text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos;
    }
    const bool digits = !text.empty() && text.size() <= 18 &&
                        text.find_first_not_of("0123456789") == std::string_view::npos;
    return digits && (text == "0" || text.front() != '0');
}

std::string spliced(std::string_view text, std::vector<Splice> pieces) {
    std::stable_sort(pieces.begin(), pieces.end(),
                     [](const Splice& a, const Splice& b) { return a.at.begin < b.at.begin; });
    std::string out;
    size_t from = 0;
    for (const Splice& piece : pieces) {
        assert(piece.at.begin >= from);
        assert(piece.at.end >= piece.at.begin);
        out += text.substr(from, piece.at.begin - from);
        out += piece.text;
        from = piece.at.end;
    }
    out += text.substr(from);
    return out;
}

} // namespace pc::edit
