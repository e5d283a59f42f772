// SPDX-License-Identifier: GPL-3.0-or-later
// A router whose maps are in memory: what its daemon applies, and what its packets meet.
#pragma once

#include "ctl/daemon/apply.h"
#include "tests/support/memory_maps.h"

namespace pc::test {

// Rule files. The second has other interfaces than the first; the edited one is the first after a
// morning's work: a rule went, two came, a list of ports is shorter.
extern const char* const first_rules;
extern const char* const second_rules;
extern const char* const edited_rules;

[[nodiscard]] Link link(const char* name, uint32_t ifindex);

// Of TCP, by the plan's zone id.
[[nodiscard]] pc_host_question packet_from(const char* source, uint8_t zone, uint16_t dport);

template <typename T>
T value_at(const MemoryMap& map, uint32_t index) {
    T value{};
    const auto bytes = map.peek(bytes_of(index)).value();
    assert(bytes.size() == sizeof(value));
    std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
}

// What packets meet: whatever the programs read of a packet's rules, and what they find.
struct Seen {
    std::vector<std::vector<std::byte>> bytes;
    std::vector<std::vector<uint32_t>> walks;
    std::set<uint32_t> attached;

    bool operator==(const Seen&) const = default;
};

// A router of a few interfaces, and hooks that can be told to fail.
struct Router {
    explicit Router(size_t arena_bytes = PC_ARENA_MIN) : maps(arena_bytes) {}

    MemoryMaps maps;
    std::set<uint32_t> attached;
    uint32_t refuses = 0; // the ifindex that cannot be attached
    std::vector<Link> links{link("lan0", 2), link("wan0", 3), link("wan1", 4), link("other", 5)};
    daemon::Applier applier{
        maps.maps(),
        daemon::Attaching{[this](const daemon::WantedInterface& wanted) { return attach(wanted); },
                          [this](uint32_t ifindex) -> Result<void> {
                              attached.erase(ifindex);
                              return {};
                          }}};

    [[nodiscard]] Result<Attachment> attach(const daemon::WantedInterface& wanted);
    [[nodiscard]] std::shared_ptr<const Plan> plan(const char* text);
    [[nodiscard]] Result<void>
    apply(std::shared_ptr<const Plan> plan, uint64_t number,
          daemon::OnAttachError on_error = daemon::OnAttachError::refuse);

    [[nodiscard]] pc_control control() const { return value_at<pc_control>(maps.control, 0); }

    [[nodiscard]] pc_generation head() const { return maps.head(); }

    [[nodiscard]] pc_iface iface(uint32_t ifindex) const {
        return value_at<pc_iface>(maps.ifaces, control().active * PC_IFINDEX_MAX + ifindex);
    }

    // The names of the rules that a packet matches.
    [[nodiscard]] std::vector<std::string> matches(const pc_host_question& question) const;

    // The rules that packets match at an edge of every rule of these files, and beside it.
    [[nodiscard]] std::vector<std::vector<uint32_t>> walks() const;

    [[nodiscard]] Seen seen() const;

    // The programs have counted so many.
    void count(const std::string& rule, uint64_t packets);

    [[nodiscard]] uint64_t counted(const std::string& rule) const;
};

} // namespace pc::test
