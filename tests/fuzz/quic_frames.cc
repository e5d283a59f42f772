// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as the frames of an Initial, and the same once more: what was taken once is taken twice
// without a change, and the stream keeps to its bounds.
#include "ctl/inspect/quic_frames.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace {

using pc::inspect::Bytes;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    const Bytes frames = std::as_bytes(std::span(bytes, size));
    pc::inspect::CryptoStream stream;
    const char* first = pc::inspect::read_initial_frames(frames, stream);
    const std::vector<std::byte> ready(stream.ready().begin(), stream.ready().end());
    require(ready.size() <= pc::inspect::quic_crypto_bytes_max);
    if (first == nullptr) {
        require(pc::inspect::read_initial_frames(frames, stream) == nullptr);
        require(
            std::equal(ready.begin(), ready.end(), stream.ready().begin(), stream.ready().end()));
    }
    return 0;
}
