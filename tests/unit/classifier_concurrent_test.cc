// SPDX-License-Identifier: GPL-3.0-or-later
// Packets that look up while rules are edited: each sees all of one edit or nothing of it. One
// thread looks up all the time, the other one edits, and waits for a look-up to end before it
// settles, as the daemon does for packets.
#include <atomic>
#include <chrono>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/support/written_rules.h"

namespace pc::test {
namespace {

using Ids = std::vector<uint32_t>;

class Looking {
public:
    Looking(const HostClassifier& host, std::vector<pc_host_question> questions,
            std::set<Ids> allowed)
        : host_(host), questions_(std::move(questions)), allowed_(std::move(allowed)),
          thread_([this] { run(); }) {}

    ~Looking() { stop(); }

    Looking(const Looking&) = delete;
    Looking& operator=(const Looking&) = delete;
    Looking(Looking&&) = delete;
    Looking& operator=(Looking&&) = delete;

    // No look-up is under way that was before.
    void wait() const {
        const uint64_t before = turns_.load();
        while (turns_.load() < before + 2 && !wrong_.load()) {
            std::this_thread::yield();
        }
    }

    void stop() {
        stop_ = true;
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    [[nodiscard]] bool wrong() const { return wrong_.load(); }

    // After stop().
    [[nodiscard]] const Ids& seen_wrong() const { return seen_wrong_; }

    [[nodiscard]] const std::set<Ids>& seen() const { return seen_; }

private:
    void run() {
        while (!stop_) {
            for (const pc_host_question& question : questions_) {
                Ids ids;
                for (const pc_host_answer& answer : host_.walk(question)) {
                    ids.push_back(answer.rule_id);
                }
                if (!allowed_.contains(ids)) {
                    seen_wrong_ = ids;
                    wrong_ = true;
                    return;
                }
                seen_.insert(ids);
                turns_++;
            }
        }
    }

    const HostClassifier& host_;
    std::vector<pc_host_question> questions_;
    std::set<Ids> allowed_;
    std::set<Ids> seen_;
    Ids seen_wrong_;
    std::atomic<uint64_t> turns_ = 0;
    std::atomic<bool> stop_ = false, wrong_ = false;
    std::thread thread_;
};

pc_host_question asked(const WrittenRules& rules, const char* source, uint16_t dport) {
    Packet packet;
    packet.in = "wan";
    packet.src = packet.dst = parse_address(source).value();
    packet.sport = 40000;
    packet.dport = dport;
    packet.tcp_flags = 2;
    return question_of(packet, rules.plan);
}

Ids ids_of(const WrittenRules& rules, const std::vector<std::string>& names) {
    const RuleIds known = rule_ids(rules.plan);
    Ids ids;
    for (const std::string& name : names) {
        ids.push_back(known.at(name));
    }
    return ids;
}

// Rules that are between those that change, so that a look-up takes its time.
std::string filling(const std::string& prefix) {
    std::string text;
    for (unsigned i = 0; i < 40; i++) {
        const std::string name = prefix + std::to_string(i);
        text +=
            counting(name, "src = \"203.0." + std::to_string(i) + ".0/" +
                               std::to_string(24 + i % 8) + "\"\nproto = \"udp\"\ndport = \"" +
                               std::to_string(i * 100) + "-" + std::to_string(i * 300 + 7) + "\"");
    }
    return text;
}

// Flips between two texts by edits while packets look up; how many edits there were.
size_t flip(WrittenRules& rules, Looking& looking, const std::array<std::string, 2>& texts) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(number_from("PC_MS", 1200));
    size_t edits = 0;
    while (std::chrono::steady_clock::now() < end && !looking.wrong()) {
        edits++;
        const auto edited = rules.edit(texts.at(edits % 2));
        INFO((edited.ok() ? "" : edited.error().message));
        REQUIRE(edited.ok());
        if (edits % 3 == 0) {
            looking.wait();
            rules.host.classifier().settle();
        }
    }
    looking.stop();
    return edits;
}

} // namespace

TEST_CASE("a packet never meets one rule of a commit and misses another") {
    const auto text = [](const std::string& name) {
        return counting(name + "-first", "src = \"10.0.0.0/8\"") + filling("f") +
               counting(name + "-mid", "proto = \"tcp\"\ndport = [80, 443]") + filling("g") +
               counting(name + "-six", "src = \"2001:db8::/48\"") +
               counting(name + "-last", "src = [\"10.1.0.0/16\", \"192.0.2.0/24\"]");
    };
    const std::array<std::string, 2> texts{text("a"), text("b")};
    WrittenRules rules(texts[0]);
    std::set<Ids> allowed{ids_of(rules, {"a-first", "a-mid", "a-last"}), ids_of(rules, {"a-six"})};
    REQUIRE(rules.edit(texts[1]).ok());
    allowed.insert(ids_of(rules, {"b-first", "b-mid", "b-last"}));
    allowed.insert(ids_of(rules, {"b-six"}));
    Looking looking(rules.host, {asked(rules, "10.1.2.3", 443), asked(rules, "2001:db8::1", 7)},
                    allowed);
    const size_t edits = flip(rules, looking, texts);
    INFO("after " << edits << " edits");
    CHECK(looking.seen_wrong() == Ids{});
    CHECK_FALSE(looking.wrong());
    CHECK(looking.seen() == allowed);
    CHECK(edits > 20);
}

TEST_CASE("two rules that change places are never both there or both gone") {
    const auto text = [](unsigned flip) {
        const auto rule = [](const std::string& name, unsigned which) {
            const std::string ports[] = {"\"100-200\"", "[150, 160, 170]", "\"140-160\"", "8"};
            return counting(name, "proto = \"tcp\"\ndport = " + ports[which]);
        };
        return rule("x", flip == 0 ? 0 : 3) + filling("f") + rule("y", flip == 0 ? 3 : 1) +
               filling("g") +
               counting("z", flip == 0 ? "src = \"10.2.0.0/16\"" : "src = \"10.3.0.0/16\"");
    };
    const std::array<std::string, 2> texts{text(0), text(1)};
    WrittenRules rules(texts[0]);
    const std::set<Ids> allowed{ids_of(rules, {"x"}), ids_of(rules, {"y"}),
                                ids_of(rules, {"x", "z"})};
    Looking looking(rules.host, {asked(rules, "10.1.2.3", 150), asked(rules, "10.2.2.3", 150)},
                    allowed);
    const size_t edits = flip(rules, looking, texts);
    INFO("after " << edits << " edits");
    CHECK(looking.seen_wrong() == Ids{});
    CHECK_FALSE(looking.wrong());
    CHECK(looking.seen() == allowed);
    CHECK(edits > 20);
}

TEST_CASE("an address that moves from one list to another is always in one of them") {
    const auto text = [](const std::string& one, const std::string& two) {
        return "[set.one]\nitems = [\"192.0.2.0/24\", \"2001:db8:1::/48\", \"" + one +
               "\"]\n[set.two]\nitems = [\"198.51.100.0/24\", \"2001:db8:2::/48\", \"" + two +
               "\"]\n" + counting("x", "src = \"@one\"") + filling("f") +
               counting("y", "src = \"@two\"");
    };
    const std::array<std::string, 2> texts{text("10.0.0.0/8", "172.16.0.0/12"),
                                           text("172.16.0.0/12", "10.0.0.0/8")};
    WrittenRules rules(texts[0]);
    const std::set<Ids> allowed{ids_of(rules, {"x"}), ids_of(rules, {"y"})};
    Looking looking(rules.host,
                    {asked(rules, "10.1.2.3", 150), asked(rules, "172.16.0.0", 150),
                     asked(rules, "192.0.2.1", 1), asked(rules, "2001:db8:2::", 1)},
                    allowed);
    const size_t edits = flip(rules, looking, texts);
    INFO("after " << edits << " edits");
    CHECK(looking.seen_wrong() == Ids{});
    CHECK_FALSE(looking.wrong());
    CHECK(looking.seen() == allowed);
    CHECK(edits > 20);
}

TEST_CASE("an address that moves from one dynamic set to another is always in one of them") {
    WrittenRules rules("[set.dyn0]\ndynamic = true\n[set.dyn1]\ndynamic = true\n" +
                       counting("x", "src = \"@dyn0\"") + filling("f") +
                       counting("y", "src = \"@dyn1\""));
    const std::set<Ids> allowed{ids_of(rules, {"x"}), ids_of(rules, {"y"})};
    const std::array<DynamicEntry, 2> entries{DynamicEntry{"dyn0", range("10.0.0.0/8"), UINT64_MAX},
                                              DynamicEntry{"dyn1", range("10.0.0.0/8"), 5}};
    REQUIRE(rules.hold({entries[0]}, entries[0].range).ok());
    Looking looking(rules.host, {asked(rules, "10.1.2.3", 150), asked(rules, "10.255.0.0", 1)},
                    allowed);
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(number_from("PC_MS", 1200));
    size_t edits = 0;
    while (std::chrono::steady_clock::now() < end && !looking.wrong()) {
        edits++;
        // Of the same addresses, and of some inside that change nothing.
        const DynamicEntry inner{"dyn0", range("10.1.2.0/24"), edits};
        std::vector<DynamicEntry> told{entries.at(edits / 2 % 2)};
        if (edits % 2 == 0 && edits / 2 % 2 == 0) {
            told.push_back(inner);
        }
        const auto held = rules.hold(told, entries[0].range);
        if (!held) {
            CHECK(held.error().err == ENOSPC); // the daemon builds anew
            break;
        }
        if (edits % 3 == 0) {
            looking.wait();
            rules.host.classifier().settle();
        }
    }
    looking.stop();
    INFO("after " << edits << " edits");
    CHECK(looking.seen_wrong() == Ids{});
    CHECK_FALSE(looking.wrong());
    CHECK(looking.seen() == allowed);
    CHECK(edits > 20);
}

} // namespace pc::test
