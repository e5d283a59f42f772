// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bpf/witness.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <catch2/catch.hpp>
#include <linux/bpf.h>

#include "linear.skel.h"
#include "tests/bpf/linear.h"

namespace pc::test {

namespace {

bool holds(const std::vector<WideRange>& ranges, const WidePrefix& prefix) {
    const auto after = std::upper_bound(
        ranges.begin(), ranges.end(), prefix.first,
        [](WideAddress address, const WideRange& range) { return address < range.first; });
    const WideAddress last = prefix.length == 0
                                 ? ~WideAddress{0}
                                 : prefix.first | (~WideAddress{0} >> (prefix.length - 1) >> 1);
    return after != ranges.begin() && std::prev(after)->last >= last;
}

const std::vector<WideRange>& of_family(const PlanList& list, Family family) {
    return family == Family::v4 ? list.addresses.v4 : list.addresses.v6;
}

uint64_t zone_bit(const Plan& plan, const std::optional<std::string>& name) {
    for (const PlanZone& zone : plan.zones) {
        if (zone.name == name) {
            return 1ULL << zone.id;
        }
    }
    return 1;
}

} // namespace

struct Witness::State {
    linear* skeleton = nullptr;
    Plan plan;

    void put(const bpf_map* map, uint32_t index, const void* value) const {
        REQUIRE(bpf_map_update_elem(bpf_map__fd(map), &index, value, BPF_ANY) == 0);
    }

    void empty_map(const bpf_map* map, size_t key_size) const {
        std::vector<std::byte> key(key_size);
        while (bpf_map_get_next_key(bpf_map__fd(map), nullptr, key.data()) == 0) {
            REQUIRE(bpf_map_delete_elem(bpf_map__fd(map), key.data()) == 0);
        }
    }

    void put_lists(Family family) const;
    void put_macs() const;
};

Witness::Witness() : state_(std::make_unique<State>()) {
    state_->skeleton = linear__open_and_load();
    REQUIRE(state_->skeleton != nullptr);
}

Witness::~Witness() {
    linear__destroy(state_->skeleton);
}

// Each prefix of each list with all the lists that hold all of it.
void Witness::State::put_lists(Family family) const {
    std::vector<WidePrefix> prefixes;
    for (const PlanList& list : plan.lists) {
        REQUIRE(list.dynamic.empty());
        for (const WideRange& range : of_family(list, family)) {
            append_prefixes(prefixes, range);
        }
    }
    for (const WidePrefix& wide : prefixes) {
        const Prefix prefix = narrow(family, wide);
        pc_linear_addr_key key{};
        key.prefixlen = 32U + prefix.length;
        key.family = htonl(family == Family::v4 ? 4 : 6);
        std::memcpy(key.addr, prefix.address.bytes.data(), sizeof(key.addr));
        pc_linear_lists value{};
        for (size_t i = 1; i < plan.lists.size(); i++) {
            if (holds(of_family(plan.lists[i], family), wide)) {
                value.bits[i / 64] |= 1ULL << (i % 64);
            }
        }
        REQUIRE(bpf_map_update_elem(bpf_map__fd(skeleton->maps.lists), &key, &value, BPF_ANY) == 0);
    }
}

void Witness::State::put_macs() const {
    const uint8_t is_there = 1;
    for (size_t i = 1; i < plan.mac_lists.size(); i++) {
        for (const MacAddress& mac : plan.mac_lists[i]) {
            pc_linear_mac_key key{.set = static_cast<uint16_t>(i), .addr = {}};
            std::copy(mac.bytes.begin(), mac.bytes.end(), std::begin(key.addr));
            REQUIRE(bpf_map_update_elem(bpf_map__fd(skeleton->maps.macs), &key, &is_there,
                                        BPF_ANY) == 0);
        }
    }
}

void Witness::load(const Plan& plan) {
    State& state = *state_;
    state.plan = plan;
    REQUIRE(plan.records.size() <= PC_LINEAR_RULES_MAX);
    REQUIRE(plan.number_sets.size() <= PC_LINEAR_NUMBERS_MAX);
    REQUIRE(plan.byte_sets.size() <= PC_LINEAR_BYTES_MAX);
    REQUIRE(plan.lists.size() <= PC_LINEAR_LISTS_MAX);
    for (uint32_t i = 0; i < plan.records.size(); i++) {
        state.put(state.skeleton->maps.records, i, &plan.records[i]);
    }
    for (uint32_t i = 1; i < plan.number_sets.size(); i++) {
        state.put(state.skeleton->maps.numbers, i, &plan.number_sets[i]);
    }
    for (uint32_t i = 1; i < plan.byte_sets.size(); i++) {
        state.put(state.skeleton->maps.bytes, i, &plan.byte_sets[i]);
    }
    state.empty_map(state.skeleton->maps.lists, sizeof(pc_linear_addr_key));
    state.empty_map(state.skeleton->maps.macs, sizeof(pc_linear_mac_key));
    state.put_lists(Family::v4);
    state.put_lists(Family::v6);
    state.put_macs();
}

std::map<std::string, uint64_t> Witness::run(const Frame& frame, const Packet& packet) {
    State& state = *state_;
    pc_linear_question question{};
    question.in_bit = zone_bit(state.plan, packet.in);
    question.out_bits = zone_bit(state.plan, packet.out);
    question.records = static_cast<uint32_t>(state.plan.records.size());
    state.put(state.skeleton->maps.question, 0, &question);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(),
                .data_size_in = static_cast<uint32_t>(frame.size()), .repeat = 1);
    REQUIRE(bpf_prog_test_run_opts(bpf_program__fd(state.skeleton->progs.pc_linear), &options) ==
            0);
    pc_linear_answer answer{};
    const uint32_t zero = 0;
    REQUIRE(bpf_map_lookup_elem(bpf_map__fd(state.skeleton->maps.answer), &zero, &answer) == 0);
    REQUIRE(answer.parsed == 1);
    REQUIRE(answer.count < PC_LINEAR_MATCHES_MAX);
    std::map<std::string, uint64_t> counts;
    for (uint32_t i = 0; i < answer.count; i++) {
        const auto rule =
            std::find_if(state.plan.rules.begin(), state.plan.rules.end(),
                         [&](const PlanRule& each) { return each.id == answer.rules[i]; });
        REQUIRE(rule != state.plan.rules.end());
        const uint8_t action =
            state.plan.records.at(static_cast<size_t>(rule - state.plan.rules.begin())).action;
        // What passes by a rule of TC is counted there.
        if (rule->hook == Hook::xdp || action == PC_ACTION_DROP || action == PC_ACTION_REJECT) {
            counts[rule->name]++;
        }
    }
    return counts;
}

} // namespace pc::test
