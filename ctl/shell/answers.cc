// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/answers.h"

#include <ctime>

namespace pc::shell {

Color color_of(std::string_view action) {
    if (action == "drop" || action == "reject") {
        return Color::red;
    }
    return action == "accept" ? Color::green : action == "inspect" ? Color::cyan : Color::none;
}

std::string joined(const Json& list, std::string_view separator) {
    std::string out;
    if (list.is_string()) {
        return list.get<std::string>();
    }
    for (const Json& each : list) {
        out += out.empty() ? "" : std::string(separator);
        out += each.is_string() ? each.get<std::string>() : each.dump();
    }
    return out;
}

std::string last_hit(const Json& object) {
    if (is_number_at(object, "last_hit_s")) {
        return format_age(real_at(object, "last_hit_s", 0));
    }
    const std::optional<int64_t> when = parse_time(text_at(object, "last_hit"));
    return when ? format_age(static_cast<double>(std::time(nullptr) - *when)) : "-";
}

std::string when(const Json& object, std::string_view key) {
    if (is_number_at(object, key)) {
        return format_time(static_cast<int64_t>(number_at(object, key)));
    }
    const std::string text = text_at(object, key);
    const std::optional<int64_t> time = parse_time(text);
    return time ? format_time(*time) : text;
}

} // namespace pc::shell
