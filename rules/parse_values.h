// SPDX-License-Identifier: GPL-3.0-or-later
// What the readers of all sections share: reporting, typed values, words, tables of keys.
#pragma once

#include <algorithm>
#include <span>

#include "rules/contents.h"
#include "rules/parse.h"
#include "rules/parse_toml.h"

namespace pc {

// One parse().
struct Reading {
    RuleSet& rules;
    Diagnostics& diagnostics;
    const ReadFiles& read;
    const Progress& progress;
    std::vector<std::string> set_names; // of all files, known before the first list is read
    Environment nowhere;
    std::optional<Contents> sets; // when all sets have been read
    size_t errors = 0;

    void error(std::string_view code, const Location& at, std::string message,
               std::string help = {}, std::vector<Note> notes = {});
    void warning(std::string_view code, const Location& at, std::string message,
                 std::string help = {}, std::vector<Note> notes = {});
};

// "did you mean 'x' or 'y'?", or `otherwise`. `quote` stands around each offer.
[[nodiscard]] std::string offer(std::string_view word, const std::vector<std::string>& candidates,
                                std::string otherwise, std::string_view before = "'",
                                std::string_view after = "'");

// "a, b or c".
[[nodiscard]] std::string alternatives(const std::vector<std::string>& words);

// "a string", "a table".
[[nodiscard]] std::string_view kind_name(TomlKind kind);

// Values of one type; anything else is E010.
[[nodiscard]] std::optional<std::string> read_string(Reading& reading, const TomlEntry& entry,
                                                     std::string help = {});
[[nodiscard]] std::optional<bool> read_boolean(Reading& reading, const TomlEntry& entry);
[[nodiscard]] std::optional<int64_t> read_integer(Reading& reading, const TomlEntry& entry,
                                                  int64_t min, int64_t max);

// The place of the word in `words`, else E020.
[[nodiscard]] std::optional<size_t> read_word(Reading& reading, const TomlEntry& entry,
                                              const std::vector<std::string>& words);

// The items of a list; a scalar is a list of one. An empty list is E040 unless `empty_allowed`.
enum class EmptyList : uint8_t { refused, allowed };
[[nodiscard]] std::vector<const TomlNode*> read_list(Reading& reading, const TomlEntry& entry,
                                                     EmptyList empty = EmptyList::refused);
[[nodiscard]] std::vector<std::string> read_strings(Reading& reading, const TomlEntry& entry,
                                                    EmptyList empty = EmptyList::refused);

// 0x1, "0x1/0xff"; else E046.
[[nodiscard]] std::optional<Mark> read_mark(Reading& reading, const TomlEntry& entry);

// "2m": seconds, at most `longest`; the unit is one of s, m, h, d.
[[nodiscard]] std::optional<uint32_t> parse_seconds(std::string_view text,
                                                    uint32_t longest = 24 * 3600);

// The whole of `text` as a number, decimal or 0x.
[[nodiscard]] std::optional<uint32_t> parse_number(std::string_view text);

[[nodiscard]] std::string_view trim(std::string_view text);

// [a-z0-9][a-z0-9._-]{0,62}
[[nodiscard]] bool is_slug(std::string_view name);
[[nodiscard]] bool check_slug(Reading& reading, std::string_view name, const Location& at,
                              std::string_view what);

[[nodiscard]] const std::vector<std::string>& built_in_sets();

// A table's keys in the order in which they are to be read. No function: refused as not there yet.
template <typename T>
struct Key {
    std::string_view name;
    void (*read)(Reading& reading, T& into, const TomlEntry& entry) = nullptr;
};

struct KeyNames {
    std::vector<std::string> now;
    std::vector<std::string> later; // known, but not offered
};

template <typename T>
[[nodiscard]] bool has_unknown_keys(const TomlNode& table, std::span<const Key<T>> keys) {
    return std::any_of(table.entries.begin(), table.entries.end(), [&](const TomlEntry& entry) {
        return std::none_of(keys.begin(), keys.end(),
                            [&](const Key<T>& key) { return key.name == entry.key; });
    });
}

// Reports keys of the table that are not among `names` (E012). `where`: "[[rule]] 'x'".
void refuse_unknown_keys(Reading& reading, const TomlNode& table, const KeyNames& names,
                         const std::string& where);
void refuse_not_yet(Reading& reading, const TomlEntry& entry, const std::string& where);

// False if the value is no table.
[[nodiscard]] bool check_table(Reading& reading, const TomlEntry& entry, std::string_view example);

template <typename T>
void read_keys(Reading& reading, T& into, const TomlNode& table, std::span<const Key<T>> keys,
               const std::string& where) {
    if (has_unknown_keys(table, keys)) {
        KeyNames names;
        for (const Key<T>& key : keys) {
            (key.read == nullptr ? names.later : names.now).emplace_back(key.name);
        }
        refuse_unknown_keys(reading, table, names, where);
    }
    for (const Key<T>& key : keys) {
        const TomlEntry* entry = table.find(key.name);
        if (entry == nullptr) {
            continue;
        }
        if (key.read == nullptr) {
            refuse_not_yet(reading, *entry, where);
        } else {
            key.read(reading, into, *entry);
        }
    }
}

} // namespace pc
