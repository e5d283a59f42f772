// SPDX-License-Identifier: GPL-3.0-or-later
// The packet socket (packet(7)) in the inspector's namespace on which frames come that TC hands
// over to be looked at, and by which they go back. With PACKET_VNET_HDR, so that many segments of
// the sender may be one frame, and checksums may be left for later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ctl/inspect/peek_frame.h"
#include "ctl/kern/fd.h"
#include "rules/result.h"

namespace pc::inspect {

// For frames of this worker. To be called in the inspector's namespace, with CAP_NET_RAW.
[[nodiscard]] Result<Fd> open_peek_socket(uint32_t worker);

struct SeenFrame {
    Offload offload{}; // as it came, and has to be given back
    std::span<std::byte> bytes;
};

class PeekReceiver {
public:
    PeekReceiver();

    // True with a frame in `frame`, which the next call overwrites; false when none waits.
    [[nodiscard]] bool receive(int fd, SeenFrame& frame);

private:
    std::vector<std::byte> buffer_;
};

[[nodiscard]] Result<void> send_frame(int fd, const Offload& offload,
                                      std::span<const std::byte> bytes);

} // namespace pc::inspect
