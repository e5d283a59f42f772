// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/generations.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace pc::daemon {
namespace {

constexpr size_t batch_max = 65536;

template <typename T>
Result<T> value_as(const std::vector<std::byte>& bytes) {
    T value{};
    if (bytes.size() != sizeof(value)) {
        return Error{EPROTO, "a map has values of another size"};
    }
    std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
}

// Keys and values on their way to one map.
class Batch {
public:
    explicit Batch(MapStore& map) : map_(map) {}

    [[nodiscard]] Result<void> add(Bytes key, Bytes value) {
        keys_.insert(keys_.end(), key.begin(), key.end());
        values_.insert(values_.end(), value.begin(), value.end());
        if (++count_ == batch_max) {
            return write();
        }
        return {};
    }

    [[nodiscard]] Result<void> write() {
        if (count_ > 0) {
            TRY(map_.put_batch(keys_, values_, count_));
        }
        keys_.clear();
        values_.clear();
        count_ = 0;
        return {};
    }

private:
    MapStore& map_;
    std::vector<std::byte> keys_;
    std::vector<std::byte> values_;
    size_t count_ = 0;
};

constexpr size_t page = 4096;

size_t round_down(size_t bytes) {
    return bytes & ~(page - 1);
}

size_t round_up(size_t bytes) {
    return round_down(bytes + page - 1);
}

pc_rule_name rule_name(std::string_view text) {
    pc_rule_name name{};
    std::memcpy(name.name, text.data(), std::min(text.size(), sizeof(name.name) - 1));
    return name;
}

bool is_same(const std::vector<pc_limit>& a, const std::vector<pc_limit>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(a[0])) == 0;
}

// 24 bits, and 0 says that a flow was never judged.
uint32_t next_judgement(uint32_t before) {
    const uint32_t next = (before + 1) & 0xffffff;
    return next == 0 ? 1 : next;
}

bool owns(const RuleIds& owners, const std::string& name, uint32_t id) {
    const auto known = owners.find(name);
    return known != owners.end() && known->second == id;
}

// Another owner loses the id.
Result<void> give(RuleIds& owners, MapStore& names, const std::string& name, uint32_t id) {
    std::erase_if(owners, [id](const auto& owner) { return owner.second == id; });
    TRY(names.put(bytes_of(id), bytes_of(rule_name(name))));
    owners[name] = id;
    return {};
}

Result<RuleIds> owners_in(MapStore& names, uint32_t count) {
    RuleIds owners;
    for (uint32_t id = 1; id < count; ++id) {
        const auto name = TRY(value_as<pc_rule_name>(TRY(names.get(bytes_of(id)))));
        const size_t length = strnlen(name.name, sizeof(name.name));
        if (length > 0) {
            owners[std::string(name.name, length)] = id;
        }
    }
    return owners;
}

// A per-CPU value is zeroed on all CPUs.
Result<void> zero(MapStore& map, uint32_t index) {
    std::vector<std::byte> value = TRY(map.get(bytes_of(index)));
    std::fill(value.begin(), value.end(), std::byte{0});
    return map.put(bytes_of(index), value);
}

} // namespace

Result<pc_control> Generations::control() const {
    const uint32_t index = 0;
    return value_as<pc_control>(TRY(maps_.control.get(bytes_of(index))));
}

Result<void> Generations::put_control(const pc_control& control) {
    const uint32_t index = 0;
    return maps_.control.put(bytes_of(index), bytes_of(control));
}

Result<void> Generations::adopt() {
    const pc_control control = TRY(this->control());
    if (control.active >= PC_GENERATIONS) {
        return Error{EPROTO, "the pinned control map names a generation that does not exist"};
    }
    active_ = control.active;
    slots_ = {};
    const pc_generation& head = *TRY(this->head(active_));
    judgement_ = head.flows.judgement;
    const std::span<std::byte> arena = TRY(maps_.arena());
    const size_t table = size_t{head.base} + head.record_table;
    for (size_t slot = 0; slot < head.record_slots; ++slot) {
        pc_record record{};
        const size_t at = table + slot * sizeof(record);
        if (at + sizeof(record) > arena.size()) {
            return Error{EPROTO, "the pinned classifier is shorter than it says"};
        }
        std::memcpy(&record, arena.data() + at, sizeof(record));
        if (record.rule_id == 0 || record.rule_id >= PC_RULE_IDS_MAX || record.birth > head.epoch ||
            record.death <= head.epoch) {
            continue;
        }
        const auto name =
            TRY(value_as<pc_rule_name>(TRY(maps_.rule_names.get(bytes_of(record.rule_id)))));
        const size_t length = strnlen(name.name, sizeof(name.name));
        if (length > 0) {
            ids_[std::string(name.name, length)] = record.rule_id;
        }
    }
    return adopt_kept();
}

Result<pc_generation*> Generations::head(uint32_t slot) const {
    const std::span<std::byte> heads = TRY(maps_.heads());
    const size_t at = slot * sizeof(pc_generation); // a multiple of 8, as in the kernel
    static_assert(sizeof(pc_generation) % 8 == 0);
    assert(at + sizeof(pc_generation) <= heads.size());
    return static_cast<pc_generation*>(static_cast<void*>(heads.data() + at));
}

Result<void> Generations::accept_everything(const pc_generation& head) {
    assert(head.records == 0);
    *TRY(this->head(active_)) = head;
    return {};
}

Result<uint64_t> Generations::active_number() const {
    return TRY(head(active_))->number;
}

Result<size_t> Generations::arena_size() const {
    return TRY(maps_.arena()).size();
}

Result<InterfaceSlots> Generations::slots_of(const std::vector<Link>& links) const {
    InterfaceSlots slots = claimed_;
    for (const Link& link : links) {
        const uint32_t index = active_ * PC_IFINDEX_MAX + link.ifindex;
        if (link.ifindex < PC_IFINDEX_MAX && !slots.contains(link.ifindex)) {
            const auto iface = TRY(value_as<pc_iface>(TRY(maps_.ifaces.get(bytes_of(index)))));
            if (iface.slot != 0) {
                slots[link.ifindex] = iface.slot;
            }
        }
    }
    return slots;
}

Result<void> Generations::stage(std::shared_ptr<const Plan> plan, uint64_t number,
                                const ZonesOnLinks& zones, const std::vector<TimedRange>& dynamic,
                                const CostJudge& judge) {
    staged_ = false;
    Slot& slot = slots_[inactive()];
    auto classifier = TRY(Classifier::build(*plan, dynamic, TRY(maps_.random())));
    std::optional<ClassifierCost> cost;
    if (judge) {
        cost = cost_of(*classifier);
        if (!judge(*cost)) {
            cost = cost_of(*classifier, CostEffort::thorough);
            TRY(judge(*cost));
        }
    }
    const bool known = std::exchange(slot.plan, nullptr) != nullptr;
    // A packet may still be in the hands of a program that read this slot as the active one.
    TRY(maps_.wait_for_packets());
    slot.classifier.reset();
    TRY(stage_image(slot, std::move(classifier)));
    slot.cost = std::move(cost);
    slot.grown = false;
    TRY(stage_interfaces(zones, slot, known));
    TRY(claim_ids(*plan));
    TRY(claim_slots(zones.slots));
    TRY(stage_limits(*plan));
    TRY(stage_names(*plan));
    TRY(stage_head(*plan, number, slot));
    staged_ids_ = rule_ids(*plan);
    staged_slots_ = zones.slots;
    slot.plan = std::move(plan);
    staged_ = true;
    return {};
}

Result<void> Generations::stage_image(Slot& slot, std::unique_ptr<Classifier> classifier) {
    const size_t bytes = round_up(classifier->wanted());
    const uint32_t base = TRY(room_for(bytes));
    TRY(classifier->move_to(TRY(maps_.arena()).subspan(base, bytes), base));
    slot.classifier = std::move(classifier);
    return {};
}

// At one end or the other of what packets use.
Result<uint32_t> Generations::room_for(size_t bytes) {
    const pc_generation& running = *TRY(head(active_));
    const size_t low = running.base;
    const size_t high = round_up(size_t{running.base} + running.size);
    if (running.size == 0 || page + bytes <= low) {
        if (page + bytes <= TRY(arena_size())) {
            return static_cast<uint32_t>(page);
        }
    }
    if (high + bytes > TRY(arena_size())) {
        TRY(grow(std::bit_ceil(std::max(high, page) + bytes)));
    }
    return static_cast<uint32_t>(round_down(TRY(arena_size()) - bytes));
}

Result<void> Generations::grow(size_t bytes) {
    if (bytes > PC_ARENA_MAX) {
        return Error{E2BIG, "the rules need more memory than the classifier may have (" +
                                std::to_string(PC_ARENA_MAX >> 20) + " MiB)"};
    }
    TRY(maps_.grow_arena(bytes));
    Slot& running = slots_[active_];
    if (running.classifier) {
        const pc_generation& head = *TRY(this->head(active_));
        running.classifier->follow(TRY(maps_.arena()).subspan(head.base, head.size));
    }
    return {};
}

const RuleIds& Generations::ids() const {
    return ids_;
}

const KeptIds& Generations::kept_ids() const {
    return kept_;
}

const std::optional<ClassifierCost>& Generations::known_cost() const {
    return slots_[active_].cost;
}

std::optional<ClassifierCost> Generations::cost() const {
    const Slot& slot = slots_[active_];
    if (slot.classifier && (!slot.cost || slot.grown)) {
        slot.cost = cost_of(*slot.classifier);
        slot.grown = false;
    }
    return slot.cost;
}

// What packets cost after an edit is first bounded by what it adds, which takes no time; only if
// that is too much, what stands ready is looked at.
Result<void> Generations::judge_edit(Slot& slot, const Growth& growth, const CostJudge& judge) {
    if (slot.cost) {
        slot.cost = grown(*slot.cost, growth);
        slot.grown = true;
    }
    if (!judge || (slot.cost && judge(*slot.cost))) {
        return {};
    }
    slot.cost = cost_of(*slot.classifier);
    slot.grown = !growth.in_tables;
    if (!growth.in_tables) {
        slot.cost = grown(*slot.cost, growth);
    }
    // Rules that are built anew may cost less.
    return judge(*slot.cost) ? Result<void>() : Error{EXDEV, "packets might cost too much"};
}

// The names and counters of new rules first: they count from the edit's store on.
Result<void> Generations::edit(std::shared_ptr<const Plan> plan, uint64_t number,
                               const ZonesOnLinks& zones, const CostJudge& judge) {
    Slot& slot = slots_[active_];
    if (!slot.plan || !slot.classifier || !is_same(slot.tables, zones.tables)) {
        return Error{EXDEV, "the interfaces changed"};
    }
    if (!is_same(slot.plan->limits, plan->limits)) {
        return Error{EXDEV, "limits changed"};
    }
    pc_generation& live = *TRY(head(active_));
    TRY(claim_ids(*plan));
    const auto updated = slot.classifier->update(
        *plan, [&](const Growth& growth) { return judge_edit(slot, growth, judge); });
    if (!updated) {
        slot.cost.reset(); // what an edit leaves that did not happen still costs
        return updated;
    }
    std::atomic_ref<__u64>(live.number).store(number);
    judge_flows_again(live);
    ids_ = rule_ids(*plan);
    slot.plan = std::move(plan);
    return {};
}

Result<void> Generations::edit_dynamic(Family family, const WideRange& range,
                                       const std::vector<TimedRange>& entries) {
    Slot& slot = slots_[active_];
    if (!slot.classifier) {
        return Error{EXDEV, "the running rules are an earlier process's"};
    }
    pc_generation& live = *TRY(head(active_));
    TRY(slot.classifier->update_dynamic(family, range, entries));
    judge_flows_again(live);
    return {};
}

// After the rules changed: each flow meets them with its next packet.
void Generations::judge_flows_again(pc_generation& live) {
    judgement_ = next_judgement(judgement_);
    std::atomic_ref<__u32>(live.flows.judgement).store(judgement_);
}

Result<void> Generations::settle() {
    Classifier* classifier = slots_[active_].classifier.get();
    if (classifier != nullptr && classifier->unsettled()) {
        TRY(maps_.wait_for_packets());
        classifier->settle();
    }
    return {};
}

Result<void> Generations::stage_interfaces(const ZonesOnLinks& zones, Slot& slot, bool known) {
    const pc_iface none{};
    Batch ifaces(maps_.ifaces);
    const auto put = [&](uint32_t ifindex, const pc_iface& iface) {
        const uint32_t index = inactive() * PC_IFINDEX_MAX + ifindex;
        return ifaces.add(bytes_of(index), bytes_of(iface));
    };
    if (known) {
        for (const uint32_t ifindex : slot.ifaces) {
            if (!zones.tables.ifaces.contains(ifindex)) {
                TRY(put(ifindex, none));
            }
        }
    } else {
        for (uint32_t ifindex = 0; ifindex < PC_IFINDEX_MAX; ++ifindex) {
            TRY(put(ifindex, none));
        }
        TRY(ifaces.write());
    }
    slot.tables = zones.tables;
    slot.ifaces.clear();
    for (const auto& [ifindex, iface] : zones.tables.ifaces) {
        TRY(put(ifindex, iface));
        slot.ifaces.insert(ifindex);
    }
    TRY(ifaces.write());
    for (size_t i = 1; i < zones.tables.vlan_tables.size(); ++i) {
        const uint32_t index = inactive() * PC_VLAN_TABLES_MAX + static_cast<uint32_t>(i);
        TRY(maps_.vlan_zones.put(bytes_of(index), bytes_of(zones.tables.vlan_tables[i])));
    }
    return {};
}

Result<void> Generations::stage_head(const Plan& plan, uint64_t number, Slot& slot) {
    pc_generation& head = *TRY(this->head(inactive()));
    head = plan.generation;
    head.number = number;
    judgement_ = next_judgement(judgement_);
    head.flows.judgement = judgement_;
    slot.classifier->describe(head);
    slot.classifier->bind(head);
    return {};
}

// An id that the running rules do not use is free: its counters start at zero with the new owner.
Result<void> Generations::claim_ids(const Plan& plan) {
    for (const PlanRule& rule : plan.rules) {
        const auto known = ids_.find(rule.name);
        if (known != ids_.end() && known->second == rule.id) {
            continue;
        }
        TRY(zero(maps_.rule_counters, rule.id));
        TRY(maps_.rule_names.put(bytes_of(rule.id), bytes_of(rule_name(rule.name))));
    }
    return {};
}

// A limit keeps its id, and so its buckets and counters, also while no rule set has it; its id goes
// to another name when none is left.
Result<void> Generations::stage_limits(const Plan& plan) {
    for (size_t i = 1; i < plan.limits.size(); ++i) {
        const auto index = static_cast<uint32_t>(inactive() * PC_LIMITS_MAX + i);
        TRY(maps_.limits.put(bytes_of(index), bytes_of(plan.limits[i])));
    }
    for (const auto& [name, id] : pc::limit_ids(plan)) {
        if (owns(kept_.limits, name, id)) {
            continue;
        }
        TRY(zero(maps_.limit_counters, id));
        TRY(give(kept_.limits, maps_.limit_names, name, id));
    }
    return {};
}

// Likewise zones and inspectors, which running flows have the numbers of.
Result<void> Generations::stage_names(const Plan& plan) {
    for (const auto& [name, id] : zone_ids(plan)) {
        if (!owns(kept_.zones, name, id)) {
            TRY(give(kept_.zones, maps_.zone_names, name, id));
        }
    }
    for (const auto& [name, id] : inspect_ids(plan)) {
        if (!owns(kept_.inspects, name, id)) {
            TRY(give(kept_.inspects, maps_.inspect_names, name, id));
        }
    }
    return {};
}

Result<void> Generations::adopt_kept() {
    kept_.limits = TRY(owners_in(maps_.limit_names, PC_LIMITS_MAX));
    kept_.zones = TRY(owners_in(maps_.zone_names, PC_ZONES_MAX));
    kept_.inspects = TRY(owners_in(maps_.inspect_names, PC_INSPECTS_MAX));
    return {};
}

Result<void> Generations::claim_slots(const InterfaceSlots& slots) {
    const InterfaceSlots running = claimed_;
    for (const auto& [ifindex, slot] : slots) {
        const auto known = running.find(ifindex);
        const uint32_t in_active = active_ * PC_IFINDEX_MAX + ifindex;
        const auto active = TRY(value_as<pc_iface>(TRY(maps_.ifaces.get(bytes_of(in_active)))));
        if ((known == running.end() || known->second != slot) && active.slot != slot) {
            TRY(zero(maps_.iface_counters, slot));
        }
    }
    return {};
}

Result<void> Generations::flip(const InspectorWiring& wiring) {
    assert(staged_);
    pc_control control = TRY(this->control());
    control.abi_version = PC_ABI_VERSION;
    control.bypass_mark = wiring.bypass_mark;
    control.inspect_veth = wiring.veth;
    std::copy(wiring.mac.bytes.begin(), wiring.mac.bytes.end(), control.inspect_mac);
    // Two writes, so that the second is the store of one word.
    const pc_control before = TRY(this->control());
    TRY(put_control(control));
    control.active = inactive();
    auto flipped = put_control(control);
    if (!flipped) {
        (void)put_control(before); // ignoring: the error that counts is the first
        return flipped;
    }
    active_ = inactive();
    staged_ = false;
    ids_ = std::move(staged_ids_);
    claimed_ = std::move(staged_slots_);
    return {};
}

} // namespace pc::daemon
