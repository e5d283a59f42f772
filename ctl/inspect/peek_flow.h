// SPDX-License-Identifier: GPL-3.0-or-later
// One connection that is looked at without being ended: what its client has said so far, and the
// frames that wait for the verdict.
#pragma once

#include <cstdint>
#include <vector>

#include "ctl/inspect/eve.h"
#include "ctl/inspect/origin.h"
#include "ctl/inspect/peek_frame.h"
#include "ctl/inspect/policy.h"
#include "ctl/inspect/stream_head.h"

namespace pc::inspect {

// A client that has said something which may become anything is not kept longer than a server
// that speaks first would have to wait.
constexpr uint64_t peek_silence_ms = 300;
constexpr uint64_t peek_hello_ms = 3000;
// After the verdict: frames that were on their way, and what the client says again until the server
// has it.
constexpr uint64_t peek_rest_ms = 8000;

constexpr size_t peek_frames_max = 128;
constexpr size_t peek_bytes_max = 256 * 1024; // of frames, with what they repeat
// Of all flows of a worker: who leaves gaps makes little take much.
constexpr size_t peek_memory_max = 64 * 1024 * 1024;

struct HeldFrame {
    Offload offload{};
    std::vector<std::byte> bytes;
};

struct PeekFlow {
    uint32_t index = 0; // in its table
    uint32_t generation = 0;
    uint64_t armed_ms = 0; // of its one valid timer

    enum class State { undecided, released, denied } state = State::undecided;
    StreamHead head;
    std::vector<HeldFrame> held; // while undecided, in the order in which they came
    size_t held_bytes = 0;
    size_t memory = 0;       // counted for it
    size_t passed_bytes = 0; // of the stream, sent on before the verdict
    bool certain = false;    // it is TLS or HTTP for sure, only not all there
    bool waits_for_config = false;
    uint32_t last_ack = 0; // what the client has acknowledged: the next byte it expects

    Origin origin;
    WallTime started;
    Recognised recognised;
    Judgement judgement{false, "not judged"};
    uint64_t began_ms = 0; // monotonic
};

} // namespace pc::inspect
