// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: tests/unit/inspect_rules_test.cc.
#include "rules/inspect.h"

#include <algorithm>
#include <array>

namespace pc {

namespace {

constexpr size_t label_max = 63;
constexpr uint8_t every_day = 0x7f;
constexpr std::array<std::string_view, 7> day_names{"Mon", "Tue", "Wed", "Thu",
                                                    "Fri", "Sat", "Sun"};

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_label_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::optional<size_t> day_named(std::string_view word) {
    std::string text(word);
    std::transform(text.begin(), text.end(), text.begin(), lower);
    for (size_t day = 0; day < day_names.size(); ++day) {
        std::string name(day_names.at(day));
        name.front() = lower(name.front());
        if (text == name) {
            return day;
        }
    }
    return std::nullopt;
}

// "Mon-Fri", "Sat": days may wrap, "Sat-Mon".
std::optional<uint8_t> days_of_part(std::string_view part) {
    const size_t dash = part.find('-');
    const auto first = day_named(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : day_named(part.substr(dash + 1));
    if (!first || !last) {
        return std::nullopt;
    }
    unsigned days = 0;
    for (size_t day = *first;; day = (day + 1) % day_names.size()) {
        days |= 1U << day;
        if (day == *last) {
            return static_cast<uint8_t>(days);
        }
    }
}

std::optional<uint8_t> parse_days(std::string_view text) {
    unsigned days = 0;
    while (true) {
        const size_t comma = std::min(text.find(','), text.size());
        const auto part = days_of_part(text.substr(0, comma));
        if (!part) {
            return std::nullopt;
        }
        days |= *part;
        if (comma == text.size()) {
            return static_cast<uint8_t>(days);
        }
        text.remove_prefix(comma + 1);
    }
}

// "08:00" in minutes; 24:00 is the end of the day.
std::optional<uint16_t> parse_clock(std::string_view text) {
    constexpr unsigned minutes_per_hour = 60;
    const auto digit = [&](size_t at) { return static_cast<unsigned>(text[at] - '0'); };
    if (text.size() != 5 || text[2] != ':') {
        return std::nullopt;
    }
    for (const size_t at : {size_t{0}, size_t{1}, size_t{3}, size_t{4}}) {
        if (text[at] < '0' || text[at] > '9') {
            return std::nullopt;
        }
    }
    const unsigned minute = digit(3) * 10 + digit(4);
    const unsigned whole = (digit(0) * 10 + digit(1)) * minutes_per_hour + minute;
    if (minute >= minutes_per_hour || whole > minutes_per_day) {
        return std::nullopt;
    }
    return static_cast<uint16_t>(whole);
}

std::string clock_text(uint16_t minute) {
    constexpr uint16_t minutes_per_hour = 60;
    const auto two = [](unsigned number) {
        return std::string(number < 10 ? "0" : "") + std::to_string(number);
    };
    return two(minute / minutes_per_hour) + ":" + two(minute % minutes_per_hour);
}

// Runs of three and more days as "Mon-Fri".
std::string days_text(uint8_t days) {
    std::string text;
    for (size_t day = 0; day < day_names.size();) {
        if ((days >> day & 1U) == 0) {
            ++day;
            continue;
        }
        size_t end = day + 1;
        while (end < day_names.size() && (days >> end & 1U) != 0) {
            ++end;
        }
        text += (text.empty() ? "" : ",") + std::string(day_names.at(day));
        if (end - day > 1) {
            text += (end - day > 2 ? "-" : ",") + std::string(day_names.at(end - 1));
        }
        day = end;
    }
    return text;
}

template <typename Enum>
std::string_view word_among(Enum value, std::initializer_list<std::string_view> words) {
    const auto at = static_cast<size_t>(value);
    return at < words.size() ? *(words.begin() + at) : std::string_view{};
}

} // namespace

std::string label(const Inspect& inspect, size_t rule) {
    const std::string& name = inspect.rules[rule].name;
    return "[[inspect." + inspect.name + ".rule]]" +
           (name.empty() ? " number " + std::to_string(rule + 1) : " '" + name + "'");
}

std::string name_of(const InspectRule& rule, size_t index) {
    return rule.name.empty() ? "#" + std::to_string(index + 1) : rule.name;
}

std::optional<std::string> normal_server_name(std::string_view text) {
    if (text.size() > 1 && text.ends_with(".")) {
        text.remove_suffix(1);
    }
    if (text.empty() || text.size() > server_name_max) {
        return std::nullopt;
    }
    std::string name(text);
    size_t begin = 0; // of the label
    for (size_t i = 0; i <= name.size(); ++i) {
        if (i == name.size() || name[i] == '.') {
            if (i == begin || i - begin > label_max) {
                return std::nullopt;
            }
            begin = i + 1;
            continue;
        }
        name[i] = lower(name[i]);
        if (!is_label_char(name[i])) {
            return std::nullopt;
        }
    }
    return name;
}

std::optional<std::string> normal_name_pattern(std::string_view text) {
    if (!text.starts_with("*.")) {
        return normal_server_name(text);
    }
    auto name = normal_server_name(text.substr(2));
    return name ? std::optional("*." + *name) : std::nullopt;
}

std::optional<WeekTime> parse_week_time(std::string_view text) {
    WeekTime time{every_day, 0, minutes_per_day};
    const size_t space = text.find(' ');
    const bool has_days = !text.empty() && (text.front() < '0' || text.front() > '9');
    if (has_days) {
        const auto days = parse_days(text.substr(0, space));
        if (!days) {
            return std::nullopt;
        }
        time.days = *days;
        if (space == std::string_view::npos) {
            return time;
        }
        text.remove_prefix(std::min(text.find_first_not_of(' ', space), text.size()));
    }
    const size_t dash = text.find('-');
    const auto from = parse_clock(text.substr(0, dash));
    const auto to =
        dash == std::string_view::npos ? std::nullopt : parse_clock(text.substr(dash + 1));
    if (!from || !to || *from == *to || *from == minutes_per_day) {
        return std::nullopt;
    }
    time.from = *from;
    time.to = *to;
    return time;
}

std::string to_string(const WeekTime& time) {
    const bool whole_days = time.from == 0 && time.to == minutes_per_day;
    const std::string days =
        time.days == every_day && !whole_days ? std::string() : days_text(time.days);
    if (whole_days) {
        return days;
    }
    return days + (days.empty() ? "" : " ") + clock_text(time.from) + "-" + clock_text(time.to);
}

bool holds(const WeekTime& time, uint16_t minute_of_week) {
    const unsigned day = minute_of_week / minutes_per_day;
    const unsigned minute = minute_of_week % minutes_per_day;
    const bool today = (time.days >> day & 1U) != 0;
    if (time.from < time.to) {
        return today && minute >= time.from && minute < time.to;
    }
    const bool since_yesterday = (time.days >> (day + 6) % 7 & 1U) != 0;
    return (today && minute >= time.from) || (since_yesterday && minute < time.to);
}

std::string_view to_string(FlowProtocol protocol) {
    return flow_protocol_names().at(static_cast<size_t>(protocol));
}

std::optional<FlowProtocol> parse_flow_protocol(std::string_view word) {
    const auto& names = flow_protocol_names();
    const auto found = std::find(names.begin(), names.end(), word);
    if (found == names.end()) {
        return std::nullopt;
    }
    return static_cast<FlowProtocol>(found - names.begin());
}

const std::vector<std::string>& flow_protocol_names() {
    static const std::vector<std::string> names{"tls", "http", "quic", "dns", "none"};
    return names;
}

std::string_view to_string(InspectRule::Action action) {
    return word_among(action, {"allow", "deny", "log", "limit"});
}

std::string_view to_string(InspectRule::DenyWith how) {
    return word_among(how, {"reset", "page"});
}

std::string_view to_string(InspectRule::Per per) {
    return word_among(per, {"flow", "client", "rule"});
}

std::string_view to_string(Inspect::Ech ech) {
    return word_among(ech, {"allow", "log", "drop"});
}

std::string_view to_string(Inspect::Mode mode) {
    return word_among(mode, {"auto", "terminate", "peek"});
}

std::optional<std::string> needs_end(const Inspect& inspect) {
    if (inspect.upstream) {
        return "[inspect." + inspect.name + ".upstream]";
    }
    for (size_t i = 0; i < inspect.rules.size(); ++i) {
        const InspectRule& rule = inspect.rules[i];
        const std::string_view what = !rule.method.empty()                            ? "method"
                                      : !rule.path.empty()                            ? "path"
                                      : rule.action == InspectRule::Action::limit     ? "limit"
                                      : rule.deny_with == InspectRule::DenyWith::page ? "page"
                                                                                      : "";
        if (!what.empty()) {
            return label(inspect, i) + " has '" + std::string(what) + "'";
        }
    }
    return std::nullopt;
}

bool peeks(const Inspect& inspect) {
    return inspect.mode == Inspect::Mode::peek ||
           (inspect.mode == Inspect::Mode::automatic && !needs_end(inspect));
}

std::string word_of(const NameItem& item) {
    return (item.negated ? "!" : "") + (item.set.empty() ? item.name : "@" + item.set);
}

std::string word_of(const WordItem& item) {
    return (item.negated ? "!" : "") + item.text;
}

std::string word_of(const WeekItem& item) {
    return (item.negated ? "!" : "") + to_string(item.time);
}

} // namespace pc
