// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/rate_bucket.h"

#include <thread>
#include <vector>

#include <catch2/catch.hpp>

using namespace pc::inspect;

namespace {

constexpr uint64_t second = 1'000'000'000;
constexpr uint64_t mbit = 1'000'000;
constexpr uint64_t lots = 1'000'000'000;

} // namespace

TEST_CASE("a bucket gives its rate, and at once what 250 ms give") {
    RateBucket bucket;
    bucket.set_rate(80 * mbit);
    uint64_t now = 5 * second;
    CHECK(bucket.take(lots, now) == 2'500'000);
    CHECK(bucket.take(lots, now) == 0);
    uint64_t sum = 0;
    for (int i = 0; i < 100; i++) {
        now += second / 10;
        sum += bucket.take(lots, now);
    }
    CHECK(sum == 100'000'000);
    now += 60 * second; // a pause is not saved up
    CHECK(bucket.take(lots, now) == 2'500'000);
}

TEST_CASE("a slow bucket holds 64 KiB, and gives bytes as they come") {
    RateBucket bucket;
    bucket.set_rate(8000);
    CHECK(bucket.take(lots, second) == 65536);
    CHECK(bucket.take(lots, second + second / 2) == 500);
    CHECK_FALSE(bucket.take_whole(1001, 2 * second + second / 2));
    CHECK(bucket.take_whole(1000, 2 * second + second / 2));
    CHECK_FALSE(bucket.take_whole(1, 2 * second + second / 2));
}

TEST_CASE("what is given back can be taken again") {
    RateBucket bucket;
    bucket.set_rate(80 * mbit);
    REQUIRE(bucket.take(lots, second) == 2'500'000);
    bucket.give_back(1'000'000);
    CHECK(bucket.take(lots, second) == 1'000'000);
    CHECK(bucket.take(lots, second) == 0);
}

TEST_CASE("the fastest rate and the largest amount do not overflow") {
    RateBucket bucket;
    bucket.set_rate(1'000'000 * mbit);
    CHECK(bucket.take(UINT64_MAX, 1'000'000'000 * second) == 31'250'000'000);
    CHECK(bucket.take(1, 1'000'000'000 * second) == 0);
}

TEST_CASE("threads together get what one would") {
    RateBucket bucket;
    bucket.set_rate(80 * mbit);
    std::atomic<uint64_t> sum = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) {
        threads.emplace_back([&] {
            for (uint64_t step = 0; step < 20'000; step++) {
                sum += bucket.take(1000, second + step * 50'000); // one second in all
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    // The burst and a second's worth; threads that are behind see an earlier time.
    CHECK(sum <= 12'500'000);
    CHECK(sum > 10'000'000);
}

TEST_CASE("buckets are shared by key while a flow has them, and take the newest rate") {
    RateBuckets buckets;
    auto first = buckets.share("a", 80 * mbit);
    CHECK(buckets.share("a", 80 * mbit) == first);
    CHECK(buckets.share("b", 80 * mbit) != first);
    CHECK(RateBuckets::own(80 * mbit) != first);
    REQUIRE(first->to_client.take(lots, second) == 2'500'000);
    CHECK(first->to_server.take(lots, second) == 2'500'000); // the directions are apart
    const auto again = buckets.share("a", 160 * mbit);
    CHECK(again->to_client.take(lots, second + second / 4) == 5'000'000);
    for (int i = 0; i < 1000; i++) {
        (void)buckets.share(std::to_string(i), mbit); // without a flow: forgotten in time
    }
    CHECK(buckets.share("a", 160 * mbit) == first);
}
