// SPDX-License-Identifier: GPL-3.0-or-later
// The addresses that a block must not hit: those by which the operator reaches this router, and its
// own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/contents.h"

namespace pc::daemon {

struct OwnRange {
    AddressRange range;
    std::string_view of; // "@self"
};

// @management and @self.
[[nodiscard]] std::vector<OwnRange> own_addresses(const RuleSet& rules,
                                                  const Environment& environment);

// Also @local and every network that an interface is in: the way to the rest leads through these.
[[nodiscard]] std::vector<OwnRange> near_addresses(const RuleSet& rules,
                                                   const Environment& environment);

// "PREFIX holds 192.0.2.1 of @self", or "".
[[nodiscard]] std::string harm_to(const std::vector<OwnRange>& own, const Prefix& prefix);

} // namespace pc::daemon
