// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as a train of datagrams, and datagrams that are authentic around any frames, which no
// mutation would hit upon: the first byte says which. Answers must be clean and bounded.
#include "ctl/inspect/quic_initial.h"

#include <cstdlib>
#include <cstring>

#include "ctl/inspect/host_name.h"
#include "tests/support/quic_train.h"
#include "tests/support/tls_bytes.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* bytes, size_t size, size_t max_size);

namespace {

using pc::inspect::Bytes;
using pc::inspect::QuicAssembler;
using pc::inspect::QuicHello;
using pc::inspect::QuicMalformed;
using pc::inspect::QuicNeedMore;
using pc::inspect::QuicUnnamed;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

// Whether the assembler may be asked again.
bool goes_on(QuicAssembler& assembler, Bytes datagram) {
    const pc::inspect::QuicResult result = assembler.add(datagram);
    if (const auto* hello = std::get_if<QuicHello>(&result)) {
        const std::string& name = hello->tls.server_name;
        require(name.empty() || pc::inspect::normal_host_name(name) == name);
        require(hello->tls.ja4.size() == 36 && hello->tls.ja4.front() == 'q');
        require(datagram.size() >= pc::inspect::quic_initial_datagram_min);
    }
    if (const auto* malformed = std::get_if<QuicMalformed>(&result)) {
        require(strlen(malformed->why) > 0);
    }
    return std::holds_alternative<QuicNeedMore>(result) ||
           std::holds_alternative<QuicUnnamed>(result);
}

// Pieces with a length of two bytes in front.
template <typename Take>
void each_piece(std::string_view text, Take take) {
    while (text.size() >= 2) {
        const size_t size =
            static_cast<unsigned char>(text[0]) << 8 | static_cast<unsigned char>(text[1]);
        if (!take(text.substr(2, size))) {
            return;
        }
        text.remove_prefix(std::min(text.size(), size + 2));
    }
}

std::string seed(unsigned int dice) {
    const std::string message =
        pc::client_hello_message(pc::sni("a.example") + pc::extension(16, "\0\3\2h3"));
    if (dice % 2 == 0) {
        std::string pieces = "f";
        pieces += pc::vec(2, pc::crypto_frame(40, message.substr(40)) + pc::ack_frame(1, 2, true));
        return pieces +
               pc::vec(2, pc::close_frame("x") + pc::crypto_frame(0, message.substr(0, 50)));
    }
    pc::TrainOptions options;
    options.message = message;
    options.datagrams = 2;
    options.first.version = dice % 4 == 1 ? pc::train_v1 : pc::train_v2;
    std::string pieces = "d";
    for (const std::string& datagram : pc::initial_train(options)) {
        pieces += pc::vec(2, datagram);
    }
    return pieces;
}

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* bytes, size_t size, size_t max_size,
                                          unsigned int dice) {
    if (size < 2 || dice % 64 == 0) {
        const std::string start = seed(dice / 64);
        size = std::min(start.size(), max_size);
        memcpy(bytes, start.data(), size);
    }
    return LLVMFuzzerMutate(bytes, size, max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    if (text.empty()) {
        return 0;
    }
    QuicAssembler assembler;
    pc::InitialPacket packet;
    each_piece(text.substr(1), [&](std::string_view piece) {
        if (text.front() != 'f') {
            return goes_on(assembler, std::as_bytes(std::span(piece)));
        }
        packet.frames = piece;
        ++packet.number;
        const std::string datagram = pc::initial_datagram(packet);
        return goes_on(assembler, std::as_bytes(std::span(datagram)));
    });
    return 0;
}
