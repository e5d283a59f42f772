// SPDX-License-Identifier: GPL-3.0-or-later
// One flow: the client's accepted connection, ours onward to the server, and what is known so far.
//
// Two things go on side by side. The client's first bytes are looked at (`judged`), and nothing of
// the client is relayed before that is done. The connection onward is made once the flow is
// allowed, or earlier for a client that stays silent, because in some protocols the server speaks
// first; the client's first bytes are judged all the same when they come.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "ctl/inspect/eve.h"
#include "ctl/inspect/first_bytes.h"
#include "ctl/inspect/origin.h"
#include "ctl/inspect/policy.h"
#include "ctl/inspect/refusal.h"
#include "ctl/inspect/relay.h"
#include "ctl/inspect/upstream_pool.h"
#include "ctl/kern/fd.h"

namespace pc::inspect {

constexpr uint64_t silence_ms = 300;   // then the server may be one that speaks first
constexpr uint64_t hello_ms = 3000;    // for the rest of a hello or request head
constexpr uint64_t connect_ms = 15000; // for the connection onward, whatever servers it takes
constexpr uint64_t idle_ms = 3'600'000;
constexpr uint64_t half_closed_idle_ms = 600'000;

// Why a flow is over. All but `closed` reset both connections.
// crowded_out: a UDP flow without an answer that made room for another. released: it goes on past
// the inspector.
enum class End { closed, reset, denied, upstream_failed, timeout, shutdown, crowded_out, released };

[[nodiscard]] std::string_view word_for(End why); // as in the log

struct Flow {
    uint32_t index = 0; // in its table
    uint32_t generation = 0;

    Fd client, upstream;
    UpstreamUse onward; // which server `upstream` goes to
    Direction to_server, to_client;
    std::shared_ptr<RatePair> rates; // null: none
    bool judged = false;
    bool connected = false;
    bool client_ended = false;     // its FIN has come
    bool certain = false;          // the bytes so far are TLS or HTTP for sure
    bool waits_for_config = false; // it is recognised, but its inspect id is not known
    bool queued = false;           // for another turn
    bool starved = false;          // likewise, at the next tick
    bool counted_allowed = false;

    Origin origin;
    WallTime started;
    Recognised recognised;
    Judgement judgement{false, "not judged"};
    std::string error;          // of the connection onward
    uint64_t refused_bytes = 0; // of the client, dropped since then

    // Monotonic milliseconds; 0: not yet.
    uint64_t accepted_ms = 0;
    uint64_t first_byte_ms = 0;
    uint64_t connect_began_ms = 0;
    uint64_t connect_until_ms = 0; // to the server that is tried now
    uint64_t refused_ms = 0;       // when the client was sent the page that it is denied
    uint64_t active_ms = 0;
    uint64_t armed_ms = 0; // of its one valid timer
};

// Wakes the client's descriptor only once `bytes` are there (or the stream ends, or the window is
// full): otherwise a client that sends byte by byte has its hello parsed once a byte.
void wake_at(const Flow& flow, size_t bytes);

// When the flow has to be looked at again although nothing happens.
[[nodiscard]] uint64_t next_deadline_ms(const Flow& flow, uint64_t now_ms);

} // namespace pc::inspect
