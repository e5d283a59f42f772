// SPDX-License-Identifier: GPL-3.0-or-later
// What a rule becomes in the classifier: one or more entries, each with the parts of a packet that
// it is found by. A short list of ports or protocols becomes an entry for each; what cannot be part
// of a key is asked of the rule's record.
#pragma once

#include "rules/plan.h"
#include "rules/port_table.h"

namespace pc {

// One side of an entry: a prefix, or a list by its number (then the prefix is empty).
struct EntryAddress {
    WideAddress address = 0;
    uint8_t length = 0;
    uint16_t list = 0;

    auto operator<=>(const EntryAddress&) const = default;
};

struct Entry {
    Family family = Family::v4;
    EntryAddress src, dst;
    PortSpec sport, dport;            // of an ICMP rule its type and code
    std::array<uint64_t, 4> protos{}; // bits: which the row holds
    std::optional<uint8_t> proto;     // part of the key
    uint64_t zones = 0;               // bits: which zones' rows hold it
    std::optional<uint8_t> zone;      // part of the key
    bool check = false;               // the record has to be asked
    bool addresses = false;           // IPv6: the addresses have to be compared, if nothing else
};

// The lists of a record by their numbers there.
struct EntryLists {
    const std::vector<pc_number_set>& numbers;
    const std::vector<pc_byte_set>& bytes;
};

// No entries: the rule matches nothing of that family.
[[nodiscard]] std::vector<Entry> entries_of(const pc_record& record, const EntryLists& lists,
                                            Family family);

// Without the record's number and PC_RULE_CHECK.
[[nodiscard]] uint32_t rule_word_of(const pc_record& record);

} // namespace pc
