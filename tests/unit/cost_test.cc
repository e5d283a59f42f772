// SPDX-License-Identifier: GPL-3.0-or-later
// The cost of the worst packet against what packets cost: no packet may cost more, and where the
// answer says it is exact, the packet that it gives costs that much.
#include "rules/cost.h"

#include <catch2/catch.hpp>

#include "rules/cost_search.h"
#include "tests/support/verdicts.h"
#include "tests/support/written_rules.h"

namespace pc::test {
namespace {

void copy_address(WideAddress address, Family family, __be32 (&to)[4]) {
    std::array<uint8_t, 16> bytes{};
    for (size_t i = 0; i < bytes.size(); i++) {
        bytes.at(i) = static_cast<uint8_t>(address >> (120 - 8 * i));
    }
    std::memcpy(to, bytes.data(), family == Family::v4 ? 4 : 16);
}

pc_host_question asked(const CostPacket& packet, Family family) {
    pc_host_question question{};
    pc_packet& p = question.packet;
    copy_address(packet.src, family, p.saddr);
    copy_address(packet.dst, family, p.daddr);
    p.family = family == Family::v4 ? 4 : 6;
    p.proto = packet.proto;
    p.frag = PC_FRAG_NONE;
    if (packet.sport < PC_PORT_ICMP) {
        p.flags = PC_PKT_HAS_PORTS;
        p.sport = static_cast<uint16_t>(packet.sport);
        p.dport = static_cast<uint16_t>(packet.dport);
    } else if (packet.sport < PC_PORT_NONE) {
        p.flags = PC_PKT_HAS_ICMP;
        p.icmp_type = static_cast<uint8_t>(packet.sport - PC_PORT_ICMP);
        p.icmp_code = static_cast<uint8_t>(packet.dport - PC_PORT_ICMP);
    }
    question.in_zone = packet.zone;
    return question;
}

// One value on either side of each point where a field's class changes.
std::vector<WideAddress> points_of(const CostField& field) {
    std::vector<WideAddress> points;
    for (const CostField::Points& row : field.points) {
        points.insert(points.end(), row.value.begin(),
                      row.value.begin() + static_cast<ptrdiff_t>(row.count));
    }
    return points;
}

void check_bound(const HostClassifier& host, const ClassifierCost& cost, const CostPacket& packet,
                 Family family) {
    const pc_host_reads real = host.cost(asked(packet, family));
    REQUIRE(real.buckets <= cost.of(family).buckets);
    REQUIRE(real.records <= cost.of(family).records);
}

// The cost that is claimed is met by the look-up, and no random packet costs more. Where entries
// come and go by their time, the claimed one may be of another moment.
void check_cost(HostClassifier& host, const Plan& plan, const RandomCase& world, Dice& dice,
                size_t packets) {
    const ClassifierCost cost = cost_of(host.classifier());
    const bool is_timed = std::any_of(plan.lists.begin(), plan.lists.end(),
                                      [](const PlanList& list) { return !list.dynamic.empty(); });
    for (const Family family : {Family::v4, Family::v6}) {
        const FamilyCost& of = cost.of(family);
        const uint32_t met = host.cost(asked(of.worst, family)).buckets;
        REQUIRE((is_timed || met == of.buckets_found));
        REQUIRE(met <= of.buckets);
        REQUIRE(of.buckets_found <= of.buckets);
        REQUIRE(of.records_found <= of.records);
        REQUIRE(of.buckets >= of.tuples);
    }
    for (size_t k = 0; k < packets; k++) {
        const Packet packet = random_packet(dice, world);
        const pc_host_reads real = host.cost(question_of(packet, plan));
        const FamilyCost& of = cost.of(packet.src.family);
        INFO(describe(world, packet));
        REQUIRE(real.buckets <= of.buckets);
        REQUIRE(real.records <= of.records);
    }
}

// Rules with one list of ports after another, as many kinds of them as there are lengths.
std::string rules_of_kinds(size_t kinds, const std::string& head = "") {
    std::string text = head;
    for (size_t i = 0; i < kinds; i++) {
        text += "[[rule]]\nname = \"r" + std::to_string(i) + "\"\nsrc = \"10.0.0.0/" +
                std::to_string(8 + i) + "\"\naction = \"drop\"\n";
    }
    return text;
}

} // namespace

TEST_CASE("no packet costs more than the worst one, with random rules") {
    const uint64_t seed = number_from("PC_SEED", 1);
    const uint64_t sets = number_from("PC_SETS", 40);
    for (uint64_t i = 0; i < sets; i++) {
        INFO("PC_SEED=" << seed + i << " PC_SETS=1");
        const RandomCase world = world_of(seed + i, 8 + i % 90);
        const auto plan = compile(world.rules, world.environment, {});
        REQUIRE(plan.ok());
        HostClassifier host;
        REQUIRE(host.build(plan.value(), {}, seed * 77 + i).ok());
        Dice dice(seed + i);
        check_cost(host, plan.value(), world, dice, 400);
    }
}

TEST_CASE("the bound holds while rules are edited") {
    const uint64_t seed = number_from("PC_SEED", 1);
    for (uint64_t i = 0; i < 3; i++) {
        LiveRules live(world_of(seed + i, 60), seed + i, 2);
        for (size_t k = 0; k < 40; k++) {
            INFO("PC_SEED=" << seed + i << " step " << k);
            live.change(static_cast<LiveRules::Change>(live.dice().below(6)));
            live.commit();
            live.change_dynamic();
            check_cost(live.host(), live.plan(), live.world(), live.dice(), 40);
            if (live.dice().one_in(3)) {
                live.settle();
            }
        }
    }
}

// The bound that the daemon has at hand right after an edit.
TEST_CASE("what an edit adds bounds what packets cost after it") {
    const std::string text = rules_of_kinds(6);
    WrittenRules rules(text);
    ClassifierCost bound = cost_of(rules.host.classifier());
    size_t edits = 0;
    for (size_t i = 0; i < 60; i++) {
        INFO("edit " << i);
        const std::string more = "[[rule]]\nname = \"more\"\ndst = \"192.0.2." + std::to_string(i) +
                                 "\"\nsrc = \"10.0.0.0/" + std::to_string(8 + i % 20) +
                                 "\"\naction = \"drop\"\n";
        rules.read(text + more);
        const auto updated = rules.host.classifier().update(rules.plan, [&](const Growth& growth) {
            bound = grown(bound, growth);
            return Result<void>();
        });
        if (!updated) {
            break; // built anew
        }
        edits++;
        const ClassifierCost now = cost_of(rules.host.classifier());
        REQUIRE(now.v4.buckets <= bound.v4.buckets);
        REQUIRE(now.v4.records <= bound.v4.records);
        REQUIRE(now.v4.tuples <= bound.v4.tuples);
        REQUIRE(now.v4.longest_chain <= bound.v4.longest_chain);
    }
    CHECK(edits > 10);
}

TEST_CASE("of few rules every combination of fields costs at most the bound, and one costs it") {
    size_t exact = 0;
    for (uint64_t seed = 1; seed <= 25; seed++) {
        INFO("seed " << seed);
        const RandomCase world = world_of(seed, 6);
        const auto plan = compile(world.rules, world.environment, {});
        REQUIRE(plan.ok());
        HostClassifier host;
        REQUIRE(host.build(plan.value(), {}, seed).ok());
        const ClassifierCost cost = cost_of(host.classifier());
        for (const Family family : {Family::v4, Family::v6}) {
            const CostReach reach(host.classifier(), family);
            uint32_t most = 0;
            for (size_t kind = 0; reach.words() != 0 && kind < CostReach::kinds; kind++) {
                CostPacket packet;
                for (const WideAddress src : points_of(reach.addresses(Side::src))) {
                    for (const WideAddress dst : points_of(reach.addresses(Side::dst))) {
                        packet.src = src;
                        packet.dst = dst;
                        packet.zone = static_cast<uint8_t>(src >> 96 & 3);
                        for (const WideAddress dport : points_of(reach.ports(Side::dst, kind))) {
                            packet.dport = static_cast<uint32_t>(dport);
                            packet.sport = static_cast<uint32_t>(
                                reach.ports(Side::src, kind).points.back().value[0]);
                            packet.proto =
                                static_cast<uint8_t>(reach.protos(kind).points[0].value[0]);
                            check_bound(host, cost, packet, family);
                            most = std::max(most, host.cost(asked(packet, family)).buckets);
                        }
                    }
                }
            }
            REQUIRE(most <= cost.of(family).buckets);
            exact += cost.of(family).buckets == cost.of(family).buckets_found ? 1 : 0;
        }
    }
    CHECK(exact >= 48);
}

TEST_CASE("each kind of rule that one packet can meet costs a bucket") {
    WrittenRules rules(rules_of_kinds(9));
    const ClassifierCost cost = cost_of(rules.host.classifier());
    CHECK(cost.v4.tuples == 9);
    CHECK(cost.v4.buckets >= 9);
    CHECK(cost.v4.buckets_found == cost.v4.buckets);
    CHECK(cost.v6.buckets == 0);
    CHECK(to_string(cost) == "worst packet: " + std::to_string(cost.v4.buckets) +
                                 " buckets, 0 records (IPv4), 0, 0 (IPv6)");
}

TEST_CASE("rules of one kind cost one bucket, however many they are") {
    std::string text;
    for (size_t i = 0; i < 200; i++) {
        text += "[[rule]]\nname = \"r" + std::to_string(i) + "\"\nsrc = \"10.0." +
                std::to_string(i) + ".0/24\"\naction = \"drop\"\n";
    }
    WrittenRules rules(text);
    const ClassifierCost cost = cost_of(rules.host.classifier());
    CHECK(cost.v4.tuples == 1);
    CHECK(cost.v4.buckets <= cost.v4.longest_chain);
}

TEST_CASE("rules that only differ in what no key holds are asked one after another") {
    std::string text;
    for (size_t i = 0; i < 7; i++) {
        text += "[[rule]]\nname = \"r" + std::to_string(i) +
                "\"\nsrc = \"10.0.0.0/24\"\nttl = " + std::to_string(10 + i) +
                "\naction = \"drop\"\n";
    }
    WrittenRules rules(text);
    const ClassifierCost cost = cost_of(rules.host.classifier());
    CHECK(cost.v4.records == 7);
    CHECK(cost.v4.records_found == 7);
    CHECK(cost.v4.buckets == 4);
    CHECK(cost.v4.buckets_found == 4);
}

TEST_CASE("what a dynamic set may come to hold counts before it holds anything") {
    WrittenRules rules("[set.bad]\ndynamic = true\n[[rule]]\nname = \"bad\"\n"
                       "src = \"@bad\"\naction = \"drop\"\n");
    CHECK(cost_of(rules.host.classifier()).v4.buckets == 1);
}

TEST_CASE("over the budget is an error that names rules, the place and what to do") {
    const std::string text = rules_of_kinds(9, "[safety]\nlookup_budget = 5\n");
    WrittenRules rules(text);
    const ClassifierCost cost = cost_of(rules.host.classifier());
    const auto error = over_budget(cost, rules.world.rules, rules.plan);
    REQUIRE(error);
    CHECK(error->code == "E073");
    CHECK(error->at.line > 0);
    CHECK(error->message.find("lookup_budget is 5") != std::string::npos);
    REQUIRE(error->notes.size() == 6);
    CHECK(error->notes[1].text.find("rule 'r") != std::string::npos);
    CHECK_FALSE(error->help.empty());
    rules.world.rules.safety.lookup_budget = cost.buckets();
    CHECK_FALSE(over_budget(cost, rules.world.rules, rules.plan));
    rules.world.rules.safety.lookup_budget = cost.buckets() - 1;
    CHECK(over_budget(cost, rules.world.rules, rules.plan));
}

TEST_CASE("with too few steps the search says a bound that is not below the truth") {
    Dice dice(7);
    for (int turn = 0; turn < 60; turn++) {
        std::array<std::vector<uint64_t>, cost_fields> rows;
        for (auto& field : rows) {
            for (uint32_t i = dice.between(1, 6); i > 0; i--) {
                field.push_back(dice.below(0xffffffff) | uint64_t{dice.below(0xffffffff)} << 32);
            }
        }
        std::vector<uint32_t> weights(64);
        for (uint32_t& weight : weights) {
            weight = dice.below(4);
        }
        uint64_t truth = 0;
        std::array<size_t, cost_fields> at{};
        for (bool more = true; more;) {
            uint64_t left = ~uint64_t{0};
            for (size_t i = 0; i < cost_fields; i++) {
                left &= rows.at(i)[at.at(i)];
            }
            uint64_t weight = 0;
            for (size_t i = 0; i < 64; i++) {
                weight += (left >> i & 1) != 0 ? weights[i] : 0;
            }
            truth = std::max(truth, weight);
            size_t field = 0;
            for (; field < cost_fields && ++at.at(field) == rows.at(field).size(); field++) {
                at.at(field) = 0;
            }
            more = field < cost_fields;
        }
        for (const uint64_t steps : {uint64_t{0}, uint64_t{300}, uint64_t{1} << 40}) {
            CostSearch search(weights, 1, steps);
            CostSearch::Fields fields;
            for (size_t i = 0; i < cost_fields; i++) {
                fields.at(i).rows = &rows.at(i);
            }
            search.add(fields, 3);
            const CostSearch::Found found = search.run();
            REQUIRE(found.weight <= truth);
            REQUIRE(found.bound >= truth);
            if (steps > 1000) {
                REQUIRE(found.weight == truth);
                REQUIRE(found.bound == truth);
            }
        }
    }
}

} // namespace pc::test
