// SPDX-License-Identifier: GPL-3.0-or-later
// What a QUIC client says before its own keys begin: the ClientHello in its Initial packets (RFC
// 9000, 9001, 9369), in CRYPTO frames that come in any order over several datagrams. Bounded in
// time and memory; no clock: how long to wait is the caller's affair.
//
// The rule of client_hello.h holds: a hello that some server may take is found or malformed. A
// server takes no packet that is not authentic, so those are passed over. It also takes a second
// connection on the same ports after the first; whoever lets a flow go has to know that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "ctl/inspect/client_hello.h"
#include "ctl/inspect/crypto_stream.h"
#include "ctl/inspect/cursor.h"
#include "ctl/inspect/quic_keys.h"

namespace pc::inspect {

constexpr size_t quic_datagrams_max = 128;
constexpr size_t quic_packets_max = 8; // in a datagram
constexpr size_t quic_keys_max = 4;    // connection IDs that keys come from: Retry makes a second
constexpr size_t quic_initial_datagram_min = 1200; // RFC 9000 14.1

// `certain`: an authentic Initial has been seen. Else it may be something else after all.
struct QuicNeedMore {
    bool certain = false;
};

struct NotQuic {};

// It is QUIC, and no server should take it. `why` is a fixed text.
struct QuicMalformed {
    const char* why = "";
};

// QUIC that tells no name: a version that is not known here, or 0-RTT without its Initial. Not an
// end: the server may answer with versions, or the Initial may follow, and another datagram then
// gives the name. So let it pass if policy does without a name, but look at what follows.
struct QuicUnnamed {
    uint32_t version = 0;
};

struct QuicHello {
    uint32_t version = 0;
    TlsHello tls;
};

using QuicResult = std::variant<QuicNeedMore, NotQuic, QuicMalformed, QuicUnnamed, QuicHello>;

// One for each flow. Not to be asked again after NotQuic, QuicMalformed or QuicHello.
class QuicAssembler {
public:
    // The next datagram from the client, in the order of arrival.
    [[nodiscard]] QuicResult add(Bytes datagram);

private:
    // The keys of one connection and what came under them.
    struct Connection {
        uint32_t version = 0;
        QuicKeys keys;
        std::optional<uint64_t> largest; // packet number
        CryptoStream stream;
    };

    struct Seen; // in one datagram

    void read_packet(const QuicPacket& packet, Seen& seen);
    void read_initial(const QuicPacket& packet, Seen& seen);
    [[nodiscard]] std::optional<OpenedPacket> open(const QuicPacket& packet, Seen& seen);
    [[nodiscard]] QuicResult answer(const Seen& seen) const;

    std::optional<Connection> connection_;
    size_t keys_ = 0; // how many connections there were
    size_t datagrams_ = 0;
    bool seems_quic_ = false;
};

} // namespace pc::inspect
