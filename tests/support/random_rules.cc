// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/random_rules.h"

#include <algorithm>

#include "rules/words.h"
#include "tests/support/random_pools.h"

namespace pc::test {

namespace {

const std::vector<uint8_t> port_protocols{6, 6, 6, 17, 17, 132, 136, 33};
const std::vector<uint8_t> protocols{6,   6,  6,  17, 17, 17, 1,  58, 132,
                                     136, 33, 47, 50, 51, 2,  89, 255};

// ---- items

bool negation(Dice& dice) {
    return dice.one_in(5);
}

std::string word(const NumberItem& item) {
    return word_of(item, NumberKind::plain);
}

template <typename Item>
std::string word(const Item& item) {
    return word_of(item);
}

// A repeated item is no error, but the parser leaves it out.
template <typename Item>
void drop_repeated(std::vector<Item>& items) {
    std::vector<std::string> seen;
    std::vector<Item> kept;
    for (const Item& item : items) {
        if (std::find(seen.begin(), seen.end(), word(item)) == seen.end()) {
            seen.push_back(word(item));
            kept.push_back(item);
        }
    }
    items = kept;
}

template <typename Item>
void make_positive(std::vector<Item>& items) {
    for (Item& item : items) {
        item.negated = false;
    }
}

std::vector<std::string> names_of(const RuleSet& rules, SetType type) {
    std::vector<std::string> names;
    for (const Set& set : rules.sets) {
        if (set.type == type) {
            names.push_back(set.name);
        }
    }
    return names;
}

AddressItem random_address_item(Dice& dice, const RandomCase& world, bool built_in) {
    AddressItem item;
    item.negated = negation(dice);
    std::vector<std::string> sets = names_of(world.rules, SetType::prefix);
    if (built_in) {
        sets.insert(sets.end(), {"self", "local", "bogons", "any", "management"});
    }
    if (!sets.empty() && dice.one_in(3)) {
        item.set = dice.pick(sets);
    } else {
        item.range = dice.pick(world.pools.addresses);
    }
    return item;
}

std::vector<AddressItem> random_address_items(Dice& dice, const RandomCase& world, uint32_t max) {
    std::vector<AddressItem> items;
    for (uint32_t i = dice.between(1, max); i > 0; --i) {
        items.push_back(random_address_item(dice, world, true));
    }
    drop_repeated(items);
    return items;
}

std::vector<NumberItem> random_number_items(Dice& dice, const std::vector<NumberRange>& pool,
                                            const std::vector<std::string>& sets, uint32_t max) {
    std::vector<NumberItem> items;
    for (uint32_t i = dice.between(1, max); i > 0; --i) {
        NumberItem item;
        item.negated = negation(dice);
        if (!sets.empty() && dice.one_in(4)) {
            item.set = dice.pick(sets);
        } else {
            item.range = dice.pick(pool);
        }
        items.push_back(item);
    }
    drop_repeated(items);
    return items;
}

NumberItem number_item(uint32_t value) {
    return {false, {}, {value, value}, {}};
}

// ---- zones, sets, inspectors

void add_zones(Dice& dice, RandomCase& world) {
    const std::vector<Zone> all{{"wan", {"wan0"}, {}, {}, {}, false, false, {}, {}},
                                {"lan", {"lan0"}, {PC_VLAN_NONE}, {}, {}, false, false, {}, {}},
                                {"guest", {"lan0"}, {30, 31}, {}, {}, false, false, {}, {}},
                                {"dmz", {"dmz0", "dmz1"}, {}, {}, {}, false, false, {}, {}}};
    const uint32_t count = dice.between(1, 4);
    for (uint32_t i = 0; i < count; ++i) {
        Zone zone = all.at(i);
        if (dice.one_in(2)) {
            zone.default_action = dice.one_in(2) ? Action::accept : Action::drop;
        }
        zone.established = world.shape.states && dice.one_in(4);
        if (dice.one_in(3)) {
            zone.prefixes.push_back({false, {}, dice.pick(world.pools.addresses), {}});
        }
        world.rules.zones.push_back(zone);
    }
}

// Each set may name those before it.
void add_prefix_set(Dice& dice, RandomCase& world, uint32_t number) {
    Set set;
    set.name = "nets" + std::to_string(number);
    for (uint32_t i = dice.between(1, 6); i > 0; --i) {
        set.addresses.push_back(random_address_item(dice, world, dice.one_in(2)));
    }
    for (uint32_t i = dice.below(3); i > 0; --i) {
        set.exclude.push_back(random_address_item(dice, world, true));
    }
    if (!world.shape.loose) {
        make_positive(set.addresses);
        make_positive(set.exclude);
    }
    if (world.shape.set_files && dice.one_in(3)) {
        set.files.push_back(set.name + ".txt");
        for (uint32_t i = dice.below(5); i > 0; --i) {
            set.file_addresses.push_back(dice.pick(world.pools.addresses));
        }
    }
    world.rules.sets.push_back(set);
}

void add_number_set(Dice& dice, RandomCase& world, SetType type, uint32_t number) {
    Set set;
    set.type = type;
    set.name = (type == SetType::port ? "ports" : "protos") + std::to_string(number);
    std::vector<NumberRange> pool = world.pools.ports;
    if (type == SetType::proto) {
        // Only those with ports, so that a rule with ports may name the set.
        pool.clear();
        for (const uint8_t proto : port_protocols) {
            pool.push_back({proto, proto});
        }
    }
    set.numbers = random_number_items(dice, pool, names_of(world.rules, type), 4);
    if (!world.shape.loose) {
        make_positive(set.numbers);
    }
    if (type == SetType::port && dice.one_in(3)) {
        set.exclude_numbers.push_back({false, {}, dice.pick(pool), {}});
    }
    if (type == SetType::port && world.shape.set_files && dice.one_in(4)) {
        set.files.push_back(set.name + ".txt");
        for (uint32_t i = dice.below(3); i > 0; --i) {
            set.file_numbers.push_back(dice.pick(pool));
        }
    }
    world.rules.sets.push_back(set);
}

void add_sets(Dice& dice, RandomCase& world) {
    for (uint32_t i = 0, count = dice.below(5); i < count; ++i) {
        add_prefix_set(dice, world, i);
    }
    for (uint32_t i = 0, count = dice.below(3); i < count; ++i) {
        add_number_set(dice, world, SetType::port, i);
    }
    for (uint32_t i = 0, count = dice.below(2); i < count; ++i) {
        add_number_set(dice, world, SetType::proto, i);
    }
}

void add_surroundings(Dice& dice, RandomCase& world) {
    Defaults& defaults = world.rules.defaults;
    defaults.action = dice.one_in(2) ? Action::accept : Action::drop;
    defaults.fragments = dice.pick<pc_fragments>(
        {PC_FRAGMENTS_ACCEPT, PC_FRAGMENTS_ACCEPT_FIRST, PC_FRAGMENTS_DROP});
    if (dice.one_in(8)) {
        defaults.family = dice.one_in(2) ? Family::v4 : Family::v6;
    }
    if (!world.shape.loose || dice.one_in(2)) {
        world.rules.host.management.push_back({false, {}, dice.pick(world.pools.addresses), {}});
    }
    if (dice.one_in(4)) {
        world.rules.host.local.push_back({false, {}, dice.pick(world.pools.addresses), {}});
    }
    Environment& around = world.environment;
    around.self = {{address("10.1.0.1"), address("10.1.0.1")},
                   {address("2001:db8:1::1"), address("2001:db8:1::1")}};
    around.local = {range_of({address("10.1.0.0"), 24}), range_of({address("2001:db8:1::"), 64})};
    around.today = Date{2026, 11, 22};
    for (int i = 0; world.shape.blocks && i < 2; ++i) {
        const Address& blocked = dice.pick(world.pools.addresses).first;
        const unsigned bits = blocked.family == Family::v4 ? 24 : 56;
        around.dynamic["blocks"].push_back(range_of(prefix_around(blocked, bits + dice.below(9))));
    }
    if (world.shape.inspect_rules) {
        Inspect inspect;
        inspect.name = "web";
        if (dice.one_in(2)) {
            inspect.exclude = random_address_items(dice, world, 2);
            make_positive(inspect.exclude);
            drop_repeated(inspect.exclude);
        }
        world.rules.inspects.push_back(inspect);
    }
}

// ---- rules

std::vector<ZoneItem> random_zone_items(Dice& dice, const RuleSet& rules) {
    std::vector<ZoneItem> items{{negation(dice), dice.pick(rules.zones).name, {}}};
    const std::string& other = dice.pick(rules.zones).name;
    if (dice.one_in(3) && other != items.front().zone) {
        items.push_back({negation(dice), other, {}});
    }
    return items;
}

TcpFlagsItem random_tcp_flags(Dice& dice) {
    TcpFlagsItem item;
    while (item.mask == 0) {
        item.mask = static_cast<uint8_t>(dice.below(256) & dice.below(256));
    }
    if (dice.one_in(2)) {
        item.mask = 0x12; // SYN and ACK
    }
    item.value = static_cast<uint8_t>(item.mask & dice.below(256));
    return item;
}

// Protocols and what only they have.
void add_transport(Dice& dice, const RandomCase& world, Match& match) {
    const RuleSet& rules = world.rules;
    const uint32_t kind = dice.below(5);
    if (kind == 0 || kind == 1) {
        const std::vector<std::string> sets = names_of(rules, SetType::proto);
        if (!sets.empty() && dice.one_in(3)) {
            match.proto.push_back({false, dice.pick(sets), {}, {}});
        }
        for (uint32_t i = dice.between(match.proto.empty() ? 1 : 0, 2); i > 0; --i) {
            match.proto.push_back(number_item(dice.pick(port_protocols)));
        }
        const std::vector<std::string> ports = names_of(rules, SetType::port);
        if (dice.one_in(3)) {
            match.sport = random_number_items(dice, world.pools.ports, ports, 3);
        }
        if (!dice.one_in(4)) {
            match.dport = random_number_items(dice, world.pools.ports, ports, 3);
        }
    } else if (kind == 2) {
        match.proto = {number_item(proto_icmp), number_item(proto_icmp6)};
        if (dice.one_in(2)) {
            match.proto.erase(match.proto.begin() + dice.below(2));
        }
        const std::vector<NumberRange> types{{0, 8},     {3, 3}, {8, 8},
                                             {128, 128}, {1, 4}, {133, 136}};
        match.icmp_type = random_number_items(dice, types, {}, 2);
        if (dice.one_in(3)) {
            match.icmp_code = random_number_items(dice, {{0, 0}, {1, 4}, {4, 4}}, {}, 2);
        }
    } else if (kind == 3) {
        match.proto = {number_item(proto_tcp)};
        for (uint32_t i = dice.between(1, 2); i > 0; --i) {
            match.tcp_flags.push_back(random_tcp_flags(dice));
        }
    } else {
        const uint8_t proto = dice.pick(protocols);
        match.proto = {number_item(proto)};
        match.proto.front().negated = negation(dice);
    }
}

void add_rest(Dice& dice, const RandomCase& world, bool at_tc, Match& match) {
    const RandomPools& pools = world.pools;
    switch (dice.below(at_tc ? 4 : 6)) {
    case 0:
        match.len = random_number_items(dice, pools.lengths, {}, 2);
        break;
    case 1:
        match.dscp = random_number_items(dice, pools.dscps, {}, 2);
        break;
    case 2:
        match.ttl = random_number_items(dice, pools.ttls, {}, 2);
        break;
    case 3:
        match.frags = static_cast<uint8_t>(dice.pick<int>(
            {PC_FRAG_NONE, PC_FRAG_FIRST, PC_FRAG_LATER, PC_FRAG_FIRST | PC_FRAG_LATER}));
        break;
    case 4:
        match.vlan = random_number_items(dice, pools.vlans, {}, 2);
        break;
    default:
        for (uint32_t i = dice.between(1, 2); i > 0; --i) {
            match.src_mac.push_back({negation(dice), dice.pick(pools.macs), {}});
        }
    }
}

std::vector<StateItem> random_states(Dice& dice) {
    std::vector<StateItem> items;
    for (uint32_t i = dice.between(1, 2); i > 0; --i) {
        items.push_back({negation(dice), random_state(dice), {}});
    }
    drop_repeated(items);
    return items;
}

Match random_match(Dice& dice, const RandomCase& world, bool inspects) {
    Match match;
    const bool out = world.shape.out_rules && dice.one_in(inspects ? 2 : 4);
    if (out) {
        match.out = random_zone_items(dice, world.rules);
    }
    if (dice.one_in(3)) {
        match.in = random_zone_items(dice, world.rules);
    }
    if (dice.one_in(2)) {
        match.src = random_address_items(dice, world, 3);
    }
    if (dice.one_in(2)) {
        match.dst = random_address_items(dice, world, 3);
    }
    if (inspects) {
        match.proto = {number_item(dice.one_in(3) ? proto_udp : proto_tcp)};
        if (dice.one_in(2)) {
            match.dport = random_number_items(dice, world.pools.ports, {}, 2);
        }
    } else if (!dice.one_in(3)) {
        add_transport(dice, world, match);
    }
    if (dice.one_in(4)) {
        add_rest(dice, world, out || inspects, match);
    }
    if (world.shape.states && dice.one_in(3)) {
        match.states = random_states(dice);
    }
    drop_repeated(match.proto);
    drop_repeated(match.tcp_flags);
    drop_repeated(match.src_mac);
    if (world.shape.loose && dice.one_in(3) && !inspects) {
        match.proto.clear();
    }
    return match;
}

// After all that is read at a commit: only rules may name them.
void add_dynamic_sets(Dice& dice, RandomCase& world) {
    for (uint32_t i = 0; world.shape.dynamic_sets && i < 2; ++i) {
        Set set;
        set.name = "live" + std::to_string(i);
        set.dynamic = DynamicSet{dice.one_in(2) ? 0 : dice.between(1, 200) * 1800,
                                 dice.between(1, dynamic_entries_max), dice.one_in(2)};
        auto& entries = world.environment.dynamic[set.name];
        for (uint32_t n = dice.below(5); n > 0; --n) {
            const Address& around = dice.pick(world.pools.addresses).first;
            const unsigned bits = around.family == Family::v4 ? 16 : 48;
            entries.push_back(range_of(prefix_around(around, bits + dice.below(17))));
        }
        world.rules.sets.push_back(std::move(set));
    }
}

Rule random_rule(Dice& dice, const RandomCase& world) {
    using A = Action;
    Rule rule;
    rule.action = dice.pick<A>(
        {A::accept, A::accept, A::accept, A::drop, A::drop, A::drop, A::reject, A::mark, A::count});
    if (world.shape.inspect_rules && dice.one_in(5)) {
        rule.action = A::inspect;
        rule.inspect = "web";
    }
    if (rule.action == A::mark) {
        rule.mark.mask = dice.one_in(2) ? 0xffffffffU : 0xffU << (8 * dice.below(4));
        rule.mark.value = static_cast<uint32_t>(dice.below(0xffffffffU)) & rule.mark.mask;
    }
    rule.match = random_match(dice, world, rule.action == A::inspect);
    rule.log = dice.pick<Log>({Log::none, Log::none, Log::sampled, Log::all});
    rule.disabled = dice.one_in(15);
    if (dice.one_in(15)) {
        rule.until = Date{2026, 11, dice.between(21, 23)};
    }
    rule.family = world.rules.defaults.family;
    return rule;
}

void add_rules(Dice& dice, RandomCase& world) {
    const auto count = dice.between(1, static_cast<uint32_t>(world.shape.rules_max));
    uint32_t priority = dice.below(20);
    for (uint32_t i = 0; i < count; ++i) {
        Rule rule = random_rule(dice, world);
        rule.priority = priority;
        // Names in another order than priorities.
        rule.name = "r" + std::to_string((i * 7919U) % 4096U);
        world.rules.rules.push_back(rule);
        priority += dice.between(1, 10);
    }
}

} // namespace

RandomCase random_rules(uint64_t seed, const RandomShape& shape) {
    Dice dice(seed);
    RandomCase world;
    world.seed = seed;
    world.shape = shape;
    world.pools = random_pools(dice);
    add_zones(dice, world);
    add_sets(dice, world);
    add_surroundings(dice, world);
    add_dynamic_sets(dice, world);
    add_rules(dice, world);
    return world;
}

} // namespace pc::test
