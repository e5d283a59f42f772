// SPDX-License-Identifier: GPL-3.0-or-later
#include <cassert>

#include "rules/rule.h"

namespace pc {

namespace {

// The IANA special-purpose registries (RFC 6890 and its updates), entries that are not globally
// reachable, and multicast and reserved space.
//
// Left out because a router hears them from its neighbours in the normal course of things:
// fe80::/10, :: and ff02::/16 (neighbour discovery, MLD, OSPFv3), 169.254.0.0/16, 0.0.0.0 (DHCP
// asks from it), 255.255.255.255 (DHCP answers to it) and 224.0.0.0/24 (OSPF, VRRP, IGMP). So are
// the globally reachable parts of special blocks: 192.0.0.9 and .10 (RFC 7723, 8155), 2001::/32
// (Teredo), 2001:1::/32 and so on (anycast, AMT, AS112, ORCHIDv2), 64:ff9b::/96 (NAT64), 2002::/16
// (6to4).
constexpr std::string_view ranges[] = {
    "0.0.0.1-0.255.255.255",                          // "this network", without 0.0.0.0
    "10.0.0.0/8",                                     // RFC 1918
    "100.64.0.0/10",                                  // shared address space
    "127.0.0.0/8",                                    // loopback
    "172.16.0.0/12",                                  // RFC 1918
    "192.0.0.0-192.0.0.8",                            // IETF protocol assignments ...
    "192.0.0.11-192.0.0.255",                         // ... without the anycast addresses
    "192.0.2.0/24",                                   // documentation
    "192.168.0.0/16",                                 // RFC 1918
    "198.18.0.0/15",                                  // benchmarking
    "198.51.100.0/24",                                // documentation
    "203.0.113.0/24",                                 // documentation
    "224.0.1.0-239.255.255.255",                      // multicast beyond the link
    "240.0.0.0-255.255.255.254",                      // reserved
    "::1",                                            // loopback
    "::ffff:0.0.0.0/96",                              // IPv4-mapped
    "64:ff9b:1::/48",                                 // local NAT64
    "100::/64",                                       // discard-only
    "2001:2::/48",                                    // benchmarking
    "2001:10::/28",                                   // ORCHID, deprecated
    "2001:db8::/32",                                  // documentation
    "3fff::/20",                                      // documentation
    "5f00::/16",                                      // segment routing
    "fc00::/7",                                       // unique local
    "fec0::/10",                                      // site-local, deprecated
    "ff00::-ff01:ffff:ffff:ffff:ffff:ffff:ffff:ffff", // multicast that must not arrive
    "ff03::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", // multicast beyond the link
};

std::vector<AddressRange> parsed() {
    std::vector<AddressRange> parsed;
    for (const std::string_view text : ranges) {
        const ParsedPrefix prefix = parse_prefix(text);
        const auto range = prefix.error == PrefixError::none
                               ? std::optional(range_of(prefix.prefix))
                               : parse_address_range(text);
        assert(range.has_value());
        parsed.push_back(*range);
    }
    return parsed;
}

} // namespace

const std::vector<AddressRange>& bogons() {
    static const std::vector<AddressRange> all = parsed();
    return all;
}

} // namespace pc
