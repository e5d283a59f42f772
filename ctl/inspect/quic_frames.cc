// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/quic_frames.h"

#include <cstdint>

#include "ctl/inspect/quic_packet.h"

namespace pc::inspect {

namespace {

constexpr uint64_t frame_padding = 0;
constexpr uint64_t frame_ping = 1;
constexpr uint64_t frame_ack = 2;
constexpr uint64_t frame_ack_ecn = 3;
constexpr uint64_t frame_crypto = 6;
constexpr uint64_t frame_connection_close = 0x1c;

void skip_varints(Cursor& cursor, uint64_t count) {
    for (; count > 0 && cursor.ok(); --count) {
        (void)take_varint(cursor); // ignoring: what it says does not matter here
    }
}

void skip_ack(Cursor& cursor, bool ecn) {
    skip_varints(cursor, 2); // largest acknowledged, delay
    const uint64_t ranges = take_varint(cursor);
    skip_varints(cursor, 1); // first range
    skip_varints(cursor, 2 * ranges);
    skip_varints(cursor, ecn ? 3 : 0);
}

void skip_connection_close(Cursor& cursor) {
    skip_varints(cursor, 2);                // error, frame type
    (void)cursor.take(take_varint(cursor)); // the reason; ignoring: ok() says if it is cut
}

} // namespace

const char* read_initial_frames(Bytes payload, CryptoStream& stream) {
    constexpr const char* cut = "a frame is cut short";
    if (payload.empty()) {
        return "an Initial holds no frame";
    }
    Cursor cursor(payload);
    while (!cursor.empty()) {
        const size_t left = cursor.left();
        const uint64_t type = take_varint(cursor);
        if (cursor.ok() && left - cursor.left() > 1) {
            // All that may stand here have one byte, and a longer form of the same number is wrong.
            return "an Initial holds a frame that has no place there";
        }
        switch (type) {
        case frame_padding:
        case frame_ping:
            break;
        case frame_ack:
        case frame_ack_ecn:
            skip_ack(cursor, type == frame_ack_ecn);
            break;
        case frame_crypto: {
            const uint64_t offset = take_varint(cursor);
            const Bytes bytes = cursor.take(take_varint(cursor));
            if (!cursor.ok()) {
                return cut;
            }
            if (const char* why = stream.add(offset, bytes)) {
                return why;
            }
            break;
        }
        case frame_connection_close:
            skip_connection_close(cursor);
            break;
        default:
            return "an Initial holds a frame that has no place there";
        }
        if (!cursor.ok()) {
            return cut;
        }
    }
    return nullptr;
}

} // namespace pc::inspect
