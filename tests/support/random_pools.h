// SPDX-License-Identifier: GPL-3.0-or-later
// The values that random rules and packets are made of.
#pragma once

#include "tests/support/random_rules.h"

namespace pc::test {

[[nodiscard]] RandomPools random_pools(Dice& dice);

[[nodiscard]] Address address(const char* text);
[[nodiscard]] Prefix prefix_around(const Address& inside, unsigned length);

} // namespace pc::test
