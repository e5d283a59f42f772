// SPDX-License-Identifier: GPL-3.0-or-later
// The tables and keys of the rule language that a shell can edit, and how its words become values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/edit.h"

namespace pc::edit {

enum class Table : uint8_t {
    rule,
    set,
    zone,
    inspect,
    limit,
    host,
    defaults,
    safety,
    flows,
    guard
};

enum class ValueForm : uint8_t {
    text,        // "drop"
    number,      // 210, 0x1; quoted when it is no integer
    boolean,     // true, false
    date,        // 2027-06-30
    texts,       // ["lan", "guest"]; a word with commas is several
    whole_texts, // ["syn,!ack"]; commas belong to the word
    numbers,     // [22, "1024-65535", "@web"]
};

// What a value may name or which words it may be, for completion.
enum class ValueKind : uint8_t {
    any,
    boolean,
    zone,
    address, // prefix or @set
    port,    // number or @set of ports
    proto,
    action,
    verdict, // accept, drop
    log,
    frag,
    tcp_flags,
    icmp_type,
    inspect,
    limit,
    state,
    per,
    over,
    syn_protect,
    guard_mode,
    interface,
    set_type,
    xdp_mode,
    on_down,
    inspect_mode,
    allow_deny,
    ech,
    fragments,
    family,
    on_boot_error,
};

struct TableKey {
    std::string_view name;
    ValueForm form{};
    ValueKind kind{};
    std::string_view help;
};

[[nodiscard]] std::optional<Table> table_named(std::string_view word);
[[nodiscard]] std::string_view to_string(Table table);
[[nodiscard]] bool has_name(Table table); // [zone.NAME], but [defaults]
[[nodiscard]] std::span<const TableKey> keys_of(Table table);
[[nodiscard]] const TableKey* key_named(Table table, std::string_view name);
[[nodiscard]] std::vector<std::string> key_names(Table table);
[[nodiscard]] bool is_list(ValueForm form);

// A word of the command line, or a part of it.
struct WordAt {
    size_t word = 0;
    size_t offset = 0;
    size_t length = 0;
};

struct ValueItem {
    std::string text; // as the operator gave it
    std::string toml; // as it stands in a file
    WordAt at;
};

struct Assignment {
    const TableKey* key = nullptr;
    size_t word = 0;
    bool is_bracketed = false; // [ a b ]
    std::vector<ValueItem> items;
};

// KEY VALUE [KEY VALUE]... from words[from] on.
[[nodiscard]] std::optional<Refusal> read_assignments(Table table,
                                                      std::span<const std::string> words,
                                                      size_t from, std::vector<Assignment>& out);
// The value of assignment.key at words[at]; moves `at` behind it.
[[nodiscard]] std::optional<Refusal> read_value(std::span<const std::string> words, size_t& at,
                                                Assignment& assignment);

// "unknown key 'dprot'; did you mean 'dport'?"
[[nodiscard]] std::string unknown(std::string_view what, std::string_view word,
                                  const std::vector<std::string>& candidates);

// The fixed words of a kind; empty where names or numbers are asked for.
[[nodiscard]] std::vector<std::string> words_of(ValueKind kind);

} // namespace pc::edit
