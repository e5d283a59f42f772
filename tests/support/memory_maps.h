// SPDX-License-Identifier: GPL-3.0-or-later
// All that a commit writes, in memory: maps, heads and the classifier's arena; and what a packet
// that comes by now meets there, by the kernel's own look-up.
#pragma once

#include <algorithm>

#include "ctl/daemon/generations.h"
#include "rules/abi.h"
#include "tests/support/host_lookup.h"
#include "tests/support/memory_map.h"

namespace pc::test {

// The map `classifier`: its bytes lie on a page, as the kernel's do. What grow() replaces is
// scribbled over, since nobody may use it any more.
class MemoryArena {
public:
    explicit MemoryArena(size_t bytes) { place(bytes); }

    [[nodiscard]] std::span<std::byte> bytes() { return {start_, size_}; }

    [[nodiscard]] size_t size() const { return size_; }

    [[nodiscard]] const std::byte* start() const { return start_; }

    void grow(size_t bytes) {
        const std::vector<std::byte> before(start_, start_ + size_);
        std::fill(memory_.begin(), memory_.end(), std::byte{0xdd});
        scribbled_ = std::move(memory_);
        place(bytes);
        std::copy_n(before.begin(), std::min(before.size(), bytes), start_);
    }

private:
    static constexpr size_t page = 4096;

    void place(size_t bytes) {
        memory_.assign(bytes + PC_ARENA_SLACK + page, std::byte{0});
        start_ = memory_.data() + (page - reinterpret_cast<uintptr_t>(memory_.data()) % page);
        size_ = bytes;
    }

    std::vector<std::byte> memory_;
    std::vector<std::byte> scribbled_;
    std::byte* start_ = nullptr;
    size_t size_ = 0;
};

struct MemoryMaps {
    static constexpr size_t cpus = 2;

    Faults faults;
    MemoryMap control{faults, sizeof(pc_control), 1};
    MemoryMap ifaces{faults, sizeof(pc_iface), PC_GENERATIONS* PC_IFINDEX_MAX};
    MemoryMap vlan_zones{faults, sizeof(pc_vlan_zones), PC_GENERATIONS* PC_VLAN_TABLES_MAX};
    MemoryMap rule_names{faults, sizeof(pc_rule_name), PC_RULE_IDS_MAX};
    MemoryMap rule_counters{faults, sizeof(pc_counter) * cpus, PC_RULE_IDS_MAX};
    MemoryMap iface_counters{faults, sizeof(pc_iface_counter) * cpus, PC_IFACE_SLOTS_MAX};
    MemoryMap limits{faults, sizeof(pc_limit), PC_GENERATIONS* PC_LIMITS_MAX};
    MemoryMap limit_names{faults, sizeof(pc_rule_name), PC_LIMITS_MAX};
    MemoryMap zone_names{faults, sizeof(pc_rule_name), PC_ZONES_MAX};
    MemoryMap inspect_names{faults, sizeof(pc_rule_name), PC_INSPECTS_MAX};
    MemoryMap limit_counters{faults, sizeof(pc_limit_counter) * cpus, PC_LIMITS_MAX};
    MemoryMap block_hits{faults, sizeof(uint64_t), PC_BLOCKS_MAX};
    std::array<pc_generation, PC_GENERATIONS> heads{};
    MemoryArena arena;
    size_t waits = 0, growths = 0; // for packets, of the arena
    uint64_t seed = 1;             // of the next generation

    explicit MemoryMaps(size_t arena_bytes = PC_ARENA_MIN) : arena(arena_bytes) {}

    [[nodiscard]] daemon::GenerationMaps maps() {
        return {.control = control,
                .ifaces = ifaces,
                .vlan_zones = vlan_zones,
                .rule_names = rule_names,
                .rule_counters = rule_counters,
                .iface_counters = iface_counters,
                .limits = limits,
                .limit_names = limit_names,
                .zone_names = zone_names,
                .inspect_names = inspect_names,
                .limit_counters = limit_counters,
                .heads = [this]() -> Result<std::span<std::byte>> {
                    TRY(may_fail());
                    return std::span<std::byte>(std::as_writable_bytes(std::span(heads)));
                },
                .arena = [this]() -> Result<std::span<std::byte>> {
                    TRY(may_fail());
                    return arena.bytes();
                },
                .grow_arena = [this](size_t bytes) -> Result<void> {
                    TRY(may_fail());
                    arena.grow(bytes);
                    ++growths;
                    return {};
                },
                .wait_for_packets = [this]() -> Result<void> {
                    TRY(may_fail());
                    ++waits;
                    return {};
                },
                .random = [this]() -> Result<uint64_t> {
                    TRY(may_fail());
                    return seed++ * 0x9e3779b97f4a7c15;
                }};
    }

    [[nodiscard]] const pc_generation& head() const {
        pc_control words{};
        const uint32_t index = 0;
        const auto bytes = control.peek(bytes_of(index)).take();
        std::memcpy(&words, bytes.data(), sizeof(words));
        return heads.at(words.active);
    }

    // The ids of the rules that a packet matches, in order, with the one that decides it last.
    [[nodiscard]] std::vector<uint32_t> walk(const pc_host_question& question) const {
        use();
        std::vector<pc_host_answer> answers(1024);
        const int count = pc_host_walk(&question, answers.data(), static_cast<int>(answers.size()));
        assert(count >= 0);
        std::vector<uint32_t> ids;
        for (int i = 0; i < count; ++i) {
            ids.push_back(answers.at(static_cast<size_t>(i)).rule_id);
        }
        return ids;
    }

    // Index into block_hits of the entry of @blocks that holds the source; 0: none.
    [[nodiscard]] uint32_t block(const pc_host_question& question) const {
        use();
        return pc_host_block(&question);
    }

private:
    void use() const {
        pc_host_use(arena.start(), static_cast<uint32_t>(arena.size() - 1), &head());
    }

    [[nodiscard]] Result<void> may_fail() {
        if (faults.fails()) {
            return Error{EIO, "made to fail"};
        }
        return {};
    }
};

} // namespace pc::test
