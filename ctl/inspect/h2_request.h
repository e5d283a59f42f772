// SPDX-License-Identifier: GPL-3.0-or-later
// The first request of an HTTP/2 connection without TLS, with prior knowledge (RFC 9113 3.3, 8.3):
// the frames up to its header block are read here, the block is nghttp2's. Pure and bounded, as
// strict as http_request.h.
#pragma once

#include "ctl/inspect/cursor.h"
#include "ctl/inspect/http_request.h"

namespace pc::inspect {

constexpr size_t h2_frame_bytes_max = 16384; // what a server takes that has not said otherwise
constexpr size_t h2_continuations_max = 16;
constexpr size_t h2_fields_bytes_max = 65536; // decoded, as SETTINGS_MAX_HEADER_LIST_SIZE counts

// All bytes of the stream so far, http_head_bytes_max at the most. NotHttp: it is not HTTP/2.
[[nodiscard]] HttpResult parse_h2_request(Bytes stream);

} // namespace pc::inspect
