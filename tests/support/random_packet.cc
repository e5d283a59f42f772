// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "rules/print.h"
#include "tests/support/random_rules.h"

namespace pc::test {

namespace {

constexpr uint32_t frame_len_max = 1500;
constexpr uint32_t zoneless_vlan = 77; // on the interface of zone lan

// IPv6 takes these numbers for extension headers, or for the end of the chain.
bool is_extension_header(uint8_t proto) {
    constexpr std::array<uint8_t, 9> numbers{0, 43, 44, 51, 59, 60, 135, 139, 140};
    return std::find(numbers.begin(), numbers.end(), proto) != numbers.end();
}

// ---- one value near the edge of a list

// An end of the range, one beyond it, or something between.
uint32_t near_edge(Dice& dice, const NumberRange& range, uint32_t low, uint32_t high) {
    uint32_t value = 0;
    switch (dice.below(5)) {
    case 0:
        value = range.low;
        break;
    case 1:
        value = range.high;
        break;
    case 2:
        value = range.low > low ? range.low - 1 : range.low;
        break;
    case 3:
        value = range.high < high ? range.high + 1 : range.high;
        break;
    default:
        value = dice.between(range.low, range.high);
    }
    return std::clamp(value, low, high);
}

Address near_edge(Dice& dice, const AddressRange& range) {
    switch (dice.below(6)) {
    case 0:
        return range.first;
    case 1:
        return range.last;
    case 2:
        return previous_address(range.first);
    case 3:
        return next_address(range.last);
    case 4: { // within: one of the prefixes that make up the range, with random host bits
        const std::vector<Prefix> parts = prefixes_of(range);
        const Prefix& part = dice.pick(parts);
        Address inside = part.address;
        for (int bit = part.length; bit < address_bits(inside.family); ++bit) {
            const unsigned mask = dice.one_in(2) ? 0x80U >> (static_cast<unsigned>(bit) % 8U) : 0U;
            uint8_t& byte = inside.bytes.at(static_cast<size_t>(bit) / 8);
            byte = static_cast<uint8_t>(byte | mask);
        }
        return inside;
    }
    default:
        return dice.one_in(2) ? next_address(range.first) : previous_address(range.last);
    }
}

const Set* set_named(const RuleSet& rules, const std::string& name) {
    const auto found = std::find_if(rules.sets.begin(), rules.sets.end(),
                                    [&](const Set& set) { return set.name == name; });
    return found == rules.sets.end() ? nullptr : &*found;
}

// A range out of the list, out of a set that it names, or out of the pool.
NumberRange some_range(Dice& dice, const RandomCase& world, const std::vector<NumberItem>& items,
                       const std::vector<NumberRange>& pool) {
    if (items.empty() || dice.one_in(8)) {
        return dice.pick(pool);
    }
    const NumberItem& item = dice.pick(items);
    if (item.set.empty()) {
        return item.range;
    }
    const Set* set = set_named(world.rules, item.set);
    if (set != nullptr && !set->file_numbers.empty() && dice.one_in(2)) {
        return dice.pick(set->file_numbers);
    }
    return set == nullptr ? dice.pick(pool) : some_range(dice, world, set->numbers, pool);
}

AddressRange some_range(Dice& dice, const RandomCase& world,
                        const std::vector<AddressItem>& items) {
    const std::vector<AddressRange>& pool = world.pools.addresses;
    if (items.empty() || dice.one_in(8)) {
        return dice.pick(pool);
    }
    const AddressItem& item = dice.pick(items);
    if (item.set.empty()) {
        return item.range;
    }
    if (item.set == "bogons") {
        return dice.pick(bogons());
    }
    if (item.set == "self" || item.set == "local") {
        return dice.pick(item.set == "self" ? world.environment.self : world.environment.local);
    }
    const Set* set = set_named(world.rules, item.set);
    if (set == nullptr) {
        return dice.pick(pool);
    }
    if (!set->file_addresses.empty() && dice.one_in(2)) {
        return dice.pick(set->file_addresses);
    }
    return some_range(dice, world,
                      !set->exclude.empty() && dice.one_in(4) ? set->exclude : set->addresses);
}

// Of the family, if five attempts find one.
Address some_address(Dice& dice, const RandomCase& world, const std::vector<AddressItem>& items,
                     std::optional<Family> family) {
    AddressRange range = some_range(dice, world, items);
    for (int i = 0; i < 5 && family && range.first.family != *family; ++i) {
        range = some_range(dice, world, items);
    }
    for (const AddressRange& other : world.pools.addresses) {
        if (family && range.first.family != *family) {
            range = other;
        }
    }
    return near_edge(dice, range);
}

// ---- the parts of a packet

void choose_zones(Dice& dice, const RandomCase& world, const Match& match, Packet& packet) {
    const std::vector<Zone>& zones = world.rules.zones;
    const auto named = [&](const std::vector<ZoneItem>& items) {
        return !items.empty() && !dice.one_in(4) ? dice.pick(items).zone : dice.pick(zones).name;
    };
    const bool own = dice.percent(world.shape.own_percent);
    if (own || (world.shape.out_rules && !dice.one_in(4))) {
        packet.out = named(match.out);
    }
    if (own) {
        return;
    }
    packet.in = named(match.in);
    const auto zone = std::find_if(zones.begin(), zones.end(),
                                   [&](const Zone& z) { return z.name == packet.in; });
    const NumberRange range = some_range(dice, world, match.vlan, world.pools.vlans);
    if (!zone->vlans.empty()) {
        packet.vlan = dice.pick(zone->vlans);
    } else if (range.low != PC_VLAN_NONE && dice.one_in(match.vlan.empty() ? 4 : 1)) {
        packet.vlan = near_edge(dice, range, 1, 4094);
    }
    if (world.shape.zoneless && packet.in == "lan" && dice.one_in(2)) {
        packet.in = "";
        packet.vlan = zoneless_vlan;
    }
}

void choose_transport(Dice& dice, const RandomCase& world, const Match& match, Packet& packet) {
    const bool v4 = packet.src.family == Family::v4;
    const std::vector<uint8_t> often{6, 6, 6, 17, 17, 17, 1, 58, 132, 136, 33, 47, 50, 51, 2, 89};
    packet.proto = dice.one_in(40) ? static_cast<uint8_t>(dice.below(256)) : dice.pick(often);
    if (!match.proto.empty() && !dice.one_in(6)) {
        std::vector<NumberRange> pool{{packet.proto, packet.proto}};
        packet.proto = static_cast<uint8_t>(some_range(dice, world, match.proto, pool).low);
    }
    // ICMP is mostly of the right family.
    if (packet.proto == (v4 ? proto_icmp6 : proto_icmp) && !dice.one_in(10)) {
        packet.proto = v4 ? proto_icmp : proto_icmp6;
    }
    if (!v4 && is_extension_header(packet.proto)) {
        packet.proto = proto_udp;
    }
    if (packet.frag == PC_FRAG_LATER) {
        return;
    }
    if (has_ports(packet.proto)) {
        const auto port = [&](const std::vector<NumberItem>& items) {
            const NumberRange range = some_range(dice, world, items, world.pools.ports);
            return static_cast<uint16_t>(near_edge(dice, range, 0, UINT16_MAX));
        };
        packet.sport = port(match.sport);
        packet.dport = port(match.dport);
    }
    if (packet.proto == proto_tcp) {
        packet.tcp_flags = static_cast<uint8_t>(dice.below(256));
        if (!match.tcp_flags.empty() && dice.one_in(2)) {
            const TcpFlagsItem& item = dice.pick(match.tcp_flags);
            const unsigned others = *packet.tcp_flags & static_cast<unsigned>(~item.mask);
            packet.tcp_flags = static_cast<uint8_t>(others | item.value);
        } else if (dice.one_in(2)) {
            packet.tcp_flags = dice.pick<uint8_t>({0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0});
        }
    }
    if (has_icmp(packet.src.family, packet.proto)) {
        const std::vector<NumberRange> types{{0, 8},     {3, 3},     {11, 11},  {1, 4},
                                             {128, 129}, {130, 137}, {143, 143}};
        const auto type = [&](const std::vector<NumberItem>& items,
                              const std::vector<NumberRange>& pool) {
            return static_cast<uint8_t>(
                near_edge(dice, some_range(dice, world, items, pool), 0, UINT8_MAX));
        };
        packet.icmp_type = type(match.icmp_type, types);
        packet.icmp_code = type(match.icmp_code, {{0, 4}, {0, 0}, {4, 4}});
    }
}

void choose_header(Dice& dice, const RandomCase& world, const Match& match, Packet& packet) {
    const auto byte = [&](const std::vector<NumberItem>& items,
                          const std::vector<NumberRange>& pool, uint32_t high) {
        const NumberRange range = some_range(dice, world, items, pool);
        return static_cast<uint8_t>(near_edge(dice, range, 0, high));
    };
    packet.ttl = byte(match.ttl, world.pools.ttls, 255);
    packet.dscp = byte(match.dscp, world.pools.dscps, 63);
    if (match.src_mac.empty() || dice.one_in(3)) {
        packet.src_mac = dice.pick(world.pools.macs);
    } else {
        packet.src_mac = dice.pick(match.src_mac).mac;
    }
    const uint32_t low = len_min(packet);
    NumberRange lengths = some_range(dice, world, match.len, world.pools.lengths);
    lengths.high = std::max(lengths.low, std::min(lengths.high, frame_len_max));
    packet.len = near_edge(dice, lengths, low, frame_len_max);
    if (packet.frag == PC_FRAG_FIRST) {
        // All but the last fragment carry a multiple of 8 bytes.
        const uint32_t header = packet.src.family == Family::v4 ? 20 : 48;
        const uint32_t payload = packet.len - header;
        packet.len = payload / 8 * 8 >= low - header ? header + payload / 8 * 8
                                                     : header + (payload + 7) / 8 * 8;
    }
}

} // namespace

Packet random_packet(Dice& dice, const RandomCase& world) {
    static const Match anything;
    const std::vector<Rule>& rules = world.rules.rules;
    const Match& match = rules.empty() || dice.one_in(2) ? anything : dice.pick(rules).match;
    Packet packet;
    choose_zones(dice, world, match, packet);
    std::optional<Family> family = world.rules.defaults.family;
    if (!family || dice.one_in(4)) {
        family = dice.one_in(2) ? Family::v4 : Family::v6;
    }
    packet.src = some_address(dice, world, match.src, match.src.empty() ? family : std::nullopt);
    packet.dst = some_address(dice, world, match.dst, packet.src.family);
    const bool fragment = match.frags != 0 ? !dice.one_in(3) : dice.one_in(8);
    if (fragment) {
        packet.frag = dice.one_in(2) ? PC_FRAG_FIRST : PC_FRAG_LATER;
    }
    choose_transport(dice, world, match, packet);
    choose_header(dice, world, match, packet);
    if (world.shape.states) {
        packet.state = random_state(dice);
    }
    return packet;
}

pc_state_bit random_state(Dice& dice) {
    return dice.pick<pc_state_bit>(
        {PC_STATE_NEW, PC_STATE_NEW, PC_STATE_ESTABLISHED, PC_STATE_RELATED, PC_STATE_INVALID});
}

FrameShape random_frame_shape(Dice& dice) {
    FrameShape shape;
    shape.priority_tag = dice.one_in(6);
    shape.inner_tag = dice.one_in(6);
    shape.pppoe = dice.one_in(6);
    shape.ipv4_option_words = static_cast<uint8_t>(dice.one_in(4) ? dice.between(1, 10) : 0);
    shape.extension_headers = dice.one_in(4);
    shape.atomic_fragment = dice.one_in(4);
    return shape;
}

std::string interface_of(const RandomCase& world, const Packet& packet) {
    for (const Zone& zone : world.rules.zones) {
        if (zone.name == packet.in) {
            return zone.interfaces.front();
        }
    }
    return packet.in ? "lan0" : "";
}

std::string describe(const RandomCase& world, const Packet& packet) {
    std::string text = "seed " + std::to_string(world.seed);
    text += packet.in ? " in '" + *packet.in + "'" : " own";
    text += packet.out ? " out '" + *packet.out + "' " : " ";
    text += pc::describe(packet) + " " + to_string(packet.src) + " > " + to_string(packet.dst);
    if (packet.sport) {
        text += " ports " + std::to_string(*packet.sport) + " > " + std::to_string(*packet.dport);
    }
    if (packet.src_mac) {
        text += " mac " + to_string(*packet.src_mac);
    }
    return text + " ttl " + std::to_string(packet.ttl) + " dscp " + std::to_string(packet.dscp) +
           "\n" + print_toml(world.rules);
}

} // namespace pc::test
