// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/flow_words.h"

#include <array>
#include <cstdio>
#include <cstring>

namespace pc::bench {

std::optional<bench_flow_set> parse_flow_set(const std::string& text) {
    constexpr std::array orders{"turn", "uniform", "hot"};
    bench_flow_set set{};
    std::array<char, 8> order{};
    std::array<char, 8> sender{};
    const int found =
        std::sscanf(text.c_str(), "flows:%u:%u:%u:%7[a-z]:%u:%7[a-z]", &set.family, &set.proto,
                    &set.count, order.data(), &set.tcp_flags, sender.data());
    if (found < 5 || (set.family != 4 && set.family != 6) || set.count == 0) {
        return std::nullopt;
    }
    while (set.order < orders.size() && std::strcmp(order.data(), orders[set.order]) != 0) {
        set.order++;
    }
    if (set.order == orders.size() || (found == 6 && std::strcmp(sender.data(), "answers") != 0)) {
        return std::nullopt;
    }
    set.answers = found == 6 ? 1 : 0;
    return set;
}

} // namespace pc::bench
