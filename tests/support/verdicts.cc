// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/verdicts.h"

#include <cerrno>
#include <cstdlib>

#include <catch2/catch.hpp>

#include "rules/meaning.h"
#include "rules/words.h"

namespace pc::test {

uint64_t number_from(const char* variable, uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::string expected(const RandomCase& world, const Packet& packet) {
    const Meaning meaning = verdict_of(world.rules, world.environment, packet);
    std::string names;
    if (meaning.reason == "block") {
        return "(block)";
    }
    if (!meaning.rule && meaning.reason == to_string(packet.state)) {
        return "(flow)"; // accepted before the rules
    }
    for (const Step& step : meaning.steps) {
        if (step.matched) {
            names += step.rule + " ";
        }
    }
    return names;
}

std::string found(const HostClassifier& host, const Plan& plan, const Packet& packet,
                  uint64_t jiffies) {
    pc_host_question question = question_of(packet, plan);
    question.jiffies = jiffies;
    if (question.own == 0 && host.block(question) != 0) {
        return "(block)";
    }
    const uint64_t accepting = plan.generation.flows.established_zones;
    const bool known = packet.state == PC_STATE_ESTABLISHED || packet.state == PC_STATE_RELATED;
    if (known && (accepting >> question.in_zone & 1) != 0) {
        return "(flow)";
    }
    std::string names;
    for (const pc_host_answer& answer : host.walk(question)) {
        const auto rule = std::find_if(plan.rules.begin(), plan.rules.end(),
                                       [&](const auto& each) { return each.id == answer.rule_id; });
        names += (rule != plan.rules.end() ? rule->name : "?") + " ";
    }
    return names;
}

RandomCase world_of(uint64_t seed, size_t rules_max) {
    return random_rules(seed, {.rules_max = rules_max,
                               .out_rules = seed % 2 == 0,
                               .inspect_rules = seed % 3 == 0,
                               .loose = seed % 5 == 0,
                               .states = seed % 4 < 2,
                               .zoneless = seed % 4 != 0,
                               .own_percent = 5});
}

WideRange wide(const AddressRange& range) {
    AddressList list;
    append(list, range);
    return range.first.family == Family::v4 ? list.v4.front() : list.v6.front();
}

std::vector<TimedRange> timed_ranges(const Plan& plan, const std::vector<DynamicEntry>& entries) {
    std::vector<TimedRange> timed;
    for (size_t i = 0; i < entries.size(); i++) {
        const DynamicEntry& entry = entries[i];
        TimedRange one{.family = entry.range.first.family,
                       .range = wide(entry.range),
                       .deadline = entry.deadline};
        if (entry.set == blocks_set) {
            one.hits = static_cast<uint32_t>(i + 1);
            timed.push_back(one);
            one.hits = 0;
        }
        for (size_t list = 1; list < plan.lists.size(); list++) {
            for (const PlanList::Dynamic& dynamic : plan.lists[list].dynamic) {
                if (dynamic.set != entry.set) {
                    continue;
                }
                one.list = static_cast<uint16_t>(list);
                one.negated = dynamic.negated;
                AddressList part;
                append(part, entry.range);
                if (!dynamic.negated) {
                    part = without(part, plan.lists[list].never);
                }
                for (const WideRange& range : one.family == Family::v4 ? part.v4 : part.v6) {
                    one.range = range;
                    timed.push_back(one);
                }
            }
        }
    }
    return timed;
}

LiveRules::LiveRules(RandomCase world, uint64_t seed, size_t dynamic)
    : world_(std::move(world)), dice_(seed) {
    if (dynamic > 0) {
        for (const char* name : {"dyn0", "dyn1"}) {
            Set set;
            set.name = name;
            set.dynamic = DynamicSet{};
            world_.rules.sets.push_back(set);
            world_.environment.dynamic[name];
        }
    }
    std::vector<Rule>& rules = world_.rules.rules;
    for (size_t i = 0; i < dynamic && !rules.empty(); i++) {
        Match& match = rules.at(dice_.below(static_cast<uint32_t>(rules.size()))).match;
        std::vector<AddressItem>& items = dice_.one_in(2) ? match.src : match.dst;
        items.push_back({.negated = dice_.one_in(3),
                         .set = dice_.one_in(2) ? "dyn0" : "dyn1",
                         .range = {},
                         .at = {}});
    }
    for (size_t i = 0; i < rules.size() / 2; i++) {
        const auto taken = rules.begin() + dice_.below(static_cast<uint32_t>(rules.size()));
        spare_.push_back(*taken);
        rules.erase(taken);
    }
    renumber();
    plan_ = compile(world_.rules, world_.environment, {}).take();
    build();
}

void LiveRules::renumber() {
    for (size_t i = 0; i < world_.rules.rules.size(); i++) {
        world_.rules.rules[i].priority = static_cast<uint32_t>(i * 10 + 10);
    }
}

void LiveRules::build() {
    const auto built =
        host_.build(plan_, timed_ranges(plan_, entries_),
                    (uint64_t{dice_.below(UINT32_MAX)} << 32) + dice_.below(UINT32_MAX));
    INFO((built.ok() ? "" : built.error().message));
    REQUIRE(built.ok());
}

void LiveRules::change_items(std::vector<AddressItem>& items) {
    if (!items.empty() && dice_.one_in(2)) {
        items.erase(items.begin() + dice_.below(static_cast<uint32_t>(items.size())));
    } else {
        items.push_back({.negated = dice_.one_in(5),
                         .set = {},
                         .range = dice_.pick(world_.pools.addresses),
                         .at = {}});
    }
}

void LiveRules::replace_part(Match& match, const Match& from) {
    switch (dice_.below(10)) {
    case 0:
        match.in = from.in;
        break;
    case 1:
        match.src = from.src;
        break;
    case 2:
        match.dst = from.dst;
        break;
    case 3:
        match.proto = from.proto;
        break;
    case 4:
        match.sport = from.sport;
        break;
    case 5:
        match.dport = from.dport;
        break;
    case 6:
        match.tcp_flags = from.tcp_flags;
        match.src_mac = from.src_mac;
        break;
    case 7:
        match.icmp_type = from.icmp_type;
        match.icmp_code = from.icmp_code;
        break;
    case 8:
        match.states = from.states;
        break;
    default:
        match.frags = from.frags;
        match.len = from.len;
        match.dscp = from.dscp;
        match.ttl = from.ttl;
    }
}

void LiveRules::change(Change what) {
    std::vector<Rule>& rules = world_.rules.rules;
    const auto index = [&](size_t size) { return dice_.below(static_cast<uint32_t>(size)); };
    if (rules.empty() || (what == Change::insert && spare_.empty())) {
        Rule rule = rules.empty() ? spare_.at(0) : rules.at(index(rules.size()));
        rule.name = "new" + std::to_string(++names_);
        spare_.push_back(rule);
        what = Change::insert;
    }
    switch (what) {
    case Change::insert: {
        const auto taken = spare_.begin() + index(spare_.size());
        rules.insert(rules.begin() + index(rules.size() + 1), *taken);
        spare_.erase(taken);
        break;
    }
    case Change::remove: {
        const auto taken = rules.begin() + index(rules.size());
        spare_.push_back(*taken);
        rules.erase(taken);
        break;
    }
    case Change::replace: {
        const std::vector<Rule>& from = spare_.empty() || dice_.one_in(2) ? rules : spare_;
        Rule& rule = rules.at(index(rules.size()));
        const std::vector<NumberItem> proto = rule.match.proto;
        replace_part(rule.match, from.at(index(from.size())).match);
        if (rule.action == Action::inspect) {
            rule.match.proto = proto; // the rule file demands TCP or UDP
        }
        break;
    }
    case Change::reorder: {
        const auto taken = rules.begin() + index(rules.size());
        const Rule rule = *taken;
        rules.erase(taken);
        rules.insert(rules.begin() + index(rules.size() + 1), rule);
        break;
    }
    case Change::list: {
        Match& match = rules.at(index(rules.size())).match;
        change_items(dice_.one_in(2) ? match.src : match.dst);
        break;
    }
    case Change::set:
        if (!world_.rules.sets.empty()) {
            Set& set = world_.rules.sets.at(index(world_.rules.sets.size()));
            if (set.type == SetType::prefix && !set.dynamic) {
                change_items(dice_.one_in(4) ? set.exclude : set.addresses);
            } else if (set.type == SetType::port) {
                set.numbers.push_back({.negated = false,
                                       .set = {},
                                       .range = dice_.pick(world_.pools.ports),
                                       .at = {}});
            }
        }
        break;
    case Change::defaults:
        world_.rules.defaults.sample_per_second++;
        break;
    case Change::kinds:
        break;
    }
    renumber();
}

void LiveRules::commit() {
    auto plan = compile(world_.rules, world_.environment, rule_ids(plan_));
    INFO((plan.ok() ? "" : plan.error().message));
    REQUIRE(plan.ok());
    plan_ = plan.take();
    counts.edits++;
    const auto updated = host_.classifier().update(plan_);
    if (!updated) {
        REQUIRE((updated.error().err == EXDEV || updated.error().err == ENOSPC));
        counts.anew++;
        counts.reasons[updated.error().message]++;
        build();
    }
}

void LiveRules::change_dynamic() {
    const uint32_t what = dice_.below(3);
    DynamicEntry changed{.set = dice_.one_in(2) ? "dyn0" : "dyn1",
                         .range = dice_.pick(world_.pools.addresses),
                         .deadline = dice_.one_in(4) ? UINT64_MAX : now_ + dice_.below(20)};
    if (world_.shape.blocks && dice_.one_in(3)) {
        changed.set = blocks_set;
    }
    if (what == 0 && !entries_.empty()) {
        const auto taken = entries_.begin() + dice_.below(static_cast<uint32_t>(entries_.size()));
        changed = *taken;
        entries_.erase(taken);
    } else if (what == 1 && !entries_.empty()) {
        DynamicEntry& entry = entries_.at(dice_.below(static_cast<uint32_t>(entries_.size())));
        entry.deadline = changed.deadline;
        changed = entry;
    } else {
        entries_.push_back(changed);
    }
    // What the daemon tells: all entries that hold any address of the range.
    std::vector<DynamicEntry> told;
    for (const DynamicEntry& entry : entries_) {
        if (!(entry.range.last < changed.range.first) &&
            !(changed.range.last < entry.range.first)) {
            told.push_back(entry);
        }
    }
    counts.dynamic_edits++;
    const auto updated = host_.classifier().update_dynamic(
        changed.range.first.family, wide(changed.range), timed_ranges(plan_, told));
    if (!updated) {
        INFO(updated.error().message);
        REQUIRE((updated.error().err == EXDEV || updated.error().err == ENOSPC));
        counts.dynamic_anew++;
        counts.reasons["dynamic: " + updated.error().message]++;
        build();
    }
    pass_time(0);
}

void LiveRules::pass_time(uint64_t jiffies) {
    now_ += jiffies;
    for (auto& [set, ranges] : world_.environment.dynamic) {
        ranges.clear();
        for (const DynamicEntry& entry : entries_) {
            if (entry.set == set && now_ < entry.deadline) {
                ranges.push_back(entry.range);
            }
        }
    }
}

std::string LiveRules::first_difference(size_t packets) {
    for (size_t i = 0; i < packets; i++) {
        const Packet packet = random_packet(dice_, world_);
        const std::string is = found(host_, plan_, packet, now_);
        const std::string should = expected(world_, packet);
        if (is != should) {
            return "found: " + is + "\nexpected: " + should + "\n" + describe(world_, packet);
        }
    }
    return {};
}

} // namespace pc::test
