// SPDX-License-Identifier: GPL-3.0-or-later
// `insert rule A before B`: which text to move or which priorities to write, as few as possible.
#pragma once

#include "rules/edit_text.h"
#include "rules/rule.h"

namespace pc::edit {

struct Move {
    const std::vector<ScannedFile>& files;
    const RuleSet& rules;
    Place from;
    Place beside;
    std::string name;
    std::string other;
    bool before = false;
};

struct Order {
    std::vector<std::string> names; // of all rules, as they shall stand
    std::vector<Piece> pieces;
    std::vector<std::string> renumbered; // rules whose priority is written
    bool moves_text = false;
    std::string summary;
};

// Rules without priorities, of one file, move as text with the comments above them. Else the rule
// gets a free priority; where there is none, its neighbours make way.
[[nodiscard]] Result<Order> reorder(const Move& move);

// Writes the priority of the rule at `place`.
[[nodiscard]] Piece priority_piece(const std::vector<ScannedFile>& files, const Place& place,
                                   uint32_t priority);

} // namespace pc::edit
