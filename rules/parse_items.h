// SPDX-License-Identifier: GPL-3.0-or-later
// The items of lists: addresses, numbers, zones, TCP flags, MAC addresses. A bad item is reported
// and left out.
#pragma once

#include "rules/parse_values.h"

namespace pc {

enum class NumberField : uint8_t { proto, port, icmp_type, icmp_code, len, dscp, ttl, vlan };

struct NumberSyntax {
    NumberField field{};
    bool negation = true;
    bool ranges = true;
    bool sets = true;
    std::optional<Family> icmp; // whose type and code names are known
};

[[nodiscard]] std::vector<NumberItem> read_numbers(Reading& reading, const TomlEntry& entry,
                                                   const NumberSyntax& syntax,
                                                   EmptyList empty = EmptyList::refused);

// The smallest and the largest number of a field.
[[nodiscard]] NumberRange range_of(NumberField field);

struct AddressSyntax {
    bool negation = true;
    bool sets = true;
};

[[nodiscard]] std::vector<AddressItem> read_addresses(Reading& reading, const TomlEntry& entry,
                                                      const AddressSyntax& syntax,
                                                      EmptyList empty = EmptyList::refused);

// One address, prefix or range; what is wrong with it otherwise. With host bits: the range with
// these cleared, and the error.
struct AddressText {
    std::optional<AddressRange> range;
    std::string code; // empty: fine
    std::string message;
    std::string help;
};

[[nodiscard]] AddressText parse_address_text(std::string_view text);

// "80", "80-90", ">=400", "tcp", "untagged" of a field without names of sets.
struct NumberText {
    std::optional<NumberRange> range;
    std::string code;
    std::string message;
    std::string help;
};

[[nodiscard]] NumberText parse_number_text(std::string_view text, const NumberSyntax& syntax);

[[nodiscard]] std::vector<ZoneItem> read_zones(Reading& reading, const TomlEntry& entry);
[[nodiscard]] std::vector<TcpFlagsItem> read_tcp_flags(Reading& reading, const TomlEntry& entry);
[[nodiscard]] std::vector<StateItem> read_states(Reading& reading, const TomlEntry& entry);
[[nodiscard]] std::vector<MacItem> read_macs(Reading& reading, const TomlEntry& entry);
[[nodiscard]] uint8_t read_fragments(Reading& reading, const TomlEntry& entry);

} // namespace pc
