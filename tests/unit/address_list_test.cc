// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/address_list.h"

#include <catch2/catch.hpp>

namespace pc {
namespace {

AddressRange range(const char* first, const char* last) {
    return {.first = parse_address(first).value(), .last = parse_address(last).value()};
}

AddressList list_of(const std::vector<AddressRange>& ranges) {
    AddressList list;
    append(list, ranges);
    normalize(list);
    return list;
}

std::vector<std::string> prefixes(const AddressList& list) {
    std::vector<std::string> text;
    for (const Family family : {Family::v4, Family::v6}) {
        std::vector<WidePrefix> wide;
        for (const WideRange& part : family == Family::v4 ? list.v4 : list.v6) {
            append_prefixes(wide, part);
        }
        for (const WidePrefix& prefix : wide) {
            text.push_back(to_string(narrow(family, prefix)));
        }
    }
    return text;
}

using Text = std::vector<std::string>;

TEST_CASE("ranges that touch or overlap become one, in any order") {
    const AddressList list =
        list_of({range("10.0.1.0", "10.0.1.255"), range("10.0.0.0", "10.0.0.255"),
                 range("10.0.0.7", "10.0.1.9"), range("10.0.3.0", "10.0.3.0")});
    CHECK(list.v4.size() == 2);
    CHECK(prefixes(list) == Text{"10.0.0.0/23", "10.0.3.0/32"});
    CHECK(list == list_of({range("10.0.3.0", "10.0.3.0"), range("10.0.0.0", "10.0.1.255")}));
}

TEST_CASE("the families stay apart") {
    const AddressList list = list_of({range("::", "::ffff"), range("0.0.0.0", "0.0.0.0")});
    CHECK(prefixes(list) == Text{"0.0.0.0/32", "::/112"});
}

TEST_CASE("a range is covered by the fewest prefixes") {
    CHECK(prefixes(list_of({range("10.0.0.3", "10.0.0.9")})) ==
          Text{"10.0.0.3/32", "10.0.0.4/30", "10.0.0.8/31"});
    CHECK(prefixes(list_of({range("0.0.0.0", "255.255.255.255")})) == Text{"0.0.0.0/0"});
    CHECK(prefixes(list_of({range("255.255.255.254", "255.255.255.255")})) ==
          Text{"255.255.255.254/31"});
    CHECK(prefixes(every_address()) == Text{"0.0.0.0/0", "::/0"});
    CHECK(prefixes(list_of({range("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")})).size() ==
          128);
    CHECK(prefixes(list_of({range("2001:db8::", "2001:db8:0:1:ffff:ffff:ffff:ffff")})) ==
          Text{"2001:db8::/63"});
}

TEST_CASE("subtraction cuts out, splits and empties") {
    const AddressList ten = list_of({range("10.0.0.0", "10.255.255.255")});
    CHECK(prefixes(without(ten, list_of({range("10.128.0.0", "10.128.0.0")}))).size() == 24);
    CHECK(prefixes(without(ten, list_of({range("9.0.0.0", "10.127.255.255")}))) ==
          Text{"10.128.0.0/9"});
    CHECK(empty(without(ten, every_address())));
    CHECK(without(ten, {}) == ten);
    CHECK(without(every_address(), ten).v4.size() == 2);
    CHECK(without(every_address(), ten).v6 == every_address().v6);
    const AddressList several = list_of(
        {range("1.0.0.0", "1.0.0.9"), range("1.0.1.0", "1.0.1.9"), range("1.0.2.0", "1.0.2.9")});
    CHECK(without(several, list_of({range("1.0.0.5", "1.0.2.4")})) ==
          list_of({range("1.0.0.0", "1.0.0.4"), range("1.0.2.5", "1.0.2.9")}));
    CHECK(without(several, list_of({range("1.0.0.2", "1.0.0.3"), range("1.0.0.5", "1.0.0.5")}))
              .v4.size() == 5);
    const AddressList top = list_of({range("255.0.0.0", "255.255.255.255")});
    CHECK(empty(without(top, top)));
}

TEST_CASE("one prefix is recognised") {
    CHECK(to_string(single_prefix(list_of({range("10.0.0.0", "10.0.0.127")})).value()) ==
          "10.0.0.0/25");
    CHECK(to_string(single_prefix(list_of({range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")}))
                        .value()) == "::/0");
    CHECK_FALSE(single_prefix(list_of({range("10.0.0.0", "10.0.0.128")})).has_value());
    CHECK_FALSE(single_prefix(every_address()).has_value());
    CHECK_FALSE(single_prefix({}).has_value());
}

} // namespace
} // namespace pc
