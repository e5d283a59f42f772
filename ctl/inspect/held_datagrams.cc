// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/held_datagrams.h"

#include <utility>

namespace pc::inspect {

bool HeldDatagrams::add(std::span<const std::byte> datagram) {
    if (datagrams_.size() == held_datagrams_max || datagram.size() > held_bytes_max - bytes_) {
        return false;
    }
    datagrams_.emplace_back(datagram.begin(), datagram.end());
    bytes_ += datagram.size();
    return true;
}

std::vector<std::vector<std::byte>> HeldDatagrams::take() {
    bytes_ = 0;
    return std::exchange(datagrams_, {});
}

} // namespace pc::inspect
