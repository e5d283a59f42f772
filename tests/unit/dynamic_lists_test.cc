// SPDX-License-Identifier: GPL-3.0-or-later
// What entries of dynamic sets are for packets: over a daemon's generations in memory, asked by the
// kernel's look-up.
#include "ctl/daemon/dynamic_lists.h"

#include <catch2/catch.hpp>

#include "ctl/daemon/apply.h"
#include "tests/support/memory_maps.h"

using namespace pc;
using namespace pc::daemon;
using pc::test::MemoryMaps;

namespace {

constexpr const char* rules_text = R"(
schema = 1
[zone.wan]
interfaces = ["wan0"]
[set.scrub]
dynamic = true
[set.trusted]
dynamic = true
[[rule]]
name = "in"
src = ["192.0.2.0/24", "@scrub", "!10.9.0.0/16"]
action = "count"
[[rule]]
name = "not"
src = ["10.0.0.0/8", "!@trusted"]
action = "count"
[[rule]]
name = "both"
src = ["@scrub", "!@trusted"]
action = "count"
[[rule]]
name = "to"
dst = "@scrub"
action = "count"
)";

Prefix prefix(std::string_view text) {
    const ParsedPrefix parsed = parse_prefix(text);
    REQUIRE(parsed.error == PrefixError::none);
    return parsed.prefix;
}

using Names = std::vector<std::string>;
using Entries = std::vector<TimedPrefix>;

struct ListsRouter {
    MemoryMaps maps;
    std::vector<Link> links = std::vector<Link>(1);
    Applier applier{maps.maps(), Attaching{[](const WantedInterface&) -> Result<Attachment> {
                                               return Attachment{XdpMode::native, false, 7, ""};
                                           },
                                           [](uint32_t) -> Result<void> { return {}; }}};
    size_t rebuilds = 0;
    std::shared_ptr<const Plan> plan;
    uint64_t number = 0;
    DynamicLists lists{applier.generations(), maps.block_hits, [this]() -> Result<void> {
                           ++rebuilds;
                           applier.generations().forget();
                           return stage();
                       }};

    explicit ListsRouter(const char* text = rules_text) {
        links.front().name = "wan0";
        links.front().ifindex = 3;
        plan = compiled(text);
        REQUIRE(stage().ok());
    }

    std::shared_ptr<const Plan> compiled(const char* text) {
        const Candidate candidate =
            prepare({SourceFile{"x.toml", text}}, {}, applier.generations().ids());
        INFO(candidate.text);
        REQUIRE(candidate.ok());
        return candidate.plan;
    }

    Result<void> stage() {
        return applier.apply({plan, ++number, links, {}, lists.ranges_for(*plan), {}});
    }

    [[nodiscard]] static pc_host_question from(std::string_view source, uint64_t jiffies = 0) {
        const Address address = prefix(source).address;
        pc_host_question question{};
        std::memcpy(question.packet.saddr, address.bytes.data(), address.bytes.size());
        question.packet.family = address.family == Family::v4 ? 4 : 6;
        question.packet.frag = PC_FRAG_NONE;
        question.packet.vlan = PC_VLAN_NONE;
        question.in_zone = 1;
        question.out_known = 1;
        question.jiffies = jiffies;
        return question;
    }

    // The rules that a packet from there matches at that tick.
    [[nodiscard]] Names matches(std::string_view source, uint64_t jiffies = 0) const {
        return names_of(from(source, jiffies));
    }

    [[nodiscard]] Names names_of(const pc_host_question& question) const {
        Names names;
        for (const uint32_t id : maps.walk(question)) {
            for (const auto& [name, known] : applier.generations().ids()) {
                if (known == id) {
                    names.push_back(name);
                }
            }
        }
        return names;
    }

    // All that packets can meet of the addresses of these tests, over time.
    [[nodiscard]] std::vector<Names> everything() const {
        std::vector<Names> all;
        for (const char* source :
             {"10.0.0.0", "10.1.0.0", "10.1.2.2", "10.1.2.3", "10.1.2.4", "10.9.1.1", "10.255.0.0",
              "11.0.0.0", "192.0.2.1", "203.0.113.9", "2001:db8::1", "2001:db9::"}) {
            for (const uint64_t jiffies : {0, 99, 100, 199, 200, 1000000}) {
                all.push_back(matches(source, jiffies));
                all.push_back({std::to_string(maps.block(from(source, jiffies)))});
            }
        }
        return all;
    }
};

} // namespace

TEST_CASE("an entry is in every list that names its set, to its deadline, and in no other") {
    ListsRouter router;
    CHECK(router.matches("203.0.113.9").empty());
    CHECK(router.matches("192.0.2.1") == Names{"in"});
    CHECK(router.matches("10.1.2.3") == Names{"not"});
    const Entries one{{prefix("203.0.113.0/24"), 100}};
    REQUIRE(router.lists.changed("scrub", {one[0].prefix, 100, one}).ok());
    CHECK(router.matches("203.0.113.9") == Names{"in", "both"});
    CHECK(router.matches("203.0.113.9", 99) == Names{"in", "both"});
    CHECK(router.matches("203.0.113.9", 100).empty());
    CHECK(router.matches("203.0.112.255").empty());
    CHECK(router.matches("203.0.114.0").empty());
    CHECK(router.matches("192.0.2.1", 100) == Names{"in"});
    pc_host_question to = ListsRouter::from("192.0.2.1");
    to.packet.daddr[0] = ListsRouter::from("203.0.113.255").packet.saddr[0];
    CHECK(router.names_of(to) == Names{"in", "to"});
    REQUIRE(router.lists.changed("scrub", {one[0].prefix, std::nullopt, {}}).ok());
    CHECK(router.matches("203.0.113.9").empty());
    CHECK(router.rebuilds == 0);
}

TEST_CASE("entries add nothing that the rule excludes, and negated sets take away") {
    ListsRouter router;
    const Entries wide{{prefix("10.0.0.0/8"), 0}};
    REQUIRE(router.lists.changed("scrub", {wide[0].prefix, 0, wide}).ok());
    CHECK(router.matches("10.9.1.1") == Names{"not", "both"});
    CHECK(router.matches("10.8.255.255") == Names{"in", "not", "both"});
    CHECK(router.matches("10.10.0.0") == Names{"in", "not", "both"});
    const Entries trusted{{prefix("10.1.0.0/16"), 200}};
    REQUIRE(router.lists.changed("trusted", {trusted[0].prefix, 200, trusted}).ok());
    CHECK(router.matches("10.1.2.3") == Names{"in"});
    CHECK(router.matches("10.1.2.3", 199) == Names{"in"});
    CHECK(router.matches("10.1.2.3", 200) == Names{"in", "not", "both"});
    CHECK(router.matches("10.2.0.0") == Names{"in", "not", "both"});
    // The other way round: the entry comes where its address is taken away already.
    REQUIRE(router.lists.changed("scrub", {wide[0].prefix, std::nullopt, {}}).ok());
    CHECK(router.matches("10.1.2.3").empty());
    CHECK(router.matches("10.1.2.3", 200) == Names{"not"});
}

TEST_CASE("entries inside of others have their own times") {
    ListsRouter router;
    const Entries inside{{prefix("10.0.0.0/8"), 100}, {prefix("10.1.2.0/24"), 200}};
    REQUIRE(router.lists.changed("scrub", {inside[0].prefix, 100, inside}).ok());
    const auto is_in = [&](const char* source, uint64_t jiffies) {
        return router.matches(source, jiffies) != Names{"not"};
    };
    CHECK(is_in("10.0.0.0", 99));
    CHECK_FALSE(is_in("10.0.0.0", 100));
    CHECK(is_in("10.1.2.3", 100));
    CHECK(is_in("10.1.2.3", 199));
    CHECK_FALSE(is_in("10.1.2.3", 200));
    // The outer one goes, the inner one is told with it.
    REQUIRE(router.lists
                .changed("scrub", {inside[0].prefix, std::nullopt, std::span(inside).subspan(1)})
                .ok());
    CHECK_FALSE(is_in("10.0.0.0", 0));
    CHECK(is_in("10.1.2.3", 199));
    // A change of the inner one alone keeps the outer one around it.
    REQUIRE(router.lists.changed("scrub", {inside[0].prefix, 100, inside}).ok());
    REQUIRE(router.lists.changed("scrub", {inside[1].prefix, std::nullopt, {}}).ok());
    CHECK(is_in("10.1.2.3", 99));
    CHECK_FALSE(is_in("10.1.2.3", 100));
}

TEST_CASE("@blocks: the entry that holds the source has an index, and its counter") {
    ListsRouter router;
    CHECK(router.maps.block(ListsRouter::from("10.1.2.3")) == 0);
    const Entries blocks{{prefix("10.0.0.0/8"), 100}, {prefix("10.1.2.0/24"), 200}};
    REQUIRE(router.lists.replaced("blocks", blocks).ok());
    const uint32_t outer = router.maps.block(ListsRouter::from("10.0.0.1"));
    const uint32_t inner = router.maps.block(ListsRouter::from("10.1.2.3"));
    CHECK(outer != 0);
    CHECK(inner != 0);
    CHECK(outer != inner);
    CHECK(router.maps.block(ListsRouter::from("10.0.0.1", 100)) == 0);
    CHECK(router.maps.block(ListsRouter::from("10.1.2.3", 100)) == inner);
    CHECK(router.maps.block(ListsRouter::from("10.1.2.3", 200)) == 0);
    CHECK(router.maps.block(ListsRouter::from("9.255.255.255")) == 0);
    const uint64_t counted = 41;
    REQUIRE(router.maps.block_hits.put(bytes_of(inner), bytes_of(counted)).ok());
    CHECK(router.lists.packets("blocks", blocks[1].prefix) == 41);
    CHECK(router.lists.packets("blocks", blocks[0].prefix) == 0);
    CHECK(router.lists.packets("scrub", blocks[1].prefix) == std::nullopt);
    // A new deadline keeps the counter; whoever comes after a removal starts at zero.
    const Entries longer{{prefix("10.1.2.0/24"), 300}};
    REQUIRE(router.lists.changed("blocks", {longer[0].prefix, 300, longer}).ok());
    CHECK(router.maps.block(ListsRouter::from("10.1.2.3", 299)) == inner);
    CHECK(router.lists.packets("blocks", longer[0].prefix) == 41);
    REQUIRE(router.lists.changed("blocks", {longer[0].prefix, std::nullopt, {}}).ok());
    CHECK(router.maps.block(ListsRouter::from("10.1.2.3")) == outer);
    const Entries other{{prefix("2001:db8::/32"), 0}};
    REQUIRE(router.lists.changed("blocks", {other[0].prefix, 0, other}).ok());
    CHECK(router.maps.block(ListsRouter::from("2001:db8::1", UINT64_MAX - 1)) == inner);
    CHECK(router.lists.packets("blocks", other[0].prefix) == 0);
    // No rule is in a list because of @blocks.
    CHECK(router.matches("10.0.0.1") == Names{"not"});
}

TEST_CASE("replaced: these entries and no others") {
    ListsRouter router;
    const Entries first{
        {prefix("10.1.0.0/16"), 100}, {prefix("10.1.2.3"), 0}, {prefix("203.0.113.9"), 0}};
    REQUIRE(router.lists.replaced("scrub", first).ok());
    const Entries second{{prefix("10.1.2.0/24"), 200}, {prefix("203.0.113.9"), 0}};
    REQUIRE(router.lists.replaced("scrub", second).ok());
    const auto replaced = router.everything();
    ListsRouter fresh;
    REQUIRE(fresh.lists.replaced("scrub", second).ok());
    CHECK(replaced == fresh.everything());
    CHECK(router.matches("10.1.2.3", 200) == Names{"not"});
    CHECK(router.matches("10.1.0.0") == Names{"not"});
    CHECK(router.matches("203.0.113.9") == Names{"in", "both"});
    REQUIRE(router.lists.replaced("scrub", {}).ok());
    CHECK(router.matches("203.0.113.9").empty());
}

TEST_CASE("a generation that is built knows all entries") {
    ListsRouter router;
    const Entries scrub{{prefix("10.0.0.0/8"), 100}, {prefix("10.1.2.0/24"), 200}};
    const Entries trusted{{prefix("10.1.2.3"), 150}};
    const Entries blocks{{prefix("2001:db8::/32"), 0}};
    REQUIRE(router.lists.replaced("scrub", scrub).ok());
    REQUIRE(router.lists.replaced("trusted", trusted).ok());
    REQUIRE(router.lists.replaced("blocks", blocks).ok());
    const auto edited = router.everything();
    router.applier.generations().forget();
    REQUIRE(router.stage().ok());
    CHECK(router.everything() == edited);
    // A set that comes with the next rules: expected first, then in force with them.
    ListsRouter bare("schema = 1\n[zone.wan]\ninterfaces = [\"wan0\"]\n");
    bare.plan = bare.compiled(rules_text);
    REQUIRE(bare.lists.expect("scrub", scrub).ok());
    REQUIRE(bare.lists.expect("trusted", trusted).ok());
    CHECK(bare.matches("10.1.2.3").empty());
    REQUIRE(bare.stage().ok());
    REQUIRE(bare.lists.replaced("blocks", blocks).ok());
    CHECK(bare.everything() == edited);
}

TEST_CASE("an entry that cannot be put before packets has not happened") {
    const Entries before{{prefix("10.0.0.0/8"), 100}};
    const Entries after{{prefix("10.0.0.0/8"), 200}, {prefix("10.1.2.3"), 0}};
    for (const char* set : {"scrub", "trusted", "blocks"}) {
        size_t n = 1;
        for (;; ++n) {
            INFO(set << ", operation " << n);
            REQUIRE(n < 100);
            ListsRouter router;
            REQUIRE(router.lists.changed(set, {before[0].prefix, 100, before}).ok());
            const auto seen = router.everything();
            router.maps.faults.start(n);
            const auto changed = router.lists.changed(set, {before[0].prefix, 200, after});
            router.maps.faults.start(0);
            if (changed.ok()) {
                CHECK(router.everything() != seen);
                break;
            }
            CHECK(router.everything() == seen);
            // Nor does it come with the next generation.
            router.applier.generations().forget();
            REQUIRE(router.stage().ok());
            CHECK(router.everything() == seen);
            REQUIRE(router.lists.changed(set, {before[0].prefix, 200, after}).ok());
            CHECK(router.everything() != seen);
        }
    }
}

// Without entries that an earlier process left, as rules that it wrote cannot be edited.
TEST_CASE("rules that cannot be edited are built anew with the entry") {
    ListsRouter router;
    router.applier.generations().forget();
    const Entries one{{prefix("203.0.113.0/24"), 0}};
    REQUIRE(router.lists.changed("scrub", {one[0].prefix, 0, one}).ok());
    // No plan: what is staged next knows it.
    REQUIRE(router.stage().ok());
    CHECK(router.matches("203.0.113.9") == Names{"in", "both"});
}

TEST_CASE("entries come and go without end, by edits and the generations that follow") {
    ListsRouter router;
    for (unsigned i = 0; i < 1000; ++i) {
        const std::string text = "10." + std::to_string(i % 200) + "." + std::to_string(i % 7) +
                                 (i % 3 == 0 ? ".0/24" : ".77");
        const Entries one{{prefix(text), i + 100}};
        const std::optional<uint64_t> deadline =
            i % 5 == 4 ? std::nullopt : std::optional<uint64_t>(i + 100);
        const std::span<const TimedPrefix> inside =
            deadline ? std::span<const TimedPrefix>(one) : std::span<const TimedPrefix>();
        REQUIRE(router.lists.changed("scrub", {one[0].prefix, deadline, inside}).ok());
        REQUIRE(router.applier.generations().settle().ok());
        if (deadline) {
            REQUIRE(router.matches(text.substr(0, text.find('/')), i + 99) != Names{"not"});
        }
    }
    CHECK(router.rebuilds < 20);
    CHECK(router.maps.arena.size() == PC_ARENA_MIN);
}
