// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/words.h"

#include <algorithm>
#include <utility>

namespace pc {

namespace {

constexpr uint32_t len_max = 65535;

// In the order of the bits.
constexpr std::array<std::string_view, 8> tcp_flags_by_bit{"fin", "syn", "rst", "psh",
                                                           "ack", "urg", "ece", "cwr"};

using TypeName = std::pair<std::string_view, uint8_t>;

constexpr std::array<TypeName, 13> icmp_types{{{"echo-reply", 0},
                                               {"destination-unreachable", 3},
                                               {"source-quench", 4},
                                               {"redirect", 5},
                                               {"echo-request", 8},
                                               {"router-advertisement", 9},
                                               {"router-solicitation", 10},
                                               {"time-exceeded", 11},
                                               {"parameter-problem", 12},
                                               {"timestamp-request", 13},
                                               {"timestamp-reply", 14},
                                               {"address-mask-request", 17},
                                               {"address-mask-reply", 18}}};

constexpr std::array<TypeName, 15> icmp6_types{{{"destination-unreachable", 1},
                                                {"packet-too-big", 2},
                                                {"time-exceeded", 3},
                                                {"parameter-problem", 4},
                                                {"echo-request", 128},
                                                {"echo-reply", 129},
                                                {"mld-listener-query", 130},
                                                {"mld-listener-report", 131},
                                                {"mld-listener-done", 132},
                                                {"nd-router-solicit", 133},
                                                {"nd-router-advert", 134},
                                                {"nd-neighbor-solicit", 135},
                                                {"nd-neighbor-advert", 136},
                                                {"nd-redirect", 137},
                                                {"mld2-listener-report", 143}}};

std::vector<TypeName> types_of(Family family) {
    return family == Family::v4 ? std::vector<TypeName>(icmp_types.begin(), icmp_types.end())
                                : std::vector<TypeName>(icmp6_types.begin(), icmp6_types.end());
}

std::string padded(uint32_t number, size_t width) {
    std::string text = std::to_string(number);
    return std::string(width - std::min(width, text.size()), '0') + text;
}

} // namespace

std::string hex_word(uint32_t value) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    do {
        text.insert(text.begin(), digits[value % 16]);
        value /= 16;
    } while (value != 0);
    return "0x" + text;
}

std::string word_of(uint32_t number, NumberKind kind) {
    if (kind == NumberKind::proto && number <= UINT8_MAX) {
        return protocol_name(static_cast<uint8_t>(number));
    }
    if (kind == NumberKind::vlan && number == PC_VLAN_NONE) {
        return "untagged";
    }
    return std::to_string(number);
}

std::string word_of(const NumberRange& range, NumberKind kind) {
    if (range.low == range.high) {
        return word_of(range.low, kind);
    }
    if (kind == NumberKind::len && range.high >= len_max) {
        return ">=" + std::to_string(range.low);
    }
    // A range of protocols is one of numbers: names have no order.
    return std::to_string(range.low) + "-" + std::to_string(range.high);
}

std::string word_of(const NumberItem& item, NumberKind kind) {
    return (item.negated ? "!" : "") +
           (item.set.empty() ? word_of(item.range, kind) : "@" + item.set);
}

std::string word_of(const AddressItem& item) {
    return (item.negated ? "!" : "") + (item.set.empty() ? to_string(item.range) : "@" + item.set);
}

std::string word_of(const ZoneItem& item) {
    return (item.negated ? "!" : "") + item.zone;
}

std::string word_of(const TcpFlagsItem& item) {
    std::vector<std::string> words;
    for (size_t bit = 0; bit < tcp_flags_by_bit.size(); ++bit) {
        const unsigned mask = 1U << bit;
        if ((item.mask & mask) != 0) {
            words.push_back(((item.value & mask) != 0 ? "" : "!") +
                            std::string(tcp_flags_by_bit.at(bit)));
        }
    }
    return join(words, ",");
}

std::string word_of(const MacItem& item) {
    return (item.negated ? "!" : "") + to_string(item.mac);
}

std::string word_of(const StateItem& item) {
    return (item.negated ? "!" : "") + std::string(to_string(item.state));
}

std::string word_of(const Date& date) {
    return padded(static_cast<uint32_t>(date.year), 4) + "-" + padded(date.month, 2) + "-" +
           padded(date.day, 2);
}

std::string word_of(pc_frag_bit frag) {
    return join(fragment_words(static_cast<uint8_t>(frag)), ",");
}

std::vector<std::string> fragment_words(uint8_t frags) {
    constexpr unsigned both = PC_FRAG_FIRST | PC_FRAG_LATER;
    std::vector<std::string> words;
    if ((frags & PC_FRAG_NONE) != 0) {
        words.emplace_back("none");
    }
    if ((frags & both) == both) {
        words.emplace_back("any");
    } else if ((frags & PC_FRAG_FIRST) != 0) {
        words.emplace_back("first");
    } else if ((frags & PC_FRAG_LATER) != 0) {
        words.emplace_back("non-first");
    }
    return words;
}

std::string tcp_flags_words(uint8_t flags) {
    return flags == 0 ? "none" : word_of(TcpFlagsItem{flags, flags, {}});
}

std::vector<std::string> tcp_flag_names() {
    return {tcp_flags_by_bit.begin(), tcp_flags_by_bit.end()};
}

std::optional<uint8_t> tcp_flag_bit(std::string_view name) {
    const auto* found = std::find(tcp_flags_by_bit.begin(), tcp_flags_by_bit.end(), name);
    if (found == tcp_flags_by_bit.end()) {
        return std::nullopt;
    }
    return static_cast<uint8_t>(1U << static_cast<unsigned>(found - tcp_flags_by_bit.begin()));
}

std::string_view to_string(pc_state_bit state) {
    for (size_t bit = 0; bit < state_names().size(); ++bit) {
        if (static_cast<unsigned>(state) == 1U << bit) {
            return state_names()[bit];
        }
    }
    return {};
}

std::optional<pc_state_bit> parse_state(std::string_view word) {
    for (const pc_state_bit state :
         {PC_STATE_NEW, PC_STATE_ESTABLISHED, PC_STATE_RELATED, PC_STATE_INVALID}) {
        if (to_string(state) == word) {
            return state;
        }
    }
    return std::nullopt;
}

const std::vector<std::string>& state_names() {
    static const std::vector<std::string> names{"new", "established", "related", "invalid"};
    return names;
}

std::optional<uint8_t> icmp_type_number(Family family, std::string_view name) {
    for (const TypeName& type : types_of(family)) {
        if (type.first == name) {
            return type.second;
        }
    }
    return std::nullopt;
}

std::vector<std::string> icmp_type_names(Family family) {
    std::vector<std::string> names;
    for (const TypeName& type : types_of(family)) {
        names.emplace_back(type.first);
    }
    return names;
}

std::string icmp_type_word(Family family, uint8_t type) {
    for (const TypeName& known : types_of(family)) {
        if (known.second == type) {
            return std::string(known.first);
        }
    }
    return std::to_string(type);
}

std::string join(const std::vector<std::string>& words, std::string_view separator,
                 size_t words_max) {
    const size_t shown = std::min(words.size(), words_max);
    std::string text;
    for (size_t i = 0; i < shown; ++i) {
        text += i == 0 ? "" : separator;
        text += words[i];
    }
    if (shown < words.size()) {
        text += std::string(separator) + std::to_string(words.size() - shown) + " more";
    }
    return text;
}

} // namespace pc
