// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/port_table.h"

#include <algorithm>
#include <cerrno>

namespace pc {

namespace {

constexpr size_t classes_most = 65535;

Error full() {
    return {.err = ENOSPC, .message = "too many classes of ports"};
}

} // namespace

std::vector<PortTable::Indexes> PortTable::indexes_of(const PortSpec& spec) {
    if (spec.is_any()) {
        return {{0, PC_PORT_NONE}};
    }
    const uint32_t offset = spec.kind == PortSpec::Kind::icmp ? PC_PORT_ICMP : 0;
    std::vector<Indexes> indexes;
    indexes.reserve(spec.ranges.size());
    for (const auto& [low, high] : spec.ranges) {
        indexes.emplace_back(low + offset, high + offset);
    }
    return indexes;
}

void PortTable::add_ranges(std::vector<PortSpec> specs) {
    std::sort(specs.begin(), specs.end(), [](const PortSpec& a, const PortSpec& b) {
        const auto span = [](const PortSpec& spec) {
            return spec.is_any() ? 0 : spec.ranges.front().second - spec.ranges.front().first;
        };
        return span(a) > span(b);
    });
    for (const PortSpec& spec : specs) {
        if (spec.has_layer()) {
            // Without a layer the range is asked of the record.
            (void)add_range(spec.ranges.front().first, spec.ranges.front().second);
        }
    }
}

// Into the first layer where it meets no other.
bool PortTable::add_range(uint16_t low, uint16_t high) {
    if (label_of(low, high)) {
        return true;
    }
    for (Layer& layer : layers_) {
        const auto after = layer.ranges.upper_bound(high);
        const bool free = after == layer.ranges.begin() || std::prev(after)->second.first < low;
        if (free && layer.next_label != UINT16_MAX) {
            layer.ranges[low] = {high, layer.next_label++};
            return true;
        }
    }
    return false;
}

std::optional<std::pair<size_t, uint16_t>> PortTable::label_of(uint16_t low, uint16_t high) const {
    for (size_t i = 0; i < layers_.size(); i++) {
        const auto found = layers_[i].ranges.find(low);
        if (found != layers_[i].ranges.end() && found->second.first == high) {
            return std::pair(i, found->second.second);
        }
    }
    return std::nullopt;
}

PortKey PortTable::key_of(const PortSpec& spec) const {
    PortKey key;
    if (spec.is_any()) {
        return key;
    }
    key.kind = PortKey::Kind::record;
    if (spec.ranges.size() != 1) {
        return key;
    }
    const auto& [low, high] = spec.ranges.front();
    key.low = low;
    key.high = high;
    if (low == high) {
        key.kind = PortKey::Kind::exact;
        key.mask = 0xffff;
        key.value = low;
    } else if (const auto label = label_of(low, high); label && spec.has_layer()) {
        key.kind = PortKey::Kind::layer;
        key.layer = static_cast<uint8_t>(label->first + 1);
        key.mask = uint64_t{0xffff} << (16 * key.layer);
        key.value = uint64_t{label->second} << (16 * key.layer);
    }
    return key;
}

uint64_t PortTable::labels_at(uint32_t index) const {
    uint64_t labels = 0;
    for (size_t i = 0; i < layers_.size() && index < PC_PORT_ICMP; i++) {
        const auto after = layers_[i].ranges.upper_bound(static_cast<uint16_t>(index));
        if (after != layers_[i].ranges.begin() && std::prev(after)->second.first >= index) {
            labels |= uint64_t{std::prev(after)->second.second} << (16 * (i + 1));
        }
    }
    return labels;
}

Result<uint32_t> PortTable::class_of(const Class& value) {
    const auto known = by_class_.find(value);
    if (known != by_class_.end()) {
        return known->second;
    }
    const auto number = static_cast<uint32_t>(by_class_.size());
    if (number >= classes_max_) {
        return full();
    }
    image_->write(static_cast<uint32_t>(classes_ + number * sizeof(pc_port_class)),
                  pc_port_class{.labels = value.first, .row = value.second, .zero = 0});
    by_class_.emplace(value, number);
    return number;
}

Result<void> PortTable::build(const std::map<PortSpec, RowBits>& specs, size_t words) {
    rows_ = RowTable(*image_, words);
    // Where anything begins or has just ended, the class may change.
    std::map<uint32_t, std::vector<std::pair<const RowBits*, int>>> cuts;
    cuts[0];
    for (const auto& [spec, tuples] : specs) {
        for (const auto& [first, last] : indexes_of(spec)) {
            cuts[first].emplace_back(&tuples, 1);
            cuts[last + 1].emplace_back(&tuples, -1);
        }
    }
    for (const Layer& layer : layers_) {
        for (const auto& [first, range] : layer.ranges) {
            cuts[first];
            cuts[range.first + 1U];
        }
    }
    cuts[PC_PORT_ICMP];
    cuts[PC_PORT_INDEXES];
    classes_max_ = std::min(cuts.size() * 2 + 256, classes_most);
    ports_ = TRY(image_->allocate(PC_PORT_INDEXES * sizeof(uint16_t)));
    classes_ = TRY(image_->allocate(classes_max_ * sizeof(pc_port_class)));
    std::vector<int> held(rows_.words() * 64);
    RowBits bits(rows_.words());
    for (auto cut = cuts.begin(); cut->first < PC_PORT_INDEXES; ++cut) {
        for (const auto& [tuples, step] : cut->second) {
            for (size_t tuple = 0; tuple < held.size(); tuple++) {
                if (bit_of(*tuples, tuple)) {
                    held[tuple] += step;
                    set_bit(bits, tuple, held[tuple] > 0);
                }
            }
        }
        const Class value{labels_at(cut->first), TRY(rows_.place_of(bits))};
        const auto number = static_cast<uint16_t>(TRY(class_of(value)));
        for (uint32_t index = cut->first; index < std::next(cut)->first; index++) {
            image_->write(static_cast<uint32_t>(ports_ + index * sizeof(uint16_t)), number);
        }
    }
    return {};
}

uint32_t PortTable::row_of(uint32_t index) const {
    const auto number =
        image_->read<uint16_t>(static_cast<uint32_t>(ports_ + index * sizeof(uint16_t)));
    return class_at(number).row;
}

pc_port_class PortTable::class_at(uint16_t number) const {
    return image_->read<pc_port_class>(
        static_cast<uint32_t>(classes_ + number * sizeof(pc_port_class)));
}

// A tuple too many in a row does no harm, and neither does a label of which no entry knows: so each
// port may change by itself.
Result<void> PortTable::add(const PortSpec& spec, size_t tuple) {
    if (spec.is_any()) {
        rows_.set_everywhere(tuple);
        return {};
    }
    if (spec.has_layer()) {
        (void)add_range(spec.ranges.front().first, spec.ranges.front().second);
    }
    const PortKey key = key_of(spec);
    std::vector<uint32_t> changed(by_class_.size(),
                                  UINT32_MAX); // by class; all ones: not yet known
    for (const auto& [first, last] : indexes_of(spec)) {
        for (uint32_t index = first; index <= last; index++) {
            const auto at = static_cast<uint32_t>(ports_ + index * sizeof(uint16_t));
            const auto number = image_->read<uint16_t>(at);
            if (number >= changed.size()) {
                continue; // made just now
            }
            if (changed[number] == UINT32_MAX) {
                const pc_port_class before = class_at(number);
                const Class value{(before.labels & ~key.mask) | (key.mask & ~0xffffULL & key.value),
                                  TRY(rows_.with(before.row, tuple, true))};
                changed[number] = TRY(class_of(value));
            }
            if (changed[number] != number) {
                image_->publish(at, static_cast<uint16_t>(changed[number]));
            }
        }
    }
    return {};
}

} // namespace pc
