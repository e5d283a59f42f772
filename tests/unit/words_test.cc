// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/words.h"

#include <catch2/catch.hpp>

using namespace pc;

TEST_CASE("numbers are written as what they stand for") {
    CHECK(word_of(6, NumberKind::proto) == "tcp");
    CHECK(word_of(6, NumberKind::plain) == "6");
    CHECK(word_of(PC_VLAN_NONE, NumberKind::vlan) == "untagged");
    CHECK(word_of(PC_VLAN_NONE, NumberKind::plain) == "4096");
    CHECK(word_of(NumberRange{80, 90}, NumberKind::plain) == "80-90");
    CHECK(word_of(NumberRange{400, 65535}, NumberKind::len) == ">=400");
    CHECK(word_of(NumberRange{400, 65535}, NumberKind::plain) == "400-65535");
    CHECK(word_of(NumberRange{6, 17}, NumberKind::proto) == "6-17");
    CHECK(word_of(NumberItem{true, {}, {22, 22}, {}}, NumberKind::plain) == "!22");
    CHECK(word_of(NumberItem{true, "web", {}, {}}, NumberKind::plain) == "!@web");
}

TEST_CASE("addresses, zones, MAC addresses and dates") {
    const AddressRange range = range_of(parse_prefix("10.0.0.0/8").prefix);
    CHECK(word_of(AddressItem{true, {}, range, {}}) == "!10.0.0.0/8");
    CHECK(word_of(AddressItem{false, "drop", {}, {}}) == "@drop");
    CHECK(word_of(ZoneItem{true, "wan", {}}) == "!wan");
    CHECK(word_of(MacItem{true, {{2, 0, 0, 0, 0, 1}}, {}}) == "!02:00:00:00:00:01");
    CHECK(word_of(Date{2027, 6, 3}) == "2027-06-03");
}

TEST_CASE("TCP flags are named in the order of their bits") {
    CHECK(word_of(TcpFlagsItem{0x12, 0x02, {}}) == "syn,!ack");
    CHECK(tcp_flags_words(0x12) == "syn,ack");
    CHECK(tcp_flags_words(0xff) == "fin,syn,rst,psh,ack,urg,ece,cwr");
    CHECK(tcp_flags_words(0) == "none");
    CHECK(tcp_flag_bit("cwr") == 0x80);
    CHECK_FALSE(tcp_flag_bit("SYN"));
    for (const std::string& name : tcp_flag_names()) {
        CHECK(tcp_flags_words(tcp_flag_bit(name).value()) == name);
    }
}

TEST_CASE("states") {
    for (const std::string& name : state_names()) {
        CHECK(std::string(to_string(*parse_state(name))) == name);
    }
    CHECK_FALSE(parse_state("all"));
    CHECK(word_of(StateItem{true, PC_STATE_INVALID, {}}) == "!invalid");
}

TEST_CASE("fragments") {
    CHECK(fragment_words(PC_FRAG_NONE) == std::vector<std::string>{"none"});
    CHECK(fragment_words(PC_FRAG_FIRST | PC_FRAG_LATER) == std::vector<std::string>{"any"});
    CHECK(fragment_words(PC_FRAG_NONE | PC_FRAG_LATER) ==
          std::vector<std::string>{"none", "non-first"});
    CHECK(fragment_words(0).empty());
    CHECK(word_of(PC_FRAG_LATER) == "non-first");
}

TEST_CASE("ICMP types have nftables' names, by family") {
    CHECK(icmp_type_number(Family::v4, "echo-request") == 8);
    CHECK(icmp_type_number(Family::v6, "echo-request") == 128);
    CHECK_FALSE(icmp_type_number(Family::v4, "packet-too-big"));
    CHECK(icmp_type_word(Family::v6, 135) == "nd-neighbor-solicit");
    CHECK(icmp_type_word(Family::v6, 200) == "200");
    for (const Family family : {Family::v4, Family::v6}) {
        for (const std::string& name : icmp_type_names(family)) {
            CHECK(icmp_type_word(family, icmp_type_number(family, name).value()) == name);
        }
    }
}

TEST_CASE("long lists say how much is left out") {
    CHECK(join({}, ", ").empty());
    CHECK(join({"a", "b"}, ", ") == "a, b");
    CHECK(join({"a", "b", "c"}, ", ", 3) == "a, b, c");
    CHECK(join({"a", "b", "c"}, ", ", 1) == "a, 2 more");
}
