// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/h2_request.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ctl/inspect/h2_fields.h"

namespace pc::inspect {

namespace {

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t frame_header_bytes = 9;

enum FrameType : uint8_t {
    frame_data = 0,
    frame_headers = 1,
    frame_priority = 2,
    frame_rst_stream = 3,
    frame_settings = 4,
    frame_push_promise = 5,
    frame_ping = 6,
    frame_goaway = 7,
    frame_window_update = 8,
    frame_continuation = 9,
};

constexpr uint8_t flag_ack = 0x01;
constexpr uint8_t flag_end_headers = 0x04;
constexpr uint8_t flag_padded = 0x08;
constexpr uint8_t flag_priority = 0x20;

struct Frame {
    uint8_t type = 0;
    uint8_t flags = 0;
    uint32_t stream = 0;
    Bytes payload;
};

// Reads frames in order; after `fault` or `wanted` is set there are no more.
class Frames {
public:
    explicit Frames(Bytes stream) : stream_(stream), at_(preface.size()) {}

    bool next(Frame& frame) {
        if (!has(frame_header_bytes)) {
            return false;
        }
        Cursor header(stream_.subspan(at_, frame_header_bytes));
        const size_t size = header.number(3);
        frame.type = static_cast<uint8_t>(header.number(1));
        frame.flags = static_cast<uint8_t>(header.number(1));
        frame.stream = header.number(4) & 0x7fffffff;
        if (size > h2_frame_bytes_max) {
            fault = "a frame is too large";
            return false;
        }
        if (!has(frame_header_bytes + size)) {
            return false;
        }
        frame.payload = stream_.subspan(at_ + frame_header_bytes, size);
        at_ += frame_header_bytes + size;
        return true;
    }

    const char* fault = nullptr;
    size_t wanted = 0; // of the stream

private:
    bool has(size_t bytes) {
        if (at_ + bytes > http_head_bytes_max) {
            fault = "the request head is too large";
        } else if (at_ + bytes > stream_.size()) {
            wanted = at_ + bytes;
        }
        return fault == nullptr && wanted == 0;
    }

    Bytes stream_;
    size_t at_;
};

// Frames that may stand before the first request. Null, or what is wrong with it.
const char* fault_before_request(const Frame& frame) {
    const bool is_ack = (frame.flags & flag_ack) != 0;
    const size_t size = frame.payload.size();
    bool fits = true; // a type that nobody knows is passed over (RFC 9113 4.1)
    switch (frame.type) {
    case frame_settings:
        fits = frame.stream == 0 && (is_ack ? size == 0 : size % 6 == 0);
        break;
    case frame_priority:
        fits = frame.stream != 0 && size == 5;
        break;
    case frame_ping:
        fits = frame.stream == 0 && size == 8;
        break;
    case frame_goaway:
        fits = frame.stream == 0 && size >= 8;
        break;
    case frame_window_update:
        fits = frame.stream == 0 && size == 4;
        break;
    case frame_data:
    case frame_rst_stream:
    case frame_push_promise:
    case frame_continuation:
        return "a frame has no place before the first request";
    default:
        break;
    }
    return fits ? nullptr : "a frame is broken";
}

// The part of a header block that HEADERS holds.
const char* block_of(const Frame& frame, Bytes& block) {
    Cursor cursor(frame.payload);
    const size_t padding = (frame.flags & flag_padded) != 0 ? cursor.number(1) : 0;
    if ((frame.flags & flag_priority) != 0) {
        (void)cursor.take(5); // ignoring: of no effect on what is asked for; ok() says if it is cut
    }
    if (frame.stream % 2 == 0 || !cursor.ok() || padding > cursor.left()) {
        return "a frame is broken";
    }
    block = cursor.take(cursor.left() - padding);
    return nullptr;
}

HttpResult ended(const Frames& frames) {
    return frames.fault != nullptr ? HttpResult(HttpMalformed{frames.fault})
                                   : HttpResult(HttpNeedMore{true, frames.wanted});
}

HttpResult read_request(const Frame& headers, Frames& frames) {
    Bytes part;
    if (const char* why = block_of(headers, part)) {
        return HttpMalformed{why};
    }
    std::vector<std::byte> block(part.begin(), part.end());
    bool whole = (headers.flags & flag_end_headers) != 0;
    for (size_t more = 0; !whole; ++more) {
        Frame frame;
        if (!frames.next(frame)) {
            return ended(frames);
        }
        if (frame.type != frame_continuation || frame.stream != headers.stream) {
            return HttpMalformed{"a header block is interrupted"};
        }
        if (more == h2_continuations_max) {
            return HttpMalformed{"a header block has too many parts"};
        }
        block.insert(block.end(), frame.payload.begin(), frame.payload.end());
        whole = (frame.flags & flag_end_headers) != 0;
    }
    auto result = read_h2_fields(block);
    if (auto* request = std::get_if<HttpRequest>(&result)) {
        return std::move(*request);
    }
    return std::get<HttpMalformed>(result);
}

} // namespace

HttpResult parse_h2_request(Bytes stream) {
    const std::string_view start = text_of(stream).substr(0, preface.size());
    if (start != preface.substr(0, start.size())) {
        return NotHttp{};
    }
    if (start.size() < preface.size()) {
        return HttpNeedMore{!start.empty(), preface.size() + frame_header_bytes};
    }
    Frames frames(stream);
    Frame frame;
    bool first = true;
    while (frames.next(frame)) {
        if (first && (frame.type != frame_settings || (frame.flags & flag_ack) != 0)) {
            return HttpMalformed{"the first frame is not SETTINGS"};
        }
        first = false;
        if (frame.type == frame_headers) {
            return read_request(frame, frames);
        }
        if (const char* why = fault_before_request(frame)) {
            return HttpMalformed{why};
        }
    }
    return ended(frames);
}

} // namespace pc::inspect
