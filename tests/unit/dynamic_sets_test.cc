// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/dynamic_sets.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace pc;
using namespace pc::daemon;

namespace {

Prefix prefix(std::string_view text) {
    const ParsedPrefix parsed = parse_prefix(text);
    REQUIRE(parsed.error == PrefixError::none);
    return parsed.prefix;
}

// A folder of the state that goes with the test.
class StateDir {
public:
    StateDir() {
        std::string name = std::filesystem::temp_directory_path() / "pc-dynamic-XXXXXX";
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }

    ~StateDir() { std::filesystem::remove_all(path_); }

    StateDir(const StateDir&) = delete;
    StateDir& operator=(const StateDir&) = delete;
    StateDir(StateDir&&) = delete;
    StateDir& operator=(StateDir&&) = delete;

    [[nodiscard]] std::string path(const std::string& name = "") const { return path_ + name; }

    void write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(path_ + name).parent_path());
        std::ofstream(path_ + name) << text;
    }

    [[nodiscard]] std::string read(const std::string& name) const {
        std::ifstream in(path_ + name);
        return {std::istreambuf_iterator<char>(in), {}};
    }

private:
    std::string path_;
};

// What the sink was told, painted on the 256 addresses of 10.0.0.0/24: when each one leaves the
// set. As a classifier would hold it, that knows no prefixes any more.
class Canvas final : public DynamicSink {
public:
    using Row = std::vector<std::optional<uint64_t>>;

    Result<void> changed(const std::string& set, const DynamicChange& change) override {
        if (fails > 0 && --fails == 0) {
            return Error{EIO, "made to fail"};
        }
        paint(set, change.prefix, change.deadline_jiffies);
        for (const TimedPrefix& entry : change.inside) {
            paint(set, entry.prefix, entry.deadline_jiffies);
        }
        return {};
    }

    Result<void> replaced(const std::string& set, std::span<const TimedPrefix> entries) override {
        ++replacements;
        rows[set].assign(256, std::nullopt);
        for (const TimedPrefix& entry : entries) {
            paint(set, entry.prefix, entry.deadline_jiffies);
        }
        return {};
    }

    [[nodiscard]] std::optional<uint64_t> packets(const std::string& set,
                                                  const Prefix&) const override {
        return set == "blocks" ? std::optional<uint64_t>(7) : std::nullopt;
    }

    std::map<std::string, Row> rows;
    int fails = 0; // n: the n-th change from now fails
    int replacements = 0;

private:
    void paint(const std::string& set, const Prefix& where, std::optional<uint64_t> deadline) {
        Row& row = rows[set];
        row.resize(256);
        Address address = prefix("10.0.0.0").address;
        for (unsigned i = 0; i < 256; ++i) {
            address.bytes[3] = static_cast<uint8_t>(i);
            if (contains(where, address)) {
                row[i] = deadline;
            }
        }
    }
};

constexpr int64_t start = 1000000;

DynamicClock at(int64_t seconds) {
    return {start + seconds, static_cast<uint64_t>(seconds) * 100, 100};
}

// The tick at which an entry ends that was added at `now` for so long.
uint64_t jiffies(int64_t seconds) {
    return static_cast<uint64_t>(seconds) * 100 + 1;
}

DynamicEntry entry(int64_t until_seconds, const std::string& comment = "") {
    return {until_seconds == 0 ? 0 : start + until_seconds, start, comment, "ana"};
}

Set dynamic_set(const std::string& name, DynamicSet setting = {}) {
    Set set;
    set.name = name;
    set.dynamic = setting;
    return set;
}

std::vector<std::string> words(const DynamicEntries* entries) {
    REQUIRE(entries != nullptr);
    std::vector<std::string> list;
    for (const auto& [each, entry] : *entries) {
        list.push_back(to_string(each));
    }
    return list;
}

using Words = std::vector<std::string>;

} // namespace

TEST_CASE("an address is in the set until the latest deadline of the entries that cover it") {
    const StateDir dir;
    Canvas canvas;
    DynamicSets sets(canvas, dir.path());
    REQUIRE(sets.load(at(0)).ok());
    REQUIRE(sets.add("blocks", prefix("10.0.0.0/16"), entry(100), at(0)).ok());
    REQUIRE(sets.add("blocks", prefix("10.0.0.64/26"), entry(50), at(0)).ok());
    const auto& row = canvas.rows["blocks"];
    CHECK(row[64] == jiffies(100)); // the narrow one does not hide the wide one
    REQUIRE(sets.add("blocks", prefix("10.0.0.65"), entry(0), at(0)).ok());
    CHECK(row[65] == 0);
    CHECK(row[66] == jiffies(100));
    // The narrow one was there: now it gets more time than the wide one has.
    REQUIRE(sets.add("blocks", prefix("10.0.0.64/26"), entry(200), at(0)).ok());
    CHECK(row[66] == jiffies(200));
    CHECK(row[1] == jiffies(100));
    REQUIRE(sets.add("blocks", prefix("10.0.0.64/26"), entry(50), at(0)).ok());
    REQUIRE(sets.remove("blocks", prefix("10.0.0.0/16"), at(0)).ok());
    CHECK(row[66] == jiffies(50));
    CHECK(row[65] == 0);
    CHECK_FALSE(row[1].has_value());
    // Times are counted from the clock of the moment.
    REQUIRE(sets.remove("blocks", prefix("10.0.0.65"), at(20)).ok());
    CHECK(row[65] == 2000 + 30 * 100 + 1);
    CHECK(sets.holder("blocks", prefix("10.0.0.70").address, at(20))->first ==
          prefix("10.0.0.64/26"));
    CHECK(sets.holder("blocks", prefix("10.0.0.1").address, at(20)) == nullptr);
    CHECK(sets.holder("blocks", prefix("10.0.0.70").address, at(50)) == nullptr);
}

TEST_CASE("after any changes the sink holds what the entries say") {
    const StateDir dir;
    Canvas canvas;
    DynamicSets sets(canvas, dir.path());
    REQUIRE(sets.load(at(0)).ok());
    REQUIRE(sets.use({dynamic_set("a"), dynamic_set("b", {.persist = false})}, at(0)).ok());
    std::mt19937 dice(7);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(dice() % n); };
    for (int64_t second = 0; second < 500; ++second) {
        const std::string set = below(2) == 0 ? "a" : "b";
        const unsigned length = 22 + below(11);
        Address address = prefix("10.0.0.0").address;
        address.bytes[3] = static_cast<uint8_t>(below(256) & 0xff00U >> (length % 8));
        address.bytes[3] = length == 32 ? static_cast<uint8_t>(below(256)) : address.bytes[3];
        address.bytes[3] = length < 24 ? 0 : address.bytes[3];
        const Prefix which{address, static_cast<uint8_t>(length)};
        const unsigned what = below(20);
        if (what < 11) {
            const int64_t until = below(8) == 0 ? 0 : second + 1 + below(60);
            REQUIRE(sets.add(set, which, entry(until), at(second)).ok());
        } else if (what < 19) {
            const bool is_there = sets.find(set)->contains(which);
            REQUIRE(sets.remove(set, which, at(second)).ok() == is_there);
        } else if (below(10) == 0) {
            REQUIRE(sets.clear(set).ok());
        }
        if (below(3) == 0) {
            REQUIRE(sets.expire(at(second)).ok());
        }
        for (const std::string name : {"a", "b"}) {
            for (unsigned i = 0; i < 256; i += 3) {
                address.bytes[3] = static_cast<uint8_t>(i);
                int64_t latest = 0;
                bool for_good = false;
                for (const auto& [each, held] : *sets.find(name)) {
                    if (contains(each, address)) {
                        for_good = for_good || held.until == 0;
                        latest = std::max(latest, held.until - start);
                    }
                }
                const auto told = canvas.rows[name][i];
                const bool is_held = told && (*told == 0 || *told > jiffies(second));
                REQUIRE((told && *told == 0) == for_good);
                REQUIRE(is_held == (for_good || latest > second));
                REQUIRE((!is_held || for_good || *told == jiffies(latest)));
            }
        }
    }
    // What a generation is built from is the same.
    Canvas fresh;
    for (const std::string name : {"a", "b"}) {
        REQUIRE(fresh.replaced(name, sets.timed(name, at(500))).ok());
        REQUIRE(canvas.replaced(name, {}).ok());
        for (const TimedPrefix& each : sets.timed(name, at(500))) {
            REQUIRE(canvas.changed(name, {each.prefix, each.deadline_jiffies, {}}).ok());
        }
        CHECK(fresh.rows[name] == canvas.rows[name]);
    }
}

TEST_CASE("entries outlive the daemon, with their times, where the set persists") {
    const StateDir dir;
    const std::vector<Set> rules{dynamic_set("scrub"), dynamic_set("brief", {.persist = false})};
    {
        Canvas canvas;
        DynamicSets sets(canvas, dir.path());
        REQUIRE(sets.load(at(0)).ok());
        REQUIRE(sets.use(rules, at(0)).ok());
        REQUIRE(
            sets.add("blocks", prefix("10.0.0.1"), entry(100, "ticket \"4411\"\n"), at(0)).ok());
        REQUIRE(sets.add("blocks", prefix("10.0.0.2"), entry(10), at(0)).ok());
        REQUIRE(sets.add("blocks", prefix("10.0.0.3"), entry(0), at(0)).ok());
        REQUIRE(sets.remove("blocks", prefix("10.0.0.3"), at(0)).ok());
        REQUIRE(sets.add("scrub", prefix("2001:db8::/32"), entry(0), at(0)).ok());
        REQUIRE(sets.add("brief", prefix("10.0.0.9"), entry(0), at(0)).ok());
        CHECK(sets.take_complaints().empty());
    }
    Canvas canvas;
    DynamicSets sets(canvas, dir.path());
    REQUIRE(sets.load(at(50)).ok());
    CHECK(words(sets.find("blocks")) == Words{"10.0.0.1/32"});
    CHECK(sets.find("blocks")->begin()->second == entry(100, "ticket \"4411\"\n"));
    CHECK(canvas.rows["blocks"][1] == 5000 + 50 * 100 + 1);
    CHECK_FALSE(canvas.rows.contains("scrub")); // packets have no such set yet
    REQUIRE(sets.use(rules, at(50)).ok());
    CHECK(words(sets.find("scrub")) == Words{"2001:db8::/32"});
    CHECK(words(sets.find("brief")).empty());
    CHECK(sets.take_complaints().empty());
}

TEST_CASE("the list of versions that knew @blocks only is taken over") {
    const StateDir dir;
    dir.write("/blocks.json",
              R"({"192.0.2.0/24": {"until": 0, "since": 5, "comment": "c", "who": "w"},
        "10.0.0.1/32": {"until": 1000100}, "10.0.0.2/32": {"until": 1}, "nonsense": {}})");
    for (int round = 0; round < 2; ++round) {
        Canvas canvas;
        DynamicSets sets(canvas, dir.path());
        REQUIRE(sets.load(at(0)).ok());
        CHECK(words(sets.find("blocks")) == Words{"10.0.0.1/32", "192.0.2.0/24"});
        CHECK(sets.find("blocks")->rbegin()->second == DynamicEntry{0, 5, "c", "w"});
        CHECK(sets.take_complaints().empty());
        CHECK_FALSE(std::filesystem::exists(dir.path("/blocks.json")));
    }
    dir.write("/blocks.json", "[");
    Canvas canvas;
    DynamicSets sets(canvas, dir.path());
    REQUIRE(sets.load(at(0)).ok());
    CHECK(sets.take_complaints() == Words{dir.path("/blocks.json") + ": it is not JSON"});
    CHECK(words(sets.find("blocks")).size() == 2);
    CHECK(std::filesystem::exists(dir.path("/blocks.json")));
}

TEST_CASE("a change that was half written is no change, other damage is told and kept") {
    const StateDir dir;
    const std::string whole = R"({"prefix":"10.0.0.1/32","until":0})"
                              "\n";
    dir.write("/dynamic/blocks.jsonl", whole + R"({"prefix":"10.0.0.2/3)");
    {
        Canvas canvas;
        DynamicSets sets(canvas, dir.path());
        REQUIRE(sets.load(at(0)).ok());
        CHECK(sets.take_complaints().empty());
        CHECK(words(sets.find("blocks")) == Words{"10.0.0.1/32"});
        // The next change does not go on behind half a line.
        REQUIRE(sets.add("blocks", prefix("10.0.0.3"), entry(0), at(0)).ok());
    }
    {
        Canvas canvas;
        DynamicSets sets(canvas, dir.path());
        REQUIRE(sets.load(at(0)).ok());
        CHECK(words(sets.find("blocks")) == Words{"10.0.0.1/32", "10.0.0.3/32"});
    }
    const std::string damaged = "[1]\n" + whole + R"({"prefix":"10.0.0.1/8"})" + "\n";
    dir.write("/dynamic/blocks.jsonl", damaged);
    Canvas canvas;
    DynamicSets sets(canvas, dir.path());
    REQUIRE(sets.load(at(0)).ok());
    CHECK(words(sets.find("blocks")) == Words{"10.0.0.1/32"});
    const std::string path = dir.path("/dynamic/blocks.jsonl");
    CHECK(sets.take_complaints() ==
          Words{"2 of 3 lines of " + path + " cannot be read; kept as " + path + ".bad"});
    CHECK(dir.read("/dynamic/blocks.jsonl.bad") == damaged);
    CHECK(std::count(damaged.begin(), damaged.end(), '\n') == 3);
    const std::string now = dir.read("/dynamic/blocks.jsonl");
    CHECK(std::count(now.begin(), now.end(), '\n') == 1);
}

TEST_CASE("the file does not grow with what is over") {
    const StateDir dir;
    Canvas canvas;
    DynamicSets sets(canvas, dir.path());
    REQUIRE(sets.load(at(0)).ok());
    for (int i = 0; i < 1500; ++i) {
        const auto which = prefix("10.0.0." + std::to_string(i % 3));
        REQUIRE(sets.add("blocks", which, entry(i + 2), at(i)).ok());
    }
    const std::string text = dir.read("/dynamic/blocks.jsonl");
    CHECK(std::count(text.begin(), text.end(), '\n') < 1500);
    DynamicSets again(canvas, dir.path());
    REQUIRE(again.load(at(1499)).ok());
    CHECK(again.find("blocks")->size() == 2);
    CHECK(sets.expire(at(1501)).value() == 3);
    CHECK(sets.find("blocks")->empty());
    CHECK(sets.expire(at(1502)).value() == 0);
}

TEST_CASE("a commit loses no entries: sets that it takes away are kept aside") {
    const StateDir dir;
    Canvas canvas;
    DynamicSets sets(canvas, dir.path());
    REQUIRE(sets.load(at(0)).ok());
    REQUIRE(sets.use({dynamic_set("scrub")}, at(0)).ok());
    REQUIRE(sets.add("scrub", prefix("10.0.0.0/25"), entry(100), at(0)).ok());
    REQUIRE(sets.add("scrub", prefix("10.0.0.200"), entry(20), at(0)).ok());
    // The same set again: nothing is told anew.
    const int told = canvas.replacements;
    REQUIRE(sets.use({dynamic_set("scrub", {.ttl_s = 5, .entries_max = 2})}, at(0)).ok());
    CHECK(canvas.replacements == told);
    CHECK(sets.used().at("scrub").ttl_s == 5);

    REQUIRE(sets.use({}, at(10)).ok());
    CHECK_FALSE(canvas.rows["scrub"][0].has_value());
    CHECK_FALSE(sets.used().contains("scrub"));
    CHECK(sets.find("scrub")->size() == 2);
    CHECK(sets.add("scrub", prefix("10.0.0.1"), entry(0), at(10)).error().err == ENOENT);
    CHECK_FALSE(sets.ranges(at(10)).contains("scrub"));
    CHECK(sets.expire(at(30)).value() == 1);
    CHECK_FALSE(canvas.rows["scrub"][200].has_value());

    REQUIRE(sets.use({dynamic_set("scrub")}, at(40)).ok());
    CHECK(canvas.rows["scrub"][1] == 4000 + 60 * 100 + 1);
    CHECK(sets.ranges(at(40)).at("scrub") ==
          std::vector<AddressRange>{range_of(prefix("10.0.0.0/25"))});
    CHECK(sets.ranges(at(100)).at("scrub").empty()); // over, if not yet removed

    // Aside it can be cleared, which ends it.
    REQUIRE(sets.use({}, at(50)).ok());
    CHECK(sets.clear("scrub").value() == 1);
    CHECK(sets.find("scrub") == nullptr);
    CHECK(sets.clear("scrub").error().err == ENOENT);
    CHECK_FALSE(std::filesystem::exists(dir.path("/dynamic/scrub.jsonl")));
    // @blocks needs no rules.
    CHECK(sets.add("blocks", prefix("10.0.0.1"), entry(0), at(50)).ok());
}

TEST_CASE("a full set takes no more entries, but new times for those it has") {
    const StateDir dir;
    Canvas canvas;
    DynamicSets sets(canvas, dir.path());
    REQUIRE(sets.load(at(0)).ok());
    REQUIRE(sets.use({dynamic_set("scrub", {.entries_max = 2})}, at(0)).ok());
    REQUIRE(sets.add("scrub", prefix("10.0.0.1"), entry(10), at(0)).ok());
    REQUIRE(sets.add("scrub", prefix("10.0.0.2"), entry(10), at(0)).ok());
    const auto refused = sets.add("scrub", prefix("10.0.0.3"), entry(10), at(0));
    CHECK(refused.error().err == ENOSPC);
    CHECK(refused.error().message == "set scrub is full: it holds 2 entries, and at most 2");
    CHECK_FALSE(canvas.rows["scrub"][3].has_value());
    REQUIRE(sets.add("scrub", prefix("10.0.0.2"), entry(30), at(0)).ok());
    CHECK(canvas.rows["scrub"][2] == jiffies(30));
    // A lower limit takes nothing away.
    REQUIRE(sets.use({dynamic_set("scrub", {.entries_max = 1})}, at(0)).ok());
    CHECK(sets.find("scrub")->size() == 2);
    CHECK(sets.remove("scrub", prefix("10.0.0.1"), at(0)).value() == std::nullopt);
    CHECK(sets.add("scrub", prefix("10.0.0.1"), entry(10), at(0)).error().err == ENOSPC);
}

TEST_CASE("what the sink refuses has not happened") {
    const StateDir dir;
    Canvas canvas;
    DynamicSets sets(canvas, dir.path());
    REQUIRE(sets.load(at(0)).ok());
    REQUIRE(sets.add("blocks", prefix("10.0.0.1"), entry(10), at(0)).ok());
    canvas.fails = 1;
    CHECK(sets.add("blocks", prefix("10.0.0.0/24"), entry(10), at(0)).error().err == EIO);
    CHECK(words(sets.find("blocks")) == Words{"10.0.0.1/32"});
    CHECK_FALSE(canvas.rows["blocks"][2].has_value());
    canvas.fails = 1;
    CHECK(sets.add("blocks", prefix("10.0.0.1"), entry(90), at(0)).error().err == EIO);
    CHECK(canvas.rows["blocks"][1] == jiffies(10));
    canvas.fails = 1;
    CHECK(sets.remove("blocks", prefix("10.0.0.1"), at(0)).error().err == EIO);
    CHECK(sets.find("blocks")->begin()->second == entry(10));
    canvas.fails = 1;
    CHECK(sets.expire(at(10)).error().err == EIO);
    CHECK(sets.expire(at(11)).value() == 1);
    CHECK(sets.remove("blocks", prefix("10.0.0.1"), at(0)).error().message ==
          "10.0.0.1/32 is not blocked");
    CHECK(sets.add("other", prefix("10.0.0.1"), entry(0), at(0)).error().message ==
          "the running rules have no dynamic set 'other'");
}

TEST_CASE("persist follows the rules") {
    const StateDir dir;
    Canvas canvas;
    DynamicSets sets(canvas, dir.path());
    REQUIRE(sets.load(at(0)).ok());
    REQUIRE(sets.use({dynamic_set("scrub", {.persist = false})}, at(0)).ok());
    REQUIRE(sets.add("scrub", prefix("10.0.0.1"), entry(0), at(0)).ok());
    CHECK_FALSE(std::filesystem::exists(dir.path("/dynamic/scrub.jsonl")));
    REQUIRE(sets.use({dynamic_set("scrub")}, at(0)).ok());
    CHECK(dir.read("/dynamic/scrub.jsonl").find("10.0.0.1/32") != std::string::npos);
    REQUIRE(sets.use({dynamic_set("scrub", {.persist = false})}, at(0)).ok());
    CHECK_FALSE(std::filesystem::exists(dir.path("/dynamic/scrub.jsonl")));
    CHECK(sets.find("scrub")->size() == 1);
}
