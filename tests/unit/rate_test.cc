// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/rate.h"

#include <catch2/catch.hpp>

#include "rules/abi.h"

using namespace pc;

namespace {

using Of = Rate::Of;

constexpr uint64_t second = 1'000'000'000ULL << PC_LIMIT_UNIT_SHIFT;

std::optional<std::string> again(std::string_view text) {
    const auto rate = parse_rate(text);
    return rate ? std::optional(to_string(*rate)) : std::nullopt;
}

} // namespace

TEST_CASE("the unit of a rate says what is counted") {
    CHECK(parse_rate("200pps") == Rate{200, 1, Of::packets});
    CHECK(parse_rate("3kpps") == Rate{3000, 1, Of::packets});
    CHECK(parse_rate("2Mpps") == Rate{2'000'000, 1, Of::packets});
    CHECK(parse_rate("5 packets/m") == Rate{5, 60, Of::packets});
    CHECK(parse_rate("20mbit") == Rate{20'000'000, 1, Of::bytes});
    CHECK(parse_rate("20 Mbit") == Rate{20'000'000, 1, Of::bytes});
    CHECK(parse_rate("1bit") == Rate{1, 1, Of::bytes});
    CHECK(parse_rate("5MB/s") == Rate{40'000'000, 1, Of::bytes});
    CHECK(parse_rate("64KB/s") == Rate{512'000, 1, Of::bytes});
    CHECK(parse_rate("10/s") == Rate{10, 1, Of::flows});
    CHECK(parse_rate("10/m") == Rate{10, 60, Of::flows});
    CHECK(parse_rate("10 flows/h") == Rate{10, 3600, Of::flows});
}

TEST_CASE("what has no unit, or could be meant in two ways, is no rate") {
    for (const char* text :
         {"", "200", "pps", "0pps", "-1pps", "5Mb/s", "5mb/s", "10/d", "1.5mbit", "10  /m",
          "10pps ", "20mbit/s", "1000000001pps", "1001gbit", "99999999999999999999pps"}) {
        INFO(text);
        CHECK_FALSE(parse_rate(text));
    }
    CHECK(parse_rate("1000000000pps"));
    CHECK(parse_rate("1000gbit"));
}

TEST_CASE("a rate is written in one way, whatever it was") {
    CHECK(again("3kpps") == "3000pps");
    CHECK(again("60 packets/h") == "60 packets/h");
    CHECK(again("2500kB/s") == "20mbit");
    CHECK(again("1001bit") == "1001bit");
    CHECK(again("8000mbit") == "8gbit");
    CHECK(again("10 flows/m") == "10/m");
    CHECK(again("10/h") == "10/h");
    for (const char* text : {"200pps", "5 packets/m", "20mbit", "10/s", "10/m", "10/h"}) {
        CHECK(again(text) == text);
    }
}

TEST_CASE("amounts of bytes") {
    CHECK(parse_bytes("1514B") == 1514);
    CHECK(parse_bytes("64kB") == 64000);
    CHECK(parse_bytes("2 MB") == 2'000'000);
    CHECK(parse_bytes("64KiB") == 65536);
    for (const char* text : {"", "64", "0B", "64k", "64kb", "64kbit", "99999999999GB"}) {
        INFO(text);
        CHECK_FALSE(parse_bytes(text));
    }
    for (const char* text : {"1514B", "64kB", "2MB", "64KiB", "1GiB"}) {
        CHECK(bytes_text(*parse_bytes(text)) == text);
    }
}

TEST_CASE("the burst of a rate is what it gives in 100 ms, and never too little for one packet") {
    CHECK(default_burst(*parse_rate("200pps")) == 20);
    CHECK(default_burst(*parse_rate("9pps")) == 1);
    CHECK(default_burst(*parse_rate("10/m")) == 1);
    CHECK(default_burst(*parse_rate("6000/m")) == 10);
    CHECK(default_burst(*parse_rate("80mbit")) == 1'000'000);
    CHECK(default_burst(*parse_rate("1mbit")) == 65536);
}

TEST_CASE("the kernel counts in 64ths of a nanosecond") {
    CHECK(interval_of(*parse_rate("1pps")) == second);
    CHECK(interval_of(*parse_rate("200pps")) == second / 200);
    CHECK(interval_of(*parse_rate("10/m")) == 6 * second);
    CHECK(interval_of(*parse_rate("1/h")) == 3600 * second);
    CHECK(interval_of(*parse_rate("1000000000pps")) == 64);
    CHECK(interval_of(*parse_rate("3pps")) == 21333333333); // rounded
    // Of bytes: of 65536.
    CHECK(interval_of(*parse_rate("65536B/s")) == second);
    CHECK(interval_of(*parse_rate("1000gbit")) == 33554);
    CHECK(interval_of(*parse_rate("1bit")) == 524288 * second);
    CHECK(burst_time(*parse_rate("200pps"), 20) == second / 10);
    CHECK(burst_time(*parse_rate("65536B/s"), 131072) == 2 * second);
    CHECK(burst_time(*parse_rate("10/m"), 5) == 30 * second);
    CHECK(burst_seconds(*parse_rate("10/m"), 5) == 30);
    CHECK(burst_seconds(*parse_rate("200pps"), 1) == 1);
    CHECK(burst_seconds(*parse_rate("1/h"), 1'000'000'000) == 3'600'000'000'000);
}
