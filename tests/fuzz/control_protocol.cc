// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes of the control socket: framing and parsing never crash, never loop, and a request that is
// accepted survives being written and read again.
#include <cstdlib>

#include "ctl/protocol/protocol.h"

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void look_at(const std::string& message) {
    const auto request = pc::protocol::parse_request(message);
    if (!request) {
        require(!request.error().message.empty());
        return;
    }
    const auto& first = request.value();
    const std::string again =
        pc::protocol::frame({{"method", std::string(pc::protocol::method_prefix) + first.method},
                             {"parameters", first.parameters},
                             {"more", first.more}});
    require(again.find('\0') == again.size() - 1);
    const auto second =
        pc::protocol::parse_request(std::string_view(again.data(), again.size() - 1));
    require(second.ok());
    require(second.value().method == first.method);
    require(second.value().more == first.more);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
    // The first byte says how the rest is cut into reads.
    if (size == 0) {
        return 0;
    }
    const size_t piece = size_t{bytes[0]} + 1;
    std::string_view stream(reinterpret_cast<const char*>(bytes) + 1, size - 1);
    pc::protocol::Framer framer;
    while (!stream.empty()) {
        require(framer.add(stream.substr(0, piece)));
        stream.remove_prefix(std::min(piece, stream.size()));
        while (const auto message = framer.next()) {
            require(message->find('\0') == message->npos);
            look_at(*message);
        }
    }
    return 0;
}
