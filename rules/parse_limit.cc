// SPDX-License-Identifier: GPL-3.0-or-later
// [limit.NAME], and the words of rates and of what is limited.
#include "rules/parse_sections.h"

namespace pc {

namespace {

constexpr std::string_view rate_help =
    "packets: \"200pps\"; bytes: \"20mbit\", \"5MB/s\"; new flows: \"10/m\"";
constexpr uint8_t length_max_v4 = 32;
constexpr uint8_t length_max_v6 = 128;

// "src/24,src6/56": both families of one side.
struct Side {
    bool is_src = false;
    PrefixLengths lengths;
};

// What is wrong, with the part of the text that is; `side` otherwise.
struct SideText {
    std::optional<Side> side;
    std::string_view part;
    bool bad_length = false;
};

SideText parse_side(std::string_view text) {
    Side side;
    side.is_src = text.starts_with("src");
    side.lengths = side.is_src ? Limit().src : Limit().dst;
    unsigned seen = 0; // bit 0: v4, bit 1: v6
    while (true) {
        const size_t comma = text.find(',');
        const std::string_view part = trim(text.substr(0, comma));
        const size_t slash = part.find('/');
        std::string_view name = part.substr(0, slash);
        const bool same_side = name.starts_with(side.is_src ? "src" : "dst");
        name.remove_prefix(same_side ? 3 : 0);
        const bool is_v6 = name == "6";
        const unsigned bit = is_v6 ? 2 : 1;
        if (!same_side || !(name.empty() || is_v6) || (seen & bit) != 0) {
            return {std::nullopt, part, false};
        }
        seen |= bit;
        if (slash != std::string_view::npos) {
            const auto length = parse_number(part.substr(slash + 1));
            if (!length || *length == 0 || *length > (is_v6 ? length_max_v6 : length_max_v4)) {
                return {std::nullopt, part, true};
            }
            (is_v6 ? side.lengths.v6 : side.lengths.v4) = static_cast<uint8_t>(*length);
        }
        if (comma == std::string_view::npos) {
            return {side, {}, false};
        }
        text.remove_prefix(comma + 1);
    }
}

// Reports what is wrong with a side.
std::optional<Side> read_side(Reading& reading, const TomlEntry& entry, std::string_view text,
                              const std::vector<std::string>& words) {
    const SideText parsed = parse_side(text);
    if (parsed.side) {
        return parsed.side;
    }
    const size_t offset = static_cast<size_t>(parsed.part.data() - entry.value.text.data());
    const Location at = part_of(entry.value, offset, parsed.part.size());
    if (parsed.bad_length) {
        reading.error("E030", at, "'" + std::string(parsed.part) + "' has no length of a prefix",
                      "1 to 32 for IPv4, 1 to 128 for IPv6: \"src/24,src6/56\"");
    } else {
        const bool is_side = parsed.part.starts_with("src") || parsed.part.starts_with("dst");
        reading.error("E020", at,
                      "'" + std::string(parsed.part) + "' is nothing that '" + entry.key +
                          "' can name here",
                      is_side ? "one side: \"src/24,src6/56\"; both: \"src+dst\""
                              : offer(parsed.part, words, alternatives(words)));
    }
    return std::nullopt;
}

void read_per(Reading& reading, Limit& limit, const TomlEntry& entry) {
    const auto text = read_string(reading, entry, "per = \"src\"");
    if (!text) {
        return;
    }
    if (*text == "rule" || *text == "zone") {
        limit.per = *text == "rule" ? Limit::Per::rule : Limit::Per::zone;
        return;
    }
    const std::vector<std::string> words{"rule", "src", "dst", "src+dst", "zone", "src/24,src6/56"};
    const std::string_view whole = entry.value.text;
    const size_t plus = whole.find('+');
    const auto first = read_side(reading, entry, trim(whole.substr(0, plus)), words);
    if (!first) {
        return;
    }
    (first->is_src ? limit.src : limit.dst) = first->lengths;
    limit.per = first->is_src ? Limit::Per::src : Limit::Per::dst;
    if (plus == std::string_view::npos) {
        return;
    }
    const auto second = read_side(reading, entry, trim(whole.substr(plus + 1)), words);
    if (second && second->is_src == first->is_src) {
        reading.error("E020", entry.value.at, "'" + *text + "' names one side twice",
                      "per = \"src+dst\"");
    } else if (second) {
        (second->is_src ? limit.src : limit.dst) = second->lengths;
        limit.per = Limit::Per::src_dst;
    }
}

void read_limit_rate(Reading& reading, Limit& limit, const TomlEntry& entry) {
    limit.rate = read_rate(reading, entry, std::string(rate_help)).value_or(Rate{});
}

void read_over(Reading& reading, Limit& limit, const TomlEntry& entry) {
    if (const auto word = read_word(reading, entry, {"drop", "reject", "mark", "log"})) {
        limit.over = static_cast<Limit::Over>(*word);
    }
}

void read_limit_mark(Reading& reading, Limit& limit, const TomlEntry& entry) {
    limit.mark = read_mark(reading, entry).value_or(Mark{});
}

// A number of packets or flows, or an amount of bytes: as the rate counts.
void read_burst(Reading& reading, Limit& limit, const TomlEntry& entry) {
    if (limit.rate.count == 0) {
        return; // missing, or reported
    }
    const TomlNode& value = entry.value;
    const bool counts_bytes = limit.rate.of == Rate::Of::bytes;
    if (!counts_bytes) {
        if (value.kind == TomlKind::string && parse_bytes(value.text)) {
            reading.error("E039", value.at,
                          "'" + value.text + "' is an amount of bytes, but the rate counts " +
                              (limit.rate.of == Rate::Of::packets ? "packets" : "new flows"),
                          "burst = 20");
        } else if (const auto number = read_integer(reading, entry, 1, rate_packets_max)) {
            limit.burst = static_cast<uint64_t>(*number);
        }
        return;
    }
    const auto bytes =
        value.kind == TomlKind::string ? parse_bytes(value.text) : std::optional<uint64_t>();
    if (!bytes) {
        reading.error("E039", value.at, "'burst' is no amount of bytes, which the rate counts",
                      "burst = \"64kB\", \"2MB\" or \"1MiB\"");
    } else if (*bytes < limit_bytes_burst_min) {
        reading.error("E030", value.at,
                      "'burst' must be at least " + std::to_string(limit_bytes_burst_min) +
                          " bytes: no packet of full size would ever pass",
                      "burst = \"64kB\"");
    } else {
        limit.burst = bytes;
    }
}

// `rate` first: what `burst` counts depends on it.
constexpr Key<Limit> keys[] = {{"rate", read_limit_rate},
                               {"per", read_per},
                               {"burst", read_burst},
                               {"over", read_over},
                               {"mark", read_limit_mark}};

void check_keys(Reading& reading, const Limit& limit, const TomlNode& table,
                const std::string& where) {
    const TomlEntry* mark = table.find("mark");
    if (limit.over == Limit::Over::mark && mark == nullptr) {
        reading.error("E014", table.at, "'mark' is missing in " + where, "mark = \"0x1/0xff\"");
    } else if (limit.over != Limit::Over::mark && mark != nullptr) {
        reading.error("E018", mark->key_at, "'mark' in " + where + " needs over = \"mark\"");
    }
    const TomlEntry* burst = table.find("burst");
    if (limit.burst && burst_seconds(limit.rate, *limit.burst) > limit_burst_seconds_max) {
        reading.error("E030", burst->value.at,
                      "at " + to_string(limit.rate) + " this burst takes more than 30 days",
                      "a smaller burst, or a higher rate");
    }
}

} // namespace

std::optional<PrefixLengths> read_source_prefix(Reading& reading, const TomlEntry& entry) {
    const auto text = read_string(reading, entry, "\"src/32,src6/64\"");
    if (!text) {
        return std::nullopt;
    }
    const std::vector<std::string> words{"src/32,src6/64", "src/24", "src6/56"};
    const auto side = read_side(reading, entry, entry.value.text, words);
    if (side && !side->is_src) {
        reading.error("E020", entry.value.at, "'" + entry.key + "' is about sources",
                      alternatives(words));
        return std::nullopt;
    }
    return side ? std::optional(side->lengths) : std::nullopt;
}

std::optional<Rate> read_rate(Reading& reading, const TomlEntry& entry, std::string help) {
    const TomlNode& value = entry.value;
    if (value.kind != TomlKind::string && value.kind != TomlKind::integer) {
        (void)read_string(reading, entry, std::move(help)); // ignoring: it reports the type
        return std::nullopt;
    }
    const bool is_number = value.kind == TomlKind::integer || parse_number(value.text);
    if (is_number) {
        reading.error("E039", value.at, "'" + entry.key + "' has no unit", std::move(help));
        return std::nullopt;
    }
    const auto rate = parse_rate(value.text);
    if (!rate) {
        reading.error("E039", value.at, "'" + value.text + "' is no rate", std::move(help));
    }
    return rate;
}

void read_limit(Reading& reading, const TomlEntry& entry) {
    const std::string where = "[limit." + entry.key + "]";
    if (!check_slug(reading, entry.key, entry.key_at, "a limit") ||
        !check_table(reading, entry, "[limit.NAME]")) {
        return;
    }
    Limit limit;
    limit.name = entry.key;
    limit.at = entry.value.at;
    const size_t errors_before = reading.errors;
    read_keys<Limit>(reading, limit, entry.value, keys, where);
    if (entry.value.find("rate") == nullptr) {
        reading.error("E014", entry.value.at, "'rate' is missing in " + where,
                      std::string(rate_help));
    }
    if (reading.errors == errors_before) {
        check_keys(reading, limit, entry.value, where);
    }
    reading.rules.limits.push_back(std::move(limit));
}

} // namespace pc
