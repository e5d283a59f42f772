// SPDX-License-Identifier: GPL-3.0-or-later
// The items of a match in the words of the rule file: what `show rules`, `explain` and the
// canonical TOML have in common.
#pragma once

#include "rules/rule.h"

namespace pc {

// What a number stands for decides how it is written: "tcp", "untagged", ">=400".
enum class NumberKind : uint8_t { plain, proto, len, vlan };

[[nodiscard]] std::string hex_word(uint32_t value); // "0x1f"
[[nodiscard]] std::string word_of(uint32_t number, NumberKind kind);
[[nodiscard]] std::string word_of(const NumberRange& range, NumberKind kind);
[[nodiscard]] std::string word_of(const NumberItem& item, NumberKind kind);
[[nodiscard]] std::string word_of(const AddressItem& item);
[[nodiscard]] std::string word_of(const ZoneItem& item);
[[nodiscard]] std::string word_of(const TcpFlagsItem& item); // "syn,!ack"
[[nodiscard]] std::string word_of(const MacItem& item);
[[nodiscard]] std::string word_of(const StateItem& item); // "!invalid"
[[nodiscard]] std::string word_of(const Date& date);      // "2027-06-30"
[[nodiscard]] std::string word_of(pc_frag_bit frag);      // "none", "first", "non-first"

// "none", "first", "non-first" or "any" for one or both kinds of fragment; several words where the
// bits need them.
[[nodiscard]] std::vector<std::string> fragment_words(uint8_t frags);

// "syn,ack" of the bits of a TCP header; "none" for 0.
[[nodiscard]] std::string tcp_flags_words(uint8_t flags);
[[nodiscard]] std::vector<std::string> tcp_flag_names();
[[nodiscard]] std::optional<uint8_t> tcp_flag_bit(std::string_view name);

// "new", "established", "related", "invalid"; empty if it is none of them.
[[nodiscard]] std::string_view to_string(pc_state_bit state);
[[nodiscard]] std::optional<pc_state_bit> parse_state(std::string_view word);
[[nodiscard]] const std::vector<std::string>& state_names();

// Types with a name in nftables, and the names of a family's.
[[nodiscard]] std::optional<uint8_t> icmp_type_number(Family family, std::string_view name);
[[nodiscard]] std::vector<std::string> icmp_type_names(Family family);
[[nodiscard]] std::string icmp_type_word(Family family, uint8_t type); // the number if it has none

// "a, b, c" or with another separator; of more than `words_max` words the first ones and how many
// are left out.
[[nodiscard]] std::string join(const std::vector<std::string>& words, std::string_view separator,
                               size_t words_max = SIZE_MAX);

} // namespace pc
