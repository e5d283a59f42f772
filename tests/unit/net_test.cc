// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/net.h"

#include <random>

#include <catch2/catch.hpp>

using namespace pc;

namespace {

Address address(std::string_view text) {
    const auto parsed = parse_address(text);
    INFO(text);
    REQUIRE(parsed);
    return *parsed;
}

std::vector<std::string> prefixes(std::string_view range) {
    const auto parsed = parse_address_range(range);
    REQUIRE(parsed);
    std::vector<std::string> texts;
    for (const Prefix& prefix : prefixes_of(*parsed)) {
        texts.push_back(to_string(prefix));
    }
    return texts;
}

} // namespace

TEST_CASE("an IPv4 address is four numbers without leading zeros") {
    CHECK(address("192.0.2.1").bytes == std::array<uint8_t, 16>{192, 0, 2, 1});
    CHECK(address("0.0.0.0").family == Family::v4);
    for (const char* bad : {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04",
                            "1..2.3", ".1.2.3", "1.2.3.", "1.2.3.-4", "1.2.3.+4", " 1.2.3.4",
                            "1.2.3.4 ", "a.b.c.d", "1.2.3.4/32", "999999999999.1.1.1"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_address(bad));
    }
}

TEST_CASE("an IPv6 address has eight groups or one gap") {
    CHECK(address("2001:db8::1") == address("2001:0db8:0:0:0:0:0:1"));
    CHECK(address("::") == address("0:0:0:0:0:0:0:0"));
    CHECK(address("::ffff:192.0.2.1").family == Family::v6);
    CHECK(address("1:2:3:4:5:6:7::") == address("1:2:3:4:5:6:7:0"));
    CHECK(address("::2:3:4:5:6:7:8") == address("0:2:3:4:5:6:7:8"));
    CHECK(address("1:2:3:4:5:6:192.0.2.1").bytes[12] == 192);
    for (const char* bad :
         {":", ":::", "1", "1:2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3",
          "12345::", "g::", "1:", ":1", "1::2:", "fe80::1%eth0", "::1.2.3",
          "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "::1/64", "1:2:3:4::5:6:7:8", "[::1]"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_address(bad));
    }
}

TEST_CASE("addresses are printed as RFC 5952 says") {
    CHECK(to_string(address("2001:0DB8:0:0:1:0:0:1")) == "2001:db8::1:0:0:1");
    CHECK(to_string(address("2001:db8:0:1:1:1:1:1")) == "2001:db8:0:1:1:1:1:1");
    CHECK(to_string(address("0:0:0:0:0:0:0:0")) == "::");
    CHECK(to_string(address("1:0:0:0:0:0:0:0")) == "1::");
    CHECK(to_string(address("0:0:0:0:0:0:0:1")) == "::1");
    CHECK(to_string(address("1:0:0:2:0:0:0:3")) == "1:0:0:2::3");
    CHECK(to_string(address("::ffff:c000:201")) == "::ffff:192.0.2.1");
    CHECK(to_string(address("10.0.0.1")) == "10.0.0.1");
}

TEST_CASE("what is printed parses to the same address") {
    std::mt19937 random(1);
    for (int i = 0; i < 2000; ++i) {
        Address a{i % 2 == 0 ? Family::v4 : Family::v6, {}};
        for (size_t b = 0; b < (a.family == Family::v4 ? 4U : 16U); ++b) {
            a.bytes[b] = random() % 3 == 0 ? static_cast<uint8_t>(random()) : 0;
        }
        CHECK(parse_address(to_string(a)) == a);
    }
}

TEST_CASE("a prefix says what is wrong with it") {
    CHECK(parse_prefix("10.0.0.0/8").error == PrefixError::none);
    CHECK(parse_prefix("10.0.0.1").prefix.length == 32);
    CHECK(parse_prefix("2001:db8::1").prefix.length == 128);
    CHECK(parse_prefix("0.0.0.0/0").error == PrefixError::none);
    CHECK(parse_prefix("::/0").error == PrefixError::none);
    CHECK(parse_prefix("10.0.0.0/33").error == PrefixError::length);
    CHECK(parse_prefix("::/129").error == PrefixError::length);
    CHECK(parse_prefix("::/99999999999").error == PrefixError::length);
    for (const char* bad :
         {"10.0.0.0/", "10.0.0.0/x", "10.0.0.0/-1", "10.0.0/8", "/8", "", "10.0.0.0/8/8"}) {
        CAPTURE(bad);
        CHECK(parse_prefix(bad).error == PrefixError::syntax);
    }
    const ParsedPrefix host_bits = parse_prefix("192.168.10.1/24");
    CHECK(host_bits.error == PrefixError::host_bits);
    CHECK(to_string(host_bits.prefix) == "192.168.10.0/24");
    CHECK(to_string(parse_prefix("2001:db8::1/32").prefix) == "2001:db8::/32");
    CHECK(parse_prefix("128.0.0.0/0").error == PrefixError::host_bits);
}

TEST_CASE("a prefix holds its first and last address and no neighbour") {
    const Prefix prefix = parse_prefix("192.0.2.64/26").prefix;
    CHECK(contains(prefix, address("192.0.2.64")));
    CHECK(contains(prefix, address("192.0.2.127")));
    CHECK_FALSE(contains(prefix, address("192.0.2.63")));
    CHECK_FALSE(contains(prefix, address("192.0.2.128")));
    CHECK_FALSE(contains(parse_prefix("0.0.0.0/0").prefix, address("::")));
    CHECK(contains(parse_prefix("::/0").prefix, address("ffff::")));
}

TEST_CASE("a range is of one family and in order") {
    CHECK(parse_address_range("10.0.0.1-10.0.0.9"));
    CHECK(parse_address_range("10.0.0.1-10.0.0.1"));
    for (const char* bad : {"10.0.0.9-10.0.0.1", "10.0.0.1-::1", "10.0.0.1", "10.0.0.1-",
                            "-10.0.0.1", "10.0.0.1-10.0.0.2-10.0.0.3"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_address_range(bad));
    }
    CHECK(to_string(*parse_address_range("10.0.0.0-10.255.255.255")) == "10.0.0.0/8");
    CHECK(to_string(*parse_address_range("10.0.0.1-10.0.0.1")) == "10.0.0.1");
    CHECK(to_string(*parse_address_range("10.0.0.1-10.0.0.2")) == "10.0.0.1-10.0.0.2");
}

TEST_CASE("a range becomes the fewest prefixes") {
    using Texts = std::vector<std::string>;
    CHECK(prefixes("10.0.0.1-10.0.0.6") ==
          Texts{"10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/31", "10.0.0.6/32"});
    CHECK(prefixes("0.0.0.0-255.255.255.255") == Texts{"0.0.0.0/0"});
    CHECK(prefixes("255.255.255.254-255.255.255.255") == Texts{"255.255.255.254/31"});
    CHECK(prefixes("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == Texts{"::/0"});
    CHECK(prefixes("::1-::2") == Texts{"::1/128", "::2/128"});
    CHECK(prefixes("0.0.0.1-255.255.255.254").size() == 62);
    CHECK(prefixes("::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe").size() == 254);
}

TEST_CASE("the prefixes of a random range follow each other from end to end") {
    std::mt19937 random(2);
    for (int i = 0; i < 500; ++i) {
        AddressRange range{{Family::v4, {}}, {Family::v4, {}}};
        for (size_t b = 0; b < 4; ++b) {
            range.first.bytes[b] = static_cast<uint8_t>(random());
            range.last.bytes[b] = static_cast<uint8_t>(random());
        }
        if (range.last < range.first) {
            std::swap(range.first, range.last);
        }
        Address next = range.first;
        for (const Prefix& prefix : prefixes_of(range)) {
            CHECK(prefix.address == next);
            next = next_address(range_of(prefix).last);
        }
        CHECK(previous_address(next) == range.last);
    }
}

TEST_CASE("the next address wraps within its family") {
    CHECK(next_address(address("10.0.0.255")) == address("10.0.1.0"));
    CHECK(next_address(address("255.255.255.255")) == address("0.0.0.0"));
    CHECK(previous_address(address("::")) == address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    CHECK(address("255.255.255.255") < address("::"));
}

TEST_CASE("a MAC address has six bytes") {
    CHECK(to_string(*parse_mac("00:16:3E:aa:BB:0c")) == "00:16:3e:aa:bb:0c");
    CHECK(parse_mac("00-16-3e-aa-bb-cc"));
    for (const char* bad : {"", "00:16:3e:aa:bb", "00:16:3e:aa:bb:cc:dd", "00:16:3e:aa:bb:cg",
                            "00163eaabbcc", "0:16:3e:aa:bb:ccc", "00:16:3e:aa:bb:-1"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_mac(bad));
    }
}

TEST_CASE("protocols go by name or number") {
    CHECK(parse_protocol("tcp") == 6);
    CHECK(parse_protocol("icmpv6") == 58);
    CHECK(parse_protocol("ipv6-icmp") == 58);
    CHECK(parse_protocol("47") == 47);
    CHECK_FALSE(parse_protocol("256"));
    CHECK_FALSE(parse_protocol("TCP"));
    CHECK_FALSE(parse_protocol(""));
    CHECK(protocol_name(58) == "icmp6");
    CHECK(protocol_name(200) == "200");
    for (unsigned number = 0; number < 256; ++number) {
        CHECK(parse_protocol(protocol_name(static_cast<uint8_t>(number))) == number);
    }
}
