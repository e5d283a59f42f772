// SPDX-License-Identifier: GPL-3.0-or-later
// A request's header block in HTTP/2 (RFC 7541, RFC 9113 8.3), the first of its connection. Pure.
#pragma once

#include <variant>

#include "ctl/inspect/cursor.h"
#include "ctl/inspect/http_request.h"

namespace pc::inspect {

[[nodiscard]] std::variant<HttpMalformed, HttpRequest> read_h2_fields(Bytes block);

} // namespace pc::inspect
