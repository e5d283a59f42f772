// SPDX-License-Identifier: GPL-3.0-or-later
// compile(RuleSet) -> Plan: the exact contents of every map of one generation, sorted.
#pragma once

#include <map>

#include "rules/address_list.h"
#include "rules/result.h"
#include "rules/rule.h"

namespace pc {

// Which rule owns which stable id (index of its counters). Kept over commits, so that counters are.
using RuleIds = std::map<std::string, uint32_t, std::less<>>;

// Likewise of what is not a rule. Flows remember the zone that they came from, and which
// [inspect.NAME] is to judge them.
struct KeptIds {
    RuleIds limits;
    RuleIds zones;
    RuleIds inspects;
};

struct PlanZone {
    std::string name;
    uint8_t id = 0; // 1..PC_ZONES_MAX-1, its own over commits
    std::vector<std::string> interfaces;
    std::vector<uint32_t> vlans; // empty: every tag
    XdpMode mode = XdpMode::automatic;
    bool frags = false;
};

struct PlanRule {
    std::string name;
    uint32_t id = 0;
    Hook hook = Hook::xdp;
    Location at;
};

// Which limit owns which stable id: its buckets and counters outlive commits.
struct PlanLimit {
    std::string name;
    uint32_t id = 0;
};

// [guard] sources, as the daemon needs it. Off: the other values mean nothing.
struct PlanGuard {
    pc_guard_mode mode = PC_GUARD_OFF;
    uint64_t above_pps = 0;
    uint32_t block_for_s = 0;
    AddressList except;

    bool operator==(const PlanGuard&) const = default;
};

// What the inspector needs besides the maps.
struct PlanInspect {
    std::string name;
    uint8_t id = 0;
    Inspect policy = {};
    std::vector<AddressList> clients =
        {}; // by rule of the policy; every address when it names none
};

// Addresses that records refer to by number.
struct PlanList {
    std::string written; // by what was written: equal ones are edits of the same list
    AddressList addresses;

    // Dynamic sets, whose entries `addresses` does not have. Negated: the list loses what they
    // hold.
    struct Dynamic {
        std::string set;
        bool negated = false;

        auto operator<=>(const Dynamic&) const = default;
    };

    std::vector<Dynamic> dynamic;
    AddressList never; // negated items of a list with dynamic sets: no entry adds these

    bool operator==(const PlanList&) const = default;
};

struct Plan {
    // Without its number, flows.judgement and the classifier's part.
    pc_generation generation{};
    std::vector<pc_record> records;
    std::vector<PlanRule> rules;                    // rules[i] belongs to records[i]
    std::vector<PlanList> lists;                    // [0] is not used
    std::vector<pc_number_set> number_sets;         // [0] is not used
    std::vector<pc_byte_set> byte_sets;             // [0] is not used
    std::vector<std::vector<MacAddress>> mac_lists; // [0] is not used; each sorted
    std::vector<PlanZone> zones;
    std::vector<PlanInspect> inspects;
    // By pc_record.limit; [0] is not used. limit_names[i] belongs to limits[i].
    std::vector<pc_limit> limits = std::vector<pc_limit>(1);
    std::vector<PlanLimit> limit_names = std::vector<PlanLimit>(1);
    uint32_t flows_max = PC_FLOWS_DEFAULT; // entries of the flow table
    pc_log flows_log = PC_LOG_NONE;        // of flows that end
    PlanGuard guard;
    uint32_t bypass_mark = 0;
};

inline constexpr uint32_t bypass_mark_default = 0x10000000;

// `previous` gives ids to rules it knows, `kept` to all else; new ones get the smallest
// free id. Fails only where a limit of abi.h is exceeded (check() says it with a location first).
[[nodiscard]] Result<Plan> compile(const RuleSet& rules, const Environment& environment,
                                   const RuleIds& previous, const KeptIds& kept = {});

[[nodiscard]] RuleIds rule_ids(const Plan& plan);
[[nodiscard]] RuleIds limit_ids(const Plan& plan);
[[nodiscard]] RuleIds zone_ids(const Plan& plan);
[[nodiscard]] RuleIds inspect_ids(const Plan& plan);

} // namespace pc
