// SPDX-License-Identifier: GPL-3.0-or-later
// A set of server names, exact and made for millions: the names stand in one text, as they were
// read, and an open-addressed table holds where. Some 30 bytes a name of 20 bytes. Pure.
//
// "a.example" is that name alone; "*.a.example" is every name below it, at any depth, not itself.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/result.h"

namespace pc::inspect {

class NameSet {
public:
    NameSet() = default;

    // One normal name or pattern a line, each line with its newline; a repeated one counts once.
    // Names come from clients: the seed keeps them from choosing ones that meet in the table.
    [[nodiscard]] static Result<NameSet> from_lines(std::string lines, uint64_t seed);

    // Case and a trailing dot make no difference.
    [[nodiscard]] static Result<NameSet> from_patterns(std::span<const std::string> patterns);

    [[nodiscard]] bool empty() const { return count_ == 0; }

    [[nodiscard]] size_t size() const { return count_; }

    [[nodiscard]] size_t bytes() const; // of memory

    // The pattern that holds the (normal) name, of several the longest; empty if none does. Valid
    // as long as the set.
    [[nodiscard]] std::string_view find(std::string_view name) const;

private:
    [[nodiscard]] std::string_view line_at(uint32_t place) const;
    [[nodiscard]] std::string_view probe(std::string_view pattern, uint64_t hash) const;
    [[nodiscard]] std::string_view probe_below(std::string_view suffix, uint64_t hash) const;
    void insert(uint32_t place, uint64_t hash);

    std::string lines_;
    std::vector<uint32_t>
        slots_; // place of a line in `lines_` + 1; 0: free. A power of two of them.
    uint64_t seed_ = 0;
    size_t count_ = 0;
};

} // namespace pc::inspect
