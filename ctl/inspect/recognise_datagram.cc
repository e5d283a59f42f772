// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/recognise_datagram.h"

#include <utility>

namespace pc::inspect {

namespace {

DatagramAnswer recognise_dns(Bytes datagram) {
    DnsResult result = parse_dns(datagram);
    if (const auto* broken = std::get_if<DnsMalformed>(&result)) {
        return broken->is_query ? malformed("dns", broken->why) : Recognised{};
    }
    auto& message = std::get<DnsMessage>(result);
    if (!is_plain_query(message)) {
        return Recognised{};
    }
    std::string name = message.name == "." ? "" : message.name;
    return named("dns", std::move(name), std::move(message));
}

} // namespace

DatagramAnswer recognise_datagram(QuicAssembler& quic, Bytes datagram) {
    QuicResult result = quic.add(datagram);
    if (const auto* more = std::get_if<QuicNeedMore>(&result)) {
        return UndecidedDatagrams{more->certain, false};
    }
    if (std::holds_alternative<QuicUnnamed>(result)) {
        return UndecidedDatagrams{false, true};
    }
    if (const auto* broken = std::get_if<QuicMalformed>(&result)) {
        return malformed("quic", broken->why);
    }
    if (auto* hello = std::get_if<QuicHello>(&result)) {
        std::string name = hello->tls.server_name;
        return named("quic", std::move(name), std::move(*hello));
    }
    return recognise_dns(datagram);
}

} // namespace pc::inspect
