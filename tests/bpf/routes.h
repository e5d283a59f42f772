// SPDX-License-Identifier: GPL-3.0-or-later
// How the harness's namespace routes, see harness.h.
#pragma once

#include <string>
#include <vector>

#include "rules/net.h"

namespace pc::test {

struct Route {
    const char* prefix;
    const char* interface; // empty: none
    bool unreachable = false;
};

extern const std::vector<Route> routes;

// By which interface the namespace routes to this address; empty: not at all, or it is its own.
[[nodiscard]] std::string route_to(const Address& address);

} // namespace pc::test
