// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel's dice (getrandom(2)), for hashes whose collisions nobody may choose, and for ids.
#pragma once

#include <cstdint>

#include <sys/random.h>

namespace pc::inspect {

// 0 in the first moments of boot, while the kernel has nothing random: where it seeds a hash, a
// client could guess collisions then, and no more.
[[nodiscard]] inline uint64_t random_number() {
    uint64_t number = 0;
    (void)getrandom(&number, sizeof(number), GRND_NONBLOCK); // ignoring: as said above
    return number;
}

} // namespace pc::inspect
