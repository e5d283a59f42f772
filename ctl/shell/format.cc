// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include <fmt/format.h>

namespace pc::shell {
namespace {

// Three digits that count: 9.10M, 71.8M, 910k.
std::string with_unit(double number, std::string_view units) {
    size_t unit = 0;
    // 999,600 is 1.00M, not 1000k.
    for (number /= 1000; number >= 999.5 && unit + 1 < units.size(); ++unit) {
        number /= 1000;
    }
    const int decimals = number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f}{}", number, decimals, units[unit]);
}

std::optional<int> digits(std::string_view text, size_t at, size_t count) {
    int value = 0;
    for (size_t i = at; i < at + count; ++i) {
        if (i >= text.size() || text[i] < '0' || text[i] > '9') {
            return std::nullopt;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

std::string local_time(int64_t seconds, const char* form) {
    const time_t time = seconds;

    struct tm parts {};

    std::array<char, 64> text{};
    if (localtime_r(&time, &parts) == nullptr) {
        return "?";
    }
    return {text.data(), strftime(text.data(), text.size(), form, &parts)};
}

} // namespace

std::string format_count(uint64_t number) {
    if (number >= 100000) {
        return with_unit(static_cast<double>(number), "kMGTPE");
    }
    return number < 1000 ? fmt::format("{}", number)
                         : fmt::format("{},{:03}", number / 1000, number % 1000);
}

std::string format_bytes(uint64_t bytes) {
    return bytes < 1000 ? fmt::format("{}", bytes)
                        : with_unit(static_cast<double>(bytes), "kMGTPE");
}

std::string format_age(double seconds) {
    if (!(seconds >= 0.1)) {
        return "now";
    }
    if (seconds < 9.95) {
        return seconds == std::floor(seconds) ? fmt::format("{:.0f}s", seconds)
                                              : fmt::format("{:.1f}s", seconds);
    }
    const double whole = std::floor(seconds);
    if (whole < 120) {
        return fmt::format("{:.0f}s", whole);
    }
    if (whole < 120 * 60) {
        return fmt::format("{:.0f}m", std::floor(whole / 60));
    }
    if (whole < 48 * 3600) {
        return fmt::format("{:.0f}h", std::floor(whole / 3600));
    }
    return fmt::format("{:.0f}d", std::floor(whole / 86400));
}

std::string format_duration(uint64_t seconds) {
    const uint64_t days = seconds / 86400;
    const uint64_t hours = seconds / 3600 % 24;
    const uint64_t minutes = seconds / 60 % 60;
    return days > 0 ? fmt::format("{}d {:02}:{:02}", days, hours, minutes)
                    : fmt::format("{:02}:{:02}:{:02}", hours, minutes, seconds % 60);
}

std::optional<int64_t> parse_time(std::string_view iso) {
    struct tm parts {};

    const auto year = digits(iso, 0, 4);
    const auto month = digits(iso, 5, 2);
    const auto day = digits(iso, 8, 2);
    const auto hour = digits(iso, 11, 2);
    const auto minute = digits(iso, 14, 2);
    const auto second = digits(iso, 17, 2);
    if (!year || !month || !day || !hour || !minute || !second || !iso.ends_with('Z')) {
        return std::nullopt;
    }
    parts.tm_year = *year - 1900;
    parts.tm_mon = *month - 1;
    parts.tm_mday = *day;
    parts.tm_hour = *hour;
    parts.tm_min = *minute;
    parts.tm_sec = *second;
    return timegm(&parts);
}

std::string format_time(int64_t seconds) {
    return local_time(seconds, "%Y-%m-%d %H:%M:%S");
}

std::string format_clock(int64_t seconds) {
    return local_time(seconds, "%H:%M:%S");
}

std::string colored(std::string_view text, Color color) {
    switch (color) {
    case Color::none:
        return std::string(text);
    case Color::red:
        return fmt::format("\x1b[31m{}\x1b[0m", text);
    case Color::green:
        return fmt::format("\x1b[32m{}\x1b[0m", text);
    case Color::yellow:
        return fmt::format("\x1b[33m{}\x1b[0m", text);
    case Color::cyan:
        return fmt::format("\x1b[36m{}\x1b[0m", text);
    case Color::bold:
        return fmt::format("\x1b[1m{}\x1b[0m", text);
    case Color::dim:
        return fmt::format("\x1b[2m{}\x1b[0m", text);
    }
    return std::string(text);
}

size_t width_of(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    return out;
}

std::string TextTable::print(bool with_color) const {
    std::vector<size_t> widths;
    std::vector<bool> shown;
    for (size_t i = 0; i < columns_.size(); ++i) {
        const bool optional = columns_[i].title.ends_with('?');
        size_t width = columns_[i].title.size() - (optional ? 1 : 0);
        bool filled = false;
        for (const std::vector<Cell>& row : rows_) {
            if (i < row.size()) {
                width = std::max(width, width_of(printable(row[i].text)));
                filled = filled || !row[i].text.empty();
            }
        }
        widths.push_back(width);
        shown.push_back(filled || !optional);
    }
    const auto line = [&](const std::vector<Cell>& row, bool color) {
        std::string out;
        for (size_t i = 0; i < columns_.size(); ++i) {
            if (!shown[i]) {
                continue;
            }
            const Cell cell = i < row.size() ? row[i] : Cell();
            const std::string text = printable(cell.text);
            const std::string space(widths[i] - width_of(text), ' ');
            const std::string body = color ? colored(text, cell.color) : text;
            out += columns_[i].align == Align::right ? space + body : body + space;
            out += "  ";
        }
        out.erase(out.find_last_not_of(' ') + 1);
        return out + "\n";
    };
    std::vector<Cell> titles;
    for (const Column& column : columns_) {
        std::string title(column.title);
        title.erase(title.find_last_not_of('?') + 1);
        titles.emplace_back(std::move(title), Color::bold);
    }
    std::string out = line(titles, with_color);
    for (const std::vector<Cell>& row : rows_) {
        out += line(row, with_color);
    }
    return out;
}

} // namespace pc::shell
