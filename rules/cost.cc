// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/cost.h"

#include <algorithm>

#include "rules/cost_search.h"

namespace pc {

namespace {

constexpr size_t tries_of_points = 1024; // packets of the rows that were found
constexpr size_t tries_of_field = 96;    // and then of other rows, one field at a time
constexpr int turns = 2;
// Of each search, see CostSearch: some 3 ns each.
constexpr uint64_t usual_steps = 16'000'000;
constexpr uint64_t steps_of_rule = 400;
constexpr uint64_t thorough_steps = 1'000'000'000;

using Found = CostSearch::Found;

// The fields of a packet in the search's order.
struct Choice {
    std::array<const CostField*, cost_fields> fields{};
};

Choice choice_of(const CostReach& reach, size_t kind) {
    return {{&reach.addresses(Side::src), &reach.addresses(Side::dst),
             &reach.ports(Side::src, kind), &reach.ports(Side::dst, kind), &reach.protos(kind),
             &reach.zones()}};
}

void put(CostPacket& packet, size_t field, WideAddress value) {
    switch (field) {
    case 0:
        packet.src = value;
        break;
    case 1:
        packet.dst = value;
        break;
    case 2:
        packet.sport = static_cast<uint32_t>(value);
        break;
    case 3:
        packet.dport = static_cast<uint32_t>(value);
        break;
    case 4:
        packet.proto = static_cast<uint8_t>(value);
        break;
    default:
        packet.zone = static_cast<uint8_t>(value);
        break;
    }
}

// Looks for a packet that costs as much as the bound says, among those near to what gave the bound.
class Witness {
public:
    using Measure = uint32_t PacketCost::*;

    Witness(const CostReach& reach, Measure measure, uint64_t bound)
        : reach_(reach), measure_(measure), bound_(bound) {}

    void look(const Choice& choice, const std::array<size_t, cost_fields>& rows) {
        try_points(choice, rows);
        for (int turn = 0; turn < turns && !is_found(); turn++) {
            for (size_t field = 0; field < rows.size(); field++) {
                try_field(*choice.fields.at(field), field);
            }
        }
    }

    [[nodiscard]] bool is_found() const { return best_.*measure_ >= bound_; }

    [[nodiscard]] const CostPacket& packet() const { return packet_; }

    [[nodiscard]] const PacketCost& cost() const { return best_; }

private:
    void attempt(const CostPacket& packet) {
        const PacketCost cost = reach_.cost_of(packet);
        if (cost.*measure_ > best_.*measure_) {
            best_ = cost;
            packet_ = packet;
        }
    }

    // All values of the rows with each other.
    void try_points(const Choice& choice, const std::array<size_t, cost_fields>& rows) {
        std::array<size_t, cost_fields> at{};
        for (size_t i = 0; i < tries_of_points && !is_found(); i++) {
            CostPacket packet;
            for (size_t field = 0; field < rows.size(); field++) {
                const CostField::Points& points = choice.fields.at(field)->points[rows.at(field)];
                put(packet, field, points.value.at(at.at(field)));
            }
            if (i == 0) {
                packet_ = packet;
            }
            attempt(packet);
            size_t field = 0;
            for (; field < rows.size(); field++) {
                const size_t count = choice.fields.at(field)->points[rows.at(field)].count;
                if (++at.at(field) < count) {
                    break;
                }
                at.at(field) = 0;
            }
            if (field == rows.size()) {
                return;
            }
        }
    }

    void try_field(const CostField& of, size_t field) {
        const CostPacket from = packet_;
        const size_t step = std::max<size_t>(of.points.size() / tries_of_field, 1);
        for (size_t row = 0; row < of.points.size() && !is_found(); row += step) {
            for (size_t i = 0; i < of.points[row].count; i++) {
                CostPacket packet = from;
                put(packet, field, of.points[row].value.at(i));
                attempt(packet);
            }
        }
    }

    const CostReach& reach_;
    Measure measure_;
    uint64_t bound_;
    CostPacket packet_;
    PacketCost best_;
};

// The rules of those tuples: what is in the longest chains first, then what is in the smallest
// tuples, which are the cheapest to do without.
std::vector<uint32_t> rules_of(const Classifier& classifier, const CostReach& reach, Family family,
                               const std::vector<uint64_t>& tuples) {
    struct Suspect {
        uint32_t chain = 0;
        uint32_t tuple = 0;
        uint32_t rule = 0;
    };

    const pc_tables& tables = classifier.tables(family).tables();
    std::vector<Suspect> suspects;
    std::vector<uint32_t> count(tuples.size() * 64);
    for (const auto& rule : classifier.rules()) {
        for (const auto& [of, place] : rule->entries) {
            if (of != family) {
                continue;
            }
            const auto bucket = classifier.image().read<pc_bucket>(place.bucket);
            const uint32_t tuple = bucket.tag[place.index] >> 16;
            if (tuple >= count.size() || (tuples[tuple / 64] >> (tuple % 64) & 1) == 0) {
                continue;
            }
            count[tuple]++;
            const auto number =
                static_cast<uint32_t>((place.bucket - tables.buckets) / sizeof(pc_bucket));
            suspects.push_back({reach.chain_of(number), tuple, rule->id});
        }
    }
    std::stable_sort(suspects.begin(), suspects.end(), [&](const Suspect& a, const Suspect& b) {
        return a.chain != b.chain ? a.chain > b.chain : count[a.tuple] < count[b.tuple];
    });
    std::vector<uint32_t> rules;
    for (const Suspect& suspect : suspects) {
        if (rules.size() < blamed_max &&
            std::find(rules.begin(), rules.end(), suspect.rule) == rules.end()) {
            rules.push_back(suspect.rule);
        }
    }
    return rules;
}

Found search(const CostReach& reach, const std::vector<uint32_t>& weights, uint64_t steps_max) {
    CostSearch search(weights, reach.words(), steps_max);
    for (size_t kind = 0; kind < CostReach::kinds; kind++) {
        const Choice choice = choice_of(reach, kind);
        CostSearch::Fields fields;
        for (size_t i = 0; i < fields.size(); i++) {
            fields.at(i).rows = &choice.fields.at(i)->rows;
        }
        search.add(fields, kind);
    }
    return search.run();
}

// The tuples that rows of all fields have.
std::vector<uint64_t> tuples_of(const Choice& choice, const Found& found, size_t words) {
    std::vector<uint64_t> tuples(words, ~uint64_t{0});
    for (size_t i = 0; i < cost_fields; i++) {
        for (size_t word = 0; word < words; word++) {
            tuples[word] &= choice.fields.at(i)->rows[found.rows.at(i) * words + word];
        }
    }
    return tuples;
}

FamilyCost family_cost(const Classifier& classifier, Family family, uint64_t steps_max) {
    FamilyCost cost;
    const CostReach reach(classifier, family);
    if (reach.words() == 0) {
        return cost;
    }
    cost.longest_chain = reach.longest_chain();
    const Found buckets = search(reach, reach.buckets(), steps_max);
    const std::vector<uint32_t> ones(reach.words() * 64, 1);
    const Found candidates = reach.longest_chain() > 1 ? search(reach, ones, steps_max) : buckets;
    cost.tuples = static_cast<uint32_t>(std::min(candidates.bound, buckets.bound));
    const Choice choice = choice_of(reach, buckets.alternative);
    Witness reads(reach, &PacketCost::buckets, buckets.bound);
    reads.look(choice, buckets.rows);
    cost.buckets = static_cast<uint32_t>(buckets.bound);
    cost.buckets_found = reads.cost().buckets;
    cost.worst = reads.packet();
    const std::vector<uint64_t> tuples = tuples_of(choice, buckets, reach.words());
    cost.rules = rules_of(classifier, reach, family, tuples);
    const Found records = search(reach, reach.records(), steps_max);
    Witness asks(reach, &PacketCost::records, records.bound);
    asks.look(choice_of(reach, records.alternative), records.rows);
    cost.records = static_cast<uint32_t>(records.bound);
    cost.records_found = asks.cost().records;
    return cost;
}

FamilyCost grown(const FamilyCost& before, const Growth::Family& growth) {
    FamilyCost cost = before;
    cost.tuples += growth.tuples;
    cost.longest_chain = std::max(before.longest_chain, growth.longest);
    // Each new candidate reads a chain, and each candidate's chain may be one that has grown; but
    // no chain is longer than the longest.
    cost.buckets += growth.tuples * cost.longest_chain + growth.overflow * cost.tuples;
    cost.buckets = std::min(cost.buckets, cost.tuples * cost.longest_chain);
    cost.records += growth.entries;
    return cost;
}

} // namespace

ClassifierCost cost_of(const Classifier& classifier, CostEffort effort) {
    const uint64_t steps = effort == CostEffort::thorough
                               ? thorough_steps
                               : usual_steps + steps_of_rule * classifier.rules().size();
    return {.v4 = family_cost(classifier, Family::v4, steps),
            .v6 = family_cost(classifier, Family::v6, steps)};
}

Result<ClassifierCost> cost_of_new(const Plan& plan, uint32_t budget) {
    constexpr uint64_t seed = 0x9e3779b97f4a7c15; // nobody sends packets to it
    const auto classifier = TRY(Classifier::build(plan, {}, seed));
    ClassifierCost cost = cost_of(*classifier);
    if (cost.buckets() > budget) {
        cost = cost_of(*classifier, CostEffort::thorough);
    }
    return cost;
}

ClassifierCost grown(const ClassifierCost& before, const Growth& growth) {
    return {.v4 = grown(before.v4, growth.v4), .v6 = grown(before.v6, growth.v6)};
}

} // namespace pc
