// SPDX-License-Identifier: GPL-3.0-or-later
// A named set: elements that the rule file lists, or a dynamic one, whose elements come and go
// while the rules run.
#pragma once

#include <optional>

#include "rules/match.h"

namespace pc {

enum class SetType : uint8_t { prefix, port, proto, name };

inline constexpr uint32_t dynamic_ttl_max_s = 10U * 365 * 24 * 3600;
inline constexpr uint32_t dynamic_entries_max = 1048576;

// Prefixes that live for a time: `block PREFIX for TIME in SET`.
struct DynamicSet {
    uint32_t ttl_s = 0; // of entries that are given no time; 0: for good
    uint32_t entries_max = 65536;
    bool persist = true; // over a restart of the daemon

    bool operator==(const DynamicSet&) const = default;
};

struct Set {
    std::string name;
    SetType type = SetType::prefix;
    std::vector<AddressItem> addresses;       // type prefix: items
    std::vector<NumberItem> numbers;          // type port, proto: items
    std::vector<std::string> names;           // type name: items, normal (rules/inspect.h)
    std::vector<std::string> files;           // as written
    std::vector<AddressRange> file_addresses; // what the files held
    std::vector<NumberRange> file_numbers;
    std::string file_names; // one a line, normal; there may be millions
    size_t file_names_count = 0;
    std::vector<AddressItem> exclude; // type prefix
    std::vector<NumberItem> exclude_numbers;
    std::optional<DynamicSet> dynamic; // type prefix, without any of the above
    Location at;
};

} // namespace pc
