// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdlib>

#include <catch2/catch.hpp>
#include <time.h>

#include "ctl/shell/format.h"

using namespace pc::shell;

TEST_CASE("counts are exact while they are small and have three digits when they are not") {
    CHECK(format_count(0) == "0");
    CHECK(format_count(999) == "999");
    CHECK(format_count(44120) == "44,120");
    CHECK(format_count(1005) == "1,005");
    CHECK(format_count(99999) == "99,999");
    CHECK(format_count(100000) == "100k");
    CHECK(format_count(910123) == "910k");
    CHECK(format_count(999600) == "1.00M");
    CHECK(format_count(9100231) == "9.10M");
    CHECK(format_count(71802113) == "71.8M");
    CHECK(format_count(1200000000) == "1.20G");
    CHECK(format_count(UINT64_MAX) == "18.4E");
}

TEST_CASE("bytes in decimal units") {
    CHECK(format_bytes(0) == "0");
    CHECK(format_bytes(812) == "812");
    CHECK(format_bytes(9100) == "9.10k");
    CHECK(format_bytes(4900000000) == "4.90G");
}

TEST_CASE("ages and durations") {
    CHECK(format_age(0) == "now");
    CHECK(format_age(0.2) == "0.2s");
    CHECK(format_age(3) == "3s");
    CHECK(format_age(59.9) == "59s");
    CHECK(format_age(119) == "119s");
    CHECK(format_age(720) == "12m");
    CHECK(format_age(7200) == "2h");
    CHECK(format_age(8 * 86400) == "8d");
    CHECK(format_age(-5) == "now");
    CHECK(format_duration(0) == "00:00:00");
    CHECK(format_duration(15080) == "04:11:20");
    CHECK(format_duration(12 * 86400 + 15080) == "12d 04:11");
}

TEST_CASE("times are read in UTC and shown in local time") {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    CHECK(parse_time("1970-01-01T00:00:10Z") == 10);
    CHECK(parse_time("2026-11-20T14:02:09Z").has_value());
    CHECK_FALSE(parse_time("2026-11-20").has_value());
    CHECK_FALSE(parse_time("").has_value());
    CHECK_FALSE(parse_time("2026-11-20T14:02:09+01").has_value());
    CHECK(format_time(*parse_time("2026-11-20T14:02:09Z")) == "2026-11-20 14:02:09");
    CHECK(format_clock(*parse_time("2026-11-20T14:02:09Z")) == "14:02:09");
}

TEST_CASE("columns are as wide as what stands in them, and empty optional ones are left out") {
    TextTable table({{"Prio", Align::right}, {"Rule"}, {"Note?"}});
    table.add({"10", "bgp", ""});
    table.add({"4000", "drop-list"});
    CHECK(table.print(false) == "Prio  Rule\n"
                                "  10  bgp\n"
                                "4000  drop-list\n");
    table.add({"1", {"x", Color::red}, "why"});
    CHECK(table.print(false) == "Prio  Rule       Note\n"
                                "  10  bgp\n"
                                "4000  drop-list\n"
                                "   1  x          why\n");
    CHECK(table.print(true).find("\x1b[31mx\x1b[0m          why") != std::string::npos);
}

TEST_CASE("letters of more than one byte take one column, escape sequences are made visible") {
    TextTable table({{"A"}, {"B"}});
    table.add({"é", "1"});
    table.add({"\x1b[2J", "2"});
    CHECK(table.print(false) == "A        B\n"
                                "é        1\n"
                                "\\x1b[2J  2\n");
    CHECK(printable("a\nb\x07") == "a\nb\\x07");
}
