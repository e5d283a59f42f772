// SPDX-License-Identifier: GPL-3.0-or-later
// What answers about sets say of the dynamic ones.
#pragma once

#include "ctl/daemon/methods.h"

namespace pc::daemon {

// "dynamic", "entries", "max", "ttl_s", "persist"; false: it is no dynamic set.
[[nodiscard]] bool add_dynamic(const Context& context, const std::string& name,
                               protocol::Json& object);

// A page of the entries, with their times and comments.
[[nodiscard]] protocol::Json live_entries(const Context& context, const std::string& name,
                                          uint64_t offset, uint64_t limit);

// The entry that holds the address longest, if the set is dynamic and holds it.
void add_holder(const Context& context, const std::string& name, const Address& address,
                protocol::Json& answer);

} // namespace pc::daemon
