// SPDX-License-Identifier: GPL-3.0-or-later
// What has to be true of the tables of one family (family_tables.cc) however they were edited
// (family_edit.cc), so that a look-up that stops early stops rightly.
#include <catch2/catch.hpp>

#include "rules/family_tables.h"
#include "tests/support/verdicts.h"

namespace pc::test {
namespace {

uint32_t place_at(uint32_t table, size_t index, size_t size) {
    return static_cast<uint32_t>(table + index * size);
}

// All live entries; fails where something promises better or worse than what is there.
size_t check_tables(const Image& image, const pc_tables& tables, size_t buckets_reachable_max) {
    if (tables.words == 0) {
        return 0;
    }
    const size_t tuples = size_t{tables.words} * 64;
    std::vector<uint32_t> best(tuples, PC_PRIORITY_NONE);
    size_t entries = 0;
    for (size_t head = 0; head <= tables.bucket_mask; head++) {
        std::vector<pc_bucket> chain;
        for (uint32_t bucket = static_cast<uint32_t>(head);;) {
            chain.push_back(
                image.read<pc_bucket>(place_at(tables.buckets, bucket, sizeof(pc_bucket))));
            REQUIRE(chain.size() <= buckets_reachable_max); // no circle
            bucket = chain.back().next;
            if (bucket == 0) {
                break;
            }
            REQUIRE(bucket > tables.bucket_mask);
        }
        uint32_t later = PC_PRIORITY_NONE;
        for (size_t i = chain.size(); i-- > 0;) {
            REQUIRE(chain[i].next_best <= later);
            for (const size_t k : {0, 1}) {
                if (chain[i].priority[k] == PC_PRIORITY_NONE) {
                    continue;
                }
                entries++;
                later = std::min(later, chain[i].priority[k]);
                const size_t tuple = chain[i].tag[k] >> 16;
                REQUIRE(tuple < tuples);
                best[tuple] = std::min(best[tuple], chain[i].priority[k]);
            }
        }
    }
    uint32_t suffix = PC_PRIORITY_NONE;
    for (size_t tuple = tuples; tuple-- > 0;) {
        const auto said = image.read<pc_best>(place_at(tables.bests, tuple, sizeof(pc_best)));
        suffix = std::min(suffix, best[tuple]);
        REQUIRE(said.own <= best[tuple]);
        REQUIRE(said.suffix <= suffix);
    }
    return entries;
}

size_t check_both(LiveRules& live) {
    const Classifier& classifier = live.host().classifier();
    size_t entries = 0;
    for (size_t i = 0; i < 2; i++) {
        entries += check_tables(classifier.image(), live.host().head().tables[i], 100000);
    }
    return entries;
}

} // namespace

TEST_CASE("no bound is worse than the entries it speaks of, after any edits") {
    for (uint64_t seed = 1; seed <= 12; seed++) {
        LiveRules live(world_of(seed + 40, 30 + seed * 8), seed);
        CHECK(check_both(live) > 0);
        for (size_t step = 0; step < 60; step++) {
            live.change(static_cast<LiveRules::Change>(live.dice().below(6)));
            live.commit();
            if (live.dice().one_in(3)) {
                live.settle();
            }
            INFO("seed " << seed << " step " << step);
            check_both(live);
        }
        // Once all has settled, only what holds is there.
        live.settle();
        live.settle();
        live.settle();
        size_t placed = 0;
        for (const auto& rule : live.host().classifier().rules()) {
            placed += rule->entries.size();
        }
        CHECK(check_both(live) == placed);
    }
}

TEST_CASE("the live head leads to the tables that were edited") {
    LiveRules live(world_of(77, 60), 3);
    for (size_t step = 0; step < 40; step++) {
        live.change(static_cast<LiveRules::Change>(live.dice().below(6)));
        live.commit();
        for (const Family family : {Family::v4, Family::v6}) {
            const pc_tables& live_tables = live.host().head().tables[family == Family::v4 ? 0 : 1];
            CHECK(std::memcmp(&live_tables, &live.host().classifier().tables(family).tables(),
                              sizeof(pc_tables)) == 0);
        }
    }
}

} // namespace pc::test
