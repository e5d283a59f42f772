// SPDX-License-Identifier: GPL-3.0-or-later
// What the first datagrams of a client are: QUIC, DNS or something else. Pure; the twin of
// first_bytes.h for UDP.
#pragma once

#include <variant>

#include "ctl/inspect/first_bytes.h"
#include "ctl/inspect/quic_initial.h"

namespace pc::inspect {

// Another datagram is needed.
struct UndecidedDatagrams {
    bool certain = false; // it is QUIC for sure
    // What has come tells no name, and one may come only after the server has answered it: it has
    // to be let through, if policy lets a flow without a name, and what follows be looked at.
    bool wants_answer = false;
};

using DatagramAnswer = std::variant<UndecidedDatagrams, Recognised>;

// `quic` is the flow's own; the datagrams come in the order of arrival, until one is recognised.
[[nodiscard]] DatagramAnswer recognise_datagram(QuicAssembler& quic, Bytes datagram);

} // namespace pc::inspect
