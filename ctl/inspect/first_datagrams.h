// SPDX-License-Identifier: GPL-3.0-or-later
// Which server a UDP client asks for by name, from the first datagrams of its flow: one object a
// flow, given each datagram in the order in which they came, before any is sent onward.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "ctl/inspect/first_bytes.h"
#include "ctl/inspect/quic_initial.h"

namespace pc::inspect {

class FirstDatagrams {
public:
    // None: it takes more datagrams to know.
    [[nodiscard]] std::optional<Recognised> add(std::span<const std::byte> datagram);

private:
    std::unique_ptr<QuicAssembler> quic_; // while it may become QUIC
};

} // namespace pc::inspect
