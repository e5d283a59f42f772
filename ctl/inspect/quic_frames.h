// SPDX-License-Identifier: GPL-3.0-or-later
// The frames inside of a client's Initial packet (RFC 9000 12.4, 19), after decryption. Pure.
#pragma once

#include "ctl/inspect/crypto_stream.h"
#include "ctl/inspect/cursor.h"

namespace pc::inspect {

// Adds what CRYPTO frames hold to the stream. Null, or what is wrong: a fixed text. A frame that
// has no place in an Initial is wrong, as it is to servers.
[[nodiscard]] const char* read_initial_frames(Bytes payload, CryptoStream& stream);

} // namespace pc::inspect
