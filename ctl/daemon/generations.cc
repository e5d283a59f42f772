// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/generations.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>

#include "rules/diff.h"

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

pc_addr_key key_of(const Prefix& prefix) {
    pc_addr_key key{};
    key.prefixlen = 32 + prefix.length;
    key.family = htonl(static_cast<uint32_t>(prefix.address.family));
    std::memcpy(key.addr, prefix.address.bytes.data(), sizeof(key.addr));
    return key;
}

bool same_addresses(const Plan& a, const Plan& b) {
    return std::equal(a.addresses.begin(), a.addresses.end(), b.addresses.begin(),
                      b.addresses.end(), [](const PlanAddress& x, const PlanAddress& y) {
                          return x.prefix == y.prefix && x.sets == y.sets;
                      });
}

bool same_macs(const Plan& a, const Plan& b) {
    return std::equal(a.macs.begin(), a.macs.end(), b.macs.begin(), b.macs.end(),
                      [](const pc_mac_key& x, const pc_mac_key& y) {
                          return std::memcmp(&x, &y, sizeof(x)) == 0;
                      });
}

// The parts that go into arrays. The lists of addresses may be long, and are written whole.
Plan arrays_of(const Plan& plan) {
    Plan arrays;
    arrays.generation = plan.generation;
    arrays.records = plan.records;
    arrays.number_sets = plan.number_sets;
    arrays.byte_sets = plan.byte_sets;
    return arrays;
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
    const auto head = TRY(value_as<pc_generation>(TRY(maps_.generations.get(bytes_of(active_)))));
    for (uint32_t i = 0; i < std::min<uint32_t>(head.records, PC_RECORDS_MAX); ++i) {
        const uint32_t index = active_ * PC_RECORDS_MAX + i;
        const auto record = TRY(value_as<pc_record>(TRY(maps_.records.get(bytes_of(index)))));
        const auto name =
            TRY(value_as<pc_rule_name>(TRY(maps_.rule_names.get(bytes_of(record.rule_id)))));
        const size_t length = strnlen(name.name, sizeof(name.name));
        if (length > 0) {
            ids_[std::string(name.name, length)] = record.rule_id;
        }
    }
    return {};
}

Result<void> Generations::accept_everything(const pc_generation& head) {
    assert(head.records == 0);
    return maps_.generations.put(bytes_of(active_), bytes_of(head));
}

Result<uint64_t> Generations::active_number() const {
    return TRY(value_as<pc_generation>(TRY(maps_.generations.get(bytes_of(active_))))).number;
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
                                const ZonesOnLinks& zones) {
    staged_ = false;
    Slot& slot = slots_[inactive()];
    const std::shared_ptr<const Plan> before = std::exchange(slot.plan, nullptr);
    // First of all, because putting a map into an outer map waits until no packet is in the hands
    // of a program that still uses this slot.
    TRY(stage_inner(*plan, slot));
    TRY(stage_arrays(before.get(), *plan));
    TRY(stage_interfaces(zones, slot, before != nullptr));
    TRY(claim_ids(*plan));
    TRY(claim_slots(zones.slots));
    TRY(stage_head(*plan, number));
    staged_ids_ = rule_ids(*plan);
    staged_slots_ = zones.slots;
    slot.plan = std::move(plan);
    staged_ = true;
    return {};
}

// A map that is active never changes, so both slots may share it.
Result<void> Generations::stage_inner(const Plan& plan, Slot& slot) {
    const Slot& running = slots_[active_];
    const uint32_t index = inactive();
    if (slot.addresses) {
        // What stands there already: only to wait.
        TRY(maps_.addr_sets.put(bytes_of(index), bytes_of(slot.addresses->fd)));
    }
    const bool same = running.plan && running.addresses && same_addresses(*running.plan, plan);
    const std::shared_ptr<InnerMap> addresses =
        same ? running.addresses : TRY(fill_addresses(plan));
    if (addresses != slot.addresses) {
        TRY(maps_.addr_sets.put(bytes_of(index), bytes_of(addresses->fd)));
        slot.addresses = addresses;
    }
    if (plan.macs.empty()) {
        return {}; // nothing asks the map
    }
    const bool same_list = running.plan && running.macs && same_macs(*running.plan, plan);
    const std::shared_ptr<InnerMap> macs = same_list ? running.macs : TRY(fill_macs(plan));
    if (macs != slot.macs) {
        TRY(maps_.macs.put(bytes_of(index), bytes_of(macs->fd)));
        slot.macs = macs;
    }
    return {};
}

Result<std::shared_ptr<InnerMap>> Generations::fill_addresses(const Plan& plan) const {
    const auto entries = static_cast<uint32_t>(plan.addresses.size());
    auto inner = std::make_shared<InnerMap>(TRY(maps_.make_inner("addr_sets", entries)));
    Batch batch(*inner->store);
    for (const PlanAddress& address : plan.addresses) {
        TRY(batch.add(bytes_of(key_of(address.prefix)), bytes_of(address.sets)));
    }
    TRY(batch.write());
    return inner;
}

Result<std::shared_ptr<InnerMap>> Generations::fill_macs(const Plan& plan) const {
    const auto entries = static_cast<uint32_t>(plan.macs.size());
    auto inner = std::make_shared<InnerMap>(TRY(maps_.make_inner("macs", entries)));
    Batch batch(*inner->store);
    const uint8_t member = 1;
    for (const pc_mac_key& key : plan.macs) {
        TRY(batch.add(bytes_of(key), bytes_of(member)));
    }
    TRY(batch.write());
    return inner;
}

Result<void> Generations::stage_arrays(const Plan* before, const Plan& plan) {
    Plan known;
    if (before != nullptr) {
        known = arrays_of(*before);
    }
    Batch records(maps_.records);
    Batch number_sets(maps_.number_sets);
    Batch byte_sets(maps_.byte_sets);
    const auto add = [this](Batch& batch, const MapOperation& operation, uint32_t entries) {
        uint32_t index = 0;
        assert(operation.key.size() == sizeof(index));
        std::memcpy(&index, operation.key.data(), sizeof(index));
        index += inactive() * entries;
        return batch.add(bytes_of(index), std::as_bytes(std::span(operation.value)));
    };
    for (const MapOperation& operation :
         diff(before != nullptr ? &known : nullptr, arrays_of(plan))) {
        if (operation.kind == MapOperation::Kind::remove) {
            continue; // an array keeps what nothing refers to
        }
        switch (operation.map) {
        case MapName::records:
            TRY(add(records, operation, PC_RECORDS_MAX));
            break;
        case MapName::number_sets:
            TRY(add(number_sets, operation, PC_NUMBER_SETS_MAX));
            break;
        case MapName::byte_sets:
            TRY(add(byte_sets, operation, PC_BYTE_SETS_MAX));
            break;
        case MapName::generations: // stage_head, with the number
        case MapName::addr_sets:   // stage_inner
        case MapName::macs:
            break;
        }
    }
    TRY(records.write());
    TRY(number_sets.write());
    return byte_sets.write();
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

Result<void> Generations::stage_head(const Plan& plan, uint64_t number) {
    pc_generation head = plan.generation;
    head.number = number;
    const uint32_t index = inactive();
    return maps_.generations.put(bytes_of(index), bytes_of(head));
}

// An id that the running rules do not use is free: its counters start at zero with the new owner.
Result<void> Generations::claim_ids(const Plan& plan) {
    for (const PlanRule& rule : plan.rules) {
        const auto known = ids_.find(rule.name);
        if (known != ids_.end() && known->second == rule.id) {
            continue;
        }
        pc_rule_name name{};
        std::memcpy(name.name, rule.name.data(), std::min(rule.name.size(), sizeof(name.name) - 1));
        TRY(zero(maps_.rule_counters, rule.id));
        TRY(maps_.rule_names.put(bytes_of(rule.id), bytes_of(name)));
    }
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

Result<void> Generations::set_blocks(uint32_t entries) {
    pc_control control = TRY(this->control());
    control.blocks = entries;
    return put_control(control);
}

} // namespace pc::daemon
