// SPDX-License-Identifier: GPL-3.0-or-later
// Names of servers, as lists of [inspect.*], sets of names and their files hold them. A bad one is
// reported and left out.
#pragma once

#include "rules/parse_values.h"

namespace pc {

inline constexpr size_t names_in_set_max = 4'000'000;

// "a.example", "*.a.example", as written.
[[nodiscard]] std::vector<std::string> read_server_names(Reading& reading, const TomlEntry& entry);

// The items of a set of names, normal.
[[nodiscard]] std::vector<std::string> read_name_items(Reading& reading, const TomlEntry& entry);

// These, "@SET" and "!" before them.
[[nodiscard]] std::vector<NameItem> read_hosts(Reading& reading, const TomlEntry& entry);

// Adds the names of a line: one name or pattern, or the names behind an address as in hosts(5).
// Otherwise the word that is no name.
[[nodiscard]] std::optional<std::string_view> read_name_line(std::string_view line, Set& set);

} // namespace pc
