// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include <catch2/catch.hpp>

#include "rules/rule.h"

using namespace pc;

namespace {

bool is_bogon(std::string_view text) {
    const auto address = parse_address(text);
    REQUIRE(address);
    return std::any_of(bogons().begin(), bogons().end(),
                       [&](const AddressRange& range) { return contains(range, *address); });
}

} // namespace

TEST_CASE("addresses that nobody may use on the Internet are bogons") {
    for (const char* text : {"10.0.0.1",        "100.64.0.1", "127.0.0.1",       "172.31.255.255",
                             "192.168.255.255", "192.0.2.1",  "198.18.0.1",      "198.51.100.1",
                             "203.0.113.255",   "240.0.0.1",  "239.255.255.255", "0.1.2.3",
                             "192.0.0.8",       "::1",        "::ffff:10.0.0.1", "100::1",
                             "2001:db8::1",     "fc00::1",    "fd12::1",         "fec0::1",
                             "ff0e::1",         "ff05::2",    "3fff::1"}) {
        CAPTURE(text);
        CHECK(is_bogon(text));
    }
}

TEST_CASE("addresses of the Internet are no bogons") {
    for (const char* text :
         {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
          "192.0.0.9", "192.0.0.10", "198.17.255.255", "198.20.0.0", "223.255.255.255",
          "2001:4860:4860::8888", "2a00::1", "2001:1::1", "64:ff9b::808:808", "2002:c000:204::1"}) {
        CAPTURE(text);
        CHECK_FALSE(is_bogon(text));
    }
}

TEST_CASE("what neighbour discovery, DHCP and routing protocols need is no bogon") {
    for (const char* text : {"fe80::1", "::", "ff02::1", "ff02::1:ff00:1", "ff02::5", "224.0.0.5",
                             "224.0.0.1", "169.254.1.1", "0.0.0.0", "255.255.255.255"}) {
        CAPTURE(text);
        CHECK_FALSE(is_bogon(text));
    }
}

TEST_CASE("bogons are in order and do not overlap") {
    for (size_t i = 1; i < bogons().size(); ++i) {
        CHECK(bogons()[i - 1].last < bogons()[i].first);
    }
}
