// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/first_datagrams.h"

#include <utility>

#include "ctl/inspect/recognise_datagram.h"

namespace pc::inspect {

std::optional<Recognised> FirstDatagrams::add(std::span<const std::byte> datagram) {
    if (!quic_) {
        quic_ = std::make_unique<QuicAssembler>();
    }
    DatagramAnswer answer = recognise_datagram(*quic_, datagram);
    Recognised recognised;
    if (auto* known = std::get_if<Recognised>(&answer)) {
        recognised = std::move(*known);
    } else if (!std::get<UndecidedDatagrams>(answer).wants_answer) {
        return std::nullopt;
    } else {
        // Its name would come after the server's answer, and nobody would look: where names
        // matter, that is no way around them.
        recognised.state = NameState::malformed;
        recognised.fault = "QUIC of an unknown version";
    }
    quic_.reset();
    return recognised;
}

} // namespace pc::inspect
