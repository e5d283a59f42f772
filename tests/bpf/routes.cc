// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bpf/routes.h"

namespace pc::test {

const std::vector<Route> routes{
    {"10.1.0.1/32", ""},         {"2001:db8:1::1/128", ""},
    {"10.1.0.0/17", "lan0"},     {"2001:db8:1::/49", "lan0"},
    {"10.1.128.0/18", "dmz0"},   {"2001:db8:1:8000::/50", "dmz0"},
    {"10.1.192.0/18", "", true}, {"2001:db8:1:c000::/50", "", true},
    {"0.0.0.0/0", "wan0"},       {"::/0", "wan0"},
};

std::string route_to(const Address& address) {
    for (const Route& route : routes) {
        const ParsedPrefix parsed = parse_prefix(route.prefix);
        if (parsed.prefix.address.family == address.family && contains(parsed.prefix, address)) {
            return route.interface;
        }
    }
    return "";
}

} // namespace pc::test
