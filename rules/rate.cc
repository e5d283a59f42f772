// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/rate.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace pc {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr uint64_t second = 64'000'000'000; // in 64ths of a nanosecond: PC_LIMIT_UNIT_SHIFT
constexpr uint64_t bytes_counted = 65536;   // at once
constexpr uint64_t burst_bytes_min = 65536;
constexpr uint64_t bursts_per_second = 10;

struct Unit {
    std::string_view word; // lower case, but for the B of bytes
    uint64_t factor = 1;
    uint32_t seconds = 1;
    Rate::Of of{};
};

using Of = Rate::Of;

// The first word of a kind and factor is the one that is printed.
constexpr std::array units{
    Unit{"pps", 1, 1, Of::packets},
    Unit{"kpps", 1000, 1, Of::packets},
    Unit{"mpps", 1'000'000, 1, Of::packets},
    Unit{"packets/s", 1, 1, Of::packets},
    Unit{"packets/m", 1, 60, Of::packets},
    Unit{"packets/h", 1, 3600, Of::packets},
    Unit{"gbit", 1'000'000'000, 1, Of::bytes},
    Unit{"mbit", 1'000'000, 1, Of::bytes},
    Unit{"kbit", 1000, 1, Of::bytes},
    Unit{"bit", 1, 1, Of::bytes},
    Unit{"B/s", 8, 1, Of::bytes},
    Unit{"kB/s", 8000, 1, Of::bytes},
    Unit{"mB/s", 8'000'000, 1, Of::bytes},
    Unit{"gB/s", 8'000'000'000, 1, Of::bytes},
    Unit{"/s", 1, 1, Of::flows},
    Unit{"/m", 1, 60, Of::flows},
    Unit{"/h", 1, 3600, Of::flows},
    Unit{"flows/s", 1, 1, Of::flows},
    Unit{"flows/m", 1, 60, Of::flows},
    Unit{"flows/h", 1, 3600, Of::flows},
};

struct Amount {
    std::string_view word;
    uint64_t factor = 1;
};

constexpr std::array amounts{Amount{"GiB", 1ULL << 30},
                             Amount{"GB", 1'000'000'000},
                             Amount{"MiB", 1ULL << 20},
                             Amount{"MB", 1'000'000},
                             Amount{"KiB", 1ULL << 10},
                             Amount{"kB", 1000},
                             Amount{"B", 1}};

struct Quantity {
    uint64_t number = 0;
    std::string unit;
};

// "20 mbit": digits, perhaps a space, and a word.
std::optional<Quantity> split(std::string_view text) {
    Quantity quantity;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), quantity.number);
    if (error != std::errc{} || end == text.data()) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (text.starts_with(' ')) {
        text.remove_prefix(1);
    }
    quantity.unit = text;
    return quantity;
}

// Mbit and mbit are the same; B and b are not.
std::string lower_but_bytes(std::string word) {
    for (char& c : word) {
        c = c >= 'A' && c <= 'Z' && c != 'B' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return word;
}

} // namespace

std::optional<Rate> parse_rate(std::string_view text) {
    const auto quantity = split(text);
    if (!quantity) {
        return std::nullopt;
    }
    const std::string word = lower_but_bytes(quantity->unit);
    const auto* unit = std::find_if(units.begin(), units.end(),
                                    [&](const Unit& each) { return each.word == word; });
    if (unit == units.end()) {
        return std::nullopt;
    }
    const uint64_t max = unit->of == Of::bytes ? rate_bits_max : rate_packets_max;
    if (quantity->number == 0 || quantity->number > max / unit->factor) {
        return std::nullopt;
    }
    return Rate{quantity->number * unit->factor, unit->seconds, unit->of};
}

std::string to_string(const Rate& rate) {
    switch (rate.of) {
    case Of::packets:
        return rate.seconds == 1
                   ? std::to_string(rate.count) + "pps"
                   : std::to_string(rate.count) + " packets/" + (rate.seconds == 60 ? "m" : "h");
    case Of::flows:
        return std::to_string(rate.count) + (rate.seconds == 1    ? "/s"
                                             : rate.seconds == 60 ? "/m"
                                                                  : "/h");
    case Of::bytes:
        for (const Unit& unit : units) {
            if (unit.of == Of::bytes && rate.count % unit.factor == 0) {
                return std::to_string(rate.count / unit.factor) + std::string(unit.word);
            }
        }
    }
    return {};
}

std::optional<uint64_t> parse_bytes(std::string_view text) {
    const auto quantity = split(text);
    if (!quantity || quantity->number == 0) {
        return std::nullopt;
    }
    const auto* amount = std::find_if(amounts.begin(), amounts.end(), [&](const Amount& each) {
        return each.word == quantity->unit;
    });
    if (amount == amounts.end() || quantity->number > rate_bits_max / amount->factor) {
        return std::nullopt;
    }
    return quantity->number * amount->factor;
}

std::string bytes_text(uint64_t bytes) {
    for (const Amount& amount : amounts) {
        if (bytes % amount.factor == 0) {
            return std::to_string(bytes / amount.factor) + std::string(amount.word);
        }
    }
    return {};
}

uint64_t default_burst(const Rate& rate) {
    const uint64_t given = rate.count / rate.seconds / bursts_per_second;
    return rate.of == Of::bytes ? std::max(given / 8, burst_bytes_min)
                                : std::max<uint64_t>(given, 1);
}

uint64_t interval_of(const Rate& rate) {
    const Wide counted = rate.of == Of::bytes ? bytes_counted * 8 : 1;
    const Wide time = Wide{second} * rate.seconds * counted;
    return rate.count == 0 ? 0 : static_cast<uint64_t>((time + rate.count / 2) / rate.count);
}

uint64_t burst_time(const Rate& rate, uint64_t burst) {
    const Wide time = Wide{burst} * interval_of(rate);
    return static_cast<uint64_t>(rate.of == Of::bytes ? time / bytes_counted : time);
}

uint64_t burst_seconds(const Rate& rate, uint64_t burst) {
    const Wide time = Wide{burst} * interval_of(rate);
    const Wide all = rate.of == Of::bytes ? time / bytes_counted : time;
    return static_cast<uint64_t>(std::min<Wide>((all + second - 1) / second, UINT64_MAX));
}

} // namespace pc
