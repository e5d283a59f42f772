// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/apply.h"

#include <catch2/catch.hpp>

#include "tests/support/memory_maps.h"

using namespace pc;
using namespace pc::daemon;
using pc::test::MemoryMaps;

namespace {

constexpr const char* first_rules = R"(
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

constexpr const char* second_rules = R"(
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

template <typename T>
T value_at(const test::MemoryMap& map, uint32_t index) {
    T value{};
    const auto bytes = map.peek(bytes_of(index));
    REQUIRE(bytes.ok());
    REQUIRE(bytes.value().size() == sizeof(value));
    std::memcpy(&value, bytes.value().data(), sizeof(value));
    return value;
}

// What packets can meet, without what they cannot: the bytes that the active generation reaches.
struct Seen {
    std::vector<std::vector<std::byte>> bytes;
    std::set<uint32_t> attached;

    bool operator==(const Seen&) const = default;
};

// A router of two interfaces, and hooks that can be told to fail.
struct Router {
    MemoryMaps maps;
    std::set<uint32_t> attached;
    uint32_t refuses = 0;
    std::vector<Link> links{link("lan0", 2), link("wan0", 3), link("wan1", 4), link("other", 5)};
    Applier applier{maps.maps(),
                    Attaching{[this](const WantedInterface& wanted) { return attach(wanted); },
                              [this](uint32_t ifindex) -> Result<void> {
                                  attached.erase(ifindex);
                                  return {};
                              }}};

    Result<Attachment> attach(const WantedInterface& wanted) {
        if (maps.faults.fails() || wanted.ifindex == refuses) {
            return Error{EIO, "made to fail"};
        }
        attached.insert(wanted.ifindex);
        return Attachment{XdpMode::native, false, 7, ""};
    }

    std::shared_ptr<const Plan> plan(const char* text) {
        const Candidate candidate = prepare({SourceFile{"/etc/portcullis/rules.toml", text}},
                                            Environment{}, applier.generations().ids());
        INFO(candidate.text);
        REQUIRE(candidate.ok());
        return candidate.plan;
    }

    Result<void> apply(std::shared_ptr<const Plan> plan, uint64_t number,
                       OnAttachError on_error = OnAttachError::refuse) {
        return applier.apply(
            {std::move(plan), number, links, {0x10000000, 9, MacAddress{}}, on_error});
    }

    [[nodiscard]] pc_control control() const { return value_at<pc_control>(maps.control, 0); }

    [[nodiscard]] pc_generation head() const {
        return value_at<pc_generation>(maps.generations, control().active);
    }

    void add_slot(Seen& seen, const test::MemoryMap& map, uint32_t of_slot, uint32_t count) const {
        const uint32_t active = control().active;
        for (uint32_t i = 0; i < count; ++i) {
            const uint32_t index = active * of_slot + i;
            seen.bytes.push_back(map.peek(bytes_of(index)).value());
        }
    }

    void add_inner(Seen& seen, const test::MemoryMap& outer) const {
        const auto fd = value_at<uint32_t>(outer, control().active);
        const auto inner = maps.inner.find(fd);
        if (inner != maps.inner.end()) {
            for (const auto& [key, value] : inner->second->values()) {
                seen.bytes.push_back(key);
                seen.bytes.push_back(value);
            }
        }
    }

    [[nodiscard]] Seen seen() const {
        Seen seen;
        const pc_control words = control();
        seen.bytes.emplace_back(bytes_of(words).begin(), bytes_of(words).end());
        add_slot(seen, maps.generations, 1, 1);
        add_slot(seen, maps.records, PC_RECORDS_MAX, head().records);
        add_slot(seen, maps.number_sets, PC_NUMBER_SETS_MAX, PC_NUMBER_SETS_MAX);
        add_slot(seen, maps.byte_sets, PC_BYTE_SETS_MAX, PC_BYTE_SETS_MAX);
        add_slot(seen, maps.vlan_zones, PC_VLAN_TABLES_MAX, PC_VLAN_TABLES_MAX);
        for (const Link& each : links) {
            const uint32_t index = words.active * PC_IFINDEX_MAX + each.ifindex;
            seen.bytes.push_back(maps.ifaces.peek(bytes_of(index)).value());
        }
        add_inner(seen, maps.addr_sets);
        add_inner(seen, maps.macs);
        for (uint32_t i = 0; i < head().records; ++i) {
            const uint32_t index = words.active * PC_RECORDS_MAX + i;
            const uint32_t id = value_at<pc_record>(maps.records, index).rule_id;
            seen.bytes.push_back(maps.rule_names.peek(bytes_of(id)).value());
            seen.bytes.push_back(maps.rule_counters.peek(bytes_of(id)).value());
        }
        seen.attached = attached;
        return seen;
    }

    void count(const std::string& rule, uint64_t packets) {
        const uint32_t id = applier.generations().ids().at(rule);
        std::array<pc_counter, MemoryMaps::cpus> counters{};
        counters[1].packets = packets;
        REQUIRE(maps.rule_counters.put(bytes_of(id), bytes_of(counters)).ok());
    }

    uint64_t counted(const std::string& rule) {
        const uint32_t id = applier.generations().ids().at(rule);
        const auto counters =
            value_at<std::array<pc_counter, MemoryMaps::cpus>>(maps.rule_counters, id);
        return counters[0].packets + counters[1].packets;
    }
};

pc_iface iface_of(const Router& router, uint32_t ifindex) {
    return value_at<pc_iface>(router.maps.ifaces,
                              router.control().active * PC_IFINDEX_MAX + ifindex);
}

} // namespace

TEST_CASE("a commit flips to the other generation and says its number") {
    Router router;
    REQUIRE(router.apply(router.plan(first_rules), 1).ok());
    CHECK(router.control().active == 1);
    CHECK(router.control().abi_version == PC_ABI_VERSION);
    CHECK(router.control().inspect_veth == 9);
    CHECK(router.control().bypass_mark == 0x10000000);
    CHECK(router.head().number == 1);
    CHECK(router.head().records == 2);
    REQUIRE(router.apply(router.plan(second_rules), 2).ok());
    CHECK(router.control().active == 0);
    CHECK(router.head().number == 2);
    CHECK(router.head().records == 3);
}

TEST_CASE("only interfaces of zones are attached, and those that left are detached") {
    Router router;
    REQUIRE(router.apply(router.plan(first_rules), 1).ok());
    CHECK(router.attached == std::set<uint32_t>{2, 3, 4});
    CHECK(iface_of(router, 2).zone == 1);
    CHECK(iface_of(router, 3).zone == 2);
    CHECK(iface_of(router, 5).zone == 0);
    const uint16_t slot = iface_of(router, 4).slot;
    REQUIRE(router.apply(router.plan(second_rules), 2).ok());
    CHECK(router.attached == std::set<uint32_t>{2, 4});
    CHECK(iface_of(router, 3).zone == 0);
    CHECK(iface_of(router, 4).slot == slot);
    const pc_iface lan = iface_of(router, 2);
    REQUIRE(lan.vlan_table != 0);
    const auto zones = value_at<pc_vlan_zones>(
        router.maps.vlan_zones, router.control().active * PC_VLAN_TABLES_MAX + lan.vlan_table);
    CHECK(zones.zone[10] == 1);
    CHECK(zones.zone[20] == 2);
    CHECK(zones.zone[PC_VLAN_NONE] == 0);
}

TEST_CASE("an interface above a zone's interface has the zone of its VLAN, and is not attached") {
    Router router;
    Link above = link("lan0.20", 6);
    above.parent = 2;
    above.vlan = 20;
    router.links.push_back(above);
    REQUIRE(router.apply(router.plan(second_rules), 1).ok());
    CHECK(iface_of(router, 6).zone == 2);
    CHECK(iface_of(router, 6).slot == 0);
    CHECK_FALSE(router.attached.contains(6));
}

TEST_CASE("counters of a rule live on, and a rule that gets a used id starts at zero") {
    Router router;
    REQUIRE(router.apply(router.plan(first_rules), 1).ok());
    router.count("ssh", 5);
    router.count("drop-list", 7);
    REQUIRE(router.apply(router.plan(second_rules), 2).ok());
    CHECK(router.counted("ssh") == 5);
    CHECK(router.counted("phones") == 0);
    CHECK(router.counted("new-drop-list") == 0);
}

TEST_CASE("a failure of any operation leaves everything that packets meet as it was") {
    size_t operations = 0;
    {
        Router router;
        REQUIRE(router.apply(router.plan(first_rules), 1).ok());
        const auto plan = router.plan(second_rules);
        router.maps.faults.start(0);
        REQUIRE(router.apply(plan, 2).ok());
        operations = router.maps.faults.operations;
    }
    REQUIRE(operations > 20);
    for (size_t n = 1; n <= operations; ++n) {
        INFO("operation " << n << " of " << operations);
        Router router;
        REQUIRE(router.apply(router.plan(first_rules), 1).ok());
        router.count("ssh", 5);
        const Seen before = router.seen();
        const auto plan = router.plan(second_rules);
        router.maps.faults.start(n);
        const auto applied = router.apply(plan, 2);
        router.maps.faults.start(0);
        REQUIRE_FALSE(applied.ok());
        REQUIRE(router.seen() == before);

        // The next commit works as if nothing had been.
        REQUIRE(router.apply(router.plan(second_rules), 3).ok());
        CHECK(router.head().number == 3);
        CHECK(router.attached == std::set<uint32_t>{2, 4});
        CHECK(router.counted("ssh") == 5);
    }
}

TEST_CASE("after a commit that failed the next one writes the same as on a fresh router") {
    Router fresh;
    REQUIRE(fresh.apply(fresh.plan(first_rules), 1).ok());
    REQUIRE(fresh.apply(fresh.plan(second_rules), 2).ok());
    for (size_t n = 1; n < 60; n += 7) {
        Router router;
        REQUIRE(router.apply(router.plan(first_rules), 1).ok());
        const auto plan = router.plan(second_rules);
        router.maps.faults.start(n);
        (void)router.apply(plan, 2); // ignoring: made to fail, or there are fewer operations
        router.maps.faults.start(0);
        const uint32_t active = router.control().active;
        REQUIRE(router.apply(router.plan(second_rules), 2).ok());
        if (active == 1) {
            CHECK(router.seen() == fresh.seen());
        }
    }
}

TEST_CASE("an interface that cannot be attached refuses a commit, but not a start") {
    Router router;
    router.refuses = 3;
    const Seen before = router.seen();
    CHECK_FALSE(router.apply(router.plan(first_rules), 1).ok());
    CHECK(router.seen() == before);
    CHECK(router.attached.empty());
    REQUIRE(router.apply(router.plan(first_rules), 1, OnAttachError::go_on).ok());
    CHECK(router.attached == std::set<uint32_t>{2, 4});
    CHECK(router.applier.interfaces().at(3).problem == "made to fail");
}

TEST_CASE("equal address lists are shared by both generations") {
    Router router;
    REQUIRE(router.apply(router.plan(first_rules), 1).ok());
    const size_t inner = router.maps.inner.size();
    REQUIRE(router.apply(router.plan(first_rules), 2).ok());
    CHECK(router.maps.inner.size() == inner);
    REQUIRE(router.apply(router.plan(second_rules), 3).ok());
    CHECK(router.maps.inner.size() == inner + 2);
    REQUIRE(router.apply(router.plan(first_rules), 2).ok());
    CHECK(router.head().records == 2);
}

TEST_CASE("a daemon that starts over maps in use knows the rule ids and the counter slots") {
    Router router;
    REQUIRE(router.apply(router.plan(first_rules), 4).ok());
    router.count("ssh", 5);
    const uint16_t slot = iface_of(router, 4).slot;
    const RuleIds ids = router.applier.generations().ids();

    Applier next(router.maps.maps(),
                 Attaching{[&](const WantedInterface& wanted) { return router.attach(wanted); },
                           [](uint32_t) -> Result<void> { return {}; }});
    REQUIRE(next.generations().adopt().ok());
    CHECK(next.generations().ids() == ids);
    CHECK(next.generations().active_number().value() == 4);
    REQUIRE(next.apply({router.plan(first_rules), 4, router.links, {}, OnAttachError::go_on}).ok());
    CHECK(router.control().active == 0);
    CHECK(router.head().number == 4);
    CHECK(router.counted("ssh") == 5);
    CHECK(iface_of(router, 4).slot == slot);
}

TEST_CASE("a configuration with errors has no plan and says that nothing was changed") {
    const Candidate candidate =
        prepare({SourceFile{"x.toml", "schema = 1\n[[rule]]\nname = \"a\"\naction = \"dorp\"\n"}},
                Environment{}, {});
    CHECK_FALSE(candidate.ok());
    CHECK(candidate.text.find("nothing was changed") != std::string::npos);
    CHECK_FALSE(prepare({}, Environment{}, {}).ok());
}
