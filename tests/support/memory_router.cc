// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/memory_router.h"

#include <catch2/catch.hpp>

namespace pc::test {

using namespace pc::daemon;

const char* const first_rules = R"(
schema = 1
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan*"]
[set.drop]
type = "prefix"
items = ["192.0.2.0/24", "2001:db8::/32"]
[[rule]]
name = "drop-list"
in = "wan"
src = "@drop"
action = "drop"
[[rule]]
name = "ssh"
in = "wan"
proto = "tcp"
dport = [22, 2222, "8000-8100"]
action = "drop"
)";

const char* const edited_rules = R"(
schema = 1
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan*"]
[[rule]]
name = "https"
in = "wan"
proto = "tcp"
dport = 443
action = "drop"
[[rule]]
name = "count"
in = "wan"
src = "!198.51.100.0/24"
action = "count"
[[rule]]
name = "ssh"
in = "wan"
proto = "tcp"
dport = [22, 2222]
action = "drop"
)";

const char* const second_rules = R"(
schema = 1
[zone.lan]
interfaces = ["lan0"]
vlan = [10]
[zone.guest]
interfaces = ["lan0"]
vlan = [20]
[zone.wan]
interfaces = ["wan1"]
[set.drop]
type = "prefix"
items = ["198.51.100.0/24"]
[[rule]]
name = "ssh"
in = "wan"
proto = "tcp"
dport = [22, 2222]
action = "drop"
[[rule]]
name = "phones"
in = "guest"
src_mac = "02:00:00:00:00:01"
action = "accept"
[[rule]]
name = "new-drop-list"
in = "wan"
src = "@drop"
action = "drop"
)";

Link link(const char* name, uint32_t ifindex) {
    Link link;
    link.name = name;
    link.ifindex = ifindex;
    link.mtu = 1500;
    link.up = true;
    return link;
}

pc_host_question packet_from(const char* source, uint8_t zone, uint16_t dport) {
    const Address address = parse_address(source).value();
    pc_host_question question{};
    std::memcpy(question.packet.saddr, address.bytes.data(), sizeof(question.packet.saddr));
    question.packet.family = address.family == Family::v4 ? 4 : 6;
    question.packet.proto = 6;
    question.packet.flags = PC_PKT_HAS_PORTS | PC_PKT_HAS_TCP_FLAGS;
    question.packet.frag = PC_FRAG_NONE;
    question.packet.vlan = PC_VLAN_NONE;
    question.packet.dport = dport;
    question.packet.smac[0] = 2;
    question.packet.smac[5] = 1;
    question.in_zone = zone;
    question.out_known = 1;
    return question;
}

Result<Attachment> Router::attach(const WantedInterface& wanted) {
    if (maps.faults.fails() || wanted.ifindex == refuses) {
        return Error{EIO, "made to fail"};
    }
    attached.insert(wanted.ifindex);
    return Attachment{XdpMode::native, false, 7, ""};
}

std::shared_ptr<const Plan> Router::plan(const char* text) {
    const Candidate candidate = prepare({SourceFile{"/etc/portcullis/rules.toml", text}},
                                        Environment{}, applier.generations().ids());
    INFO(candidate.text);
    REQUIRE(candidate.ok());
    return candidate.plan;
}

Result<void> Router::apply(std::shared_ptr<const Plan> plan, uint64_t number,
                           OnAttachError on_error) {
    return applier.apply(
        {std::move(plan), number, links, {0x10000000, 9, MacAddress{}}, {}, on_error});
}

std::vector<std::string> Router::matches(const pc_host_question& question) const {
    std::vector<std::string> names;
    for (const uint32_t id : maps.walk(question)) {
        for (const auto& [name, known] : applier.generations().ids()) {
            if (known == id) {
                names.push_back(name);
            }
        }
    }
    return names;
}

std::vector<std::vector<uint32_t>> Router::walks() const {
    std::vector<std::vector<uint32_t>> walks;
    for (const char* source : {"192.0.2.0", "192.0.2.255", "192.0.3.0", "198.51.100.7", "10.0.0.1",
                               "2001:db8::9", "2001:db9::"}) {
        for (uint8_t zone = 0; zone < 4; ++zone) {
            for (const uint16_t dport : {21, 22, 2222, 7999, 8000, 8100, 8101}) {
                walks.push_back(maps.walk(packet_from(source, zone, dport)));
            }
        }
    }
    return walks;
}

Seen Router::seen() const {
    Seen seen;
    const auto add = [&](const auto& value) {
        const Bytes bytes = bytes_of(value);
        seen.bytes.emplace_back(bytes.begin(), bytes.end());
    };
    const pc_control words = control();
    add(words);
    add(head().number);
    add(head().zone_default);
    for (uint32_t i = 0; i < PC_VLAN_TABLES_MAX; ++i) {
        add(value_at<pc_vlan_zones>(maps.vlan_zones, words.active * PC_VLAN_TABLES_MAX + i));
    }
    for (const Link& each : links) {
        add(iface(each.ifindex));
    }
    seen.walks = walks();
    for (const auto& [name, id] : applier.generations().ids()) {
        seen.bytes.push_back(maps.rule_names.peek(bytes_of(id)).value());
        seen.bytes.push_back(maps.rule_counters.peek(bytes_of(id)).value());
    }
    seen.attached = attached;
    return seen;
}

void Router::count(const std::string& rule, uint64_t packets) {
    const uint32_t id = applier.generations().ids().at(rule);
    std::array<pc_counter, MemoryMaps::cpus> counters{};
    counters[1].packets = packets;
    REQUIRE(maps.rule_counters.put(bytes_of(id), bytes_of(counters)).ok());
}

uint64_t Router::counted(const std::string& rule) const {
    const uint32_t id = applier.generations().ids().at(rule);
    const auto counters =
        value_at<std::array<pc_counter, MemoryMaps::cpus>>(maps.rule_counters, id);
    return counters[0].packets + counters[1].packets;
}

} // namespace pc::test
