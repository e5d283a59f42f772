// SPDX-License-Identifier: GPL-3.0-or-later
// Carries out the pieces of an edit and proves that the new text means what was asked for: it has
// no new errors, the edited values are there, and everything else means what it meant.
#pragma once

#include "rules/edit.h"
#include "rules/edit_text.h"

namespace pc::edit {

// A rule without `priority` stands 10 behind the one before it in the file, so an edit of one rule
// can move those that follow. They are then given the priority they had.
enum class Followers : uint8_t {
    keep_priority,
    keep_order, // only where the order of the others would change
};

struct Expected {
    std::string key;
    std::vector<std::string> items;
    enum class How : uint8_t { exactly, among, absent } how{};
};

struct Change {
    const std::vector<ScannedFile>& scanned;
    const Parsed& before;
    Target target;
    std::vector<Piece> pieces;
    Followers followers{};
    bool removes = false;                // the target
    std::vector<Expected> expected;      // of the target
    std::vector<std::string> order;      // of all rules, when the edit is about that
    std::vector<std::string> renumbered; // rules whose priority the edit itself writes
};

struct Verified {
    std::vector<SourceFile> files;
    std::string summary; // about followers, and what is not complete yet
    std::optional<Refusal> refusal;
};

[[nodiscard]] Verified verify(Change change, const ReadFiles& read);

// The configuration with `files` in place of what `read` finds at their paths.
[[nodiscard]] Parsed parse_all(const std::vector<SourceFile>& files, const ReadFiles& read);

[[nodiscard]] std::vector<std::string> names_of(const RuleSet& rules, Table table);

} // namespace pc::edit
