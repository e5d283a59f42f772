// SPDX-License-Identifier: GPL-3.0-or-later
// From a port, or the ICMP type or code in its place, to its class: the row, and for each layer of
// disjoint ranges the one that holds it (struct pc_port_class).
#pragma once

#include <array>
#include <map>
#include <optional>

#include "rules/abi.h"
#include "rules/row_table.h"

namespace pc {

// What an entry asks of one port. A list that is no range is asked of the record; its ranges are
// still pruned.
struct PortSpec {
    enum class Kind : uint8_t { any, port, icmp } kind{};
    std::vector<std::pair<uint16_t, uint16_t>> ranges; // kinds port and icmp: sorted; one or more

    auto operator<=>(const PortSpec&) const = default;

    [[nodiscard]] bool is_any() const { return kind == Kind::any; }

    [[nodiscard]] bool is_exact() const {
        return !is_any() && ranges.size() == 1 && ranges.front().first == ranges.front().second;
    }

    // A range that may be part of a key by its label. Every port is no part of a key.
    [[nodiscard]] bool has_layer() const {
        return kind == Kind::port && ranges.size() == 1 && !is_exact() &&
               ranges.front() != std::pair<uint16_t, uint16_t>(0, 65535);
    }
};

// How a spec takes part in an entry's key.
struct PortKey {
    enum class Kind : uint8_t { none, exact, layer, record } kind{};
    uint8_t layer = 0; // 1-3
    uint64_t mask = 0; // of labels | port
    uint64_t value = 0;
    uint16_t low = 0; // of the range that an entry asks for; record: everything
    uint16_t high = 65535;
};

class PortTable {
public:
    // The image must outlive the table.
    explicit PortTable(Image& image) : image_(&image), rows_(image, 0) {}

    // All specs of the rules first, the largest ranges before the ones inside of them.
    void add_ranges(std::vector<PortSpec> specs);

    // The key of a spec. A range that finds no layer free is asked of the record.
    [[nodiscard]] PortKey key_of(const PortSpec& spec) const;

    // Each spec with the tuples that have it, in rows of `words` words.
    [[nodiscard]] Result<void> build(const std::map<PortSpec, RowBits>& specs, size_t words);

    // Adds a tuple to the rows of a spec, and the range to a layer if it is new. ENOSPC: too many
    // classes.
    [[nodiscard]] Result<void> add(const PortSpec& spec, size_t tuple);

    void tidy() { rows_.tidy(); }

    // __u16[PC_PORT_INDEXES] and struct pc_port_class[].
    [[nodiscard]] uint32_t ports() const { return ports_; }

    [[nodiscard]] uint32_t classes() const { return classes_; }

    [[nodiscard]] size_t class_count() const { return by_class_.size(); }

    [[nodiscard]] const RowTable& rows() const { return rows_; }

    [[nodiscard]] uint32_t row_of(uint32_t index) const;
    [[nodiscard]] pc_port_class class_at(uint16_t number) const;

    // The first and last index of a spec's ranges among PC_PORT_INDEXES.
    using Indexes = std::pair<uint32_t, uint32_t>;
    [[nodiscard]] static std::vector<Indexes> indexes_of(const PortSpec& spec);

private:
    using Class = std::pair<uint64_t, uint32_t>; // labels, row

    struct Layer {
        std::map<uint16_t, std::pair<uint16_t, uint16_t>> ranges; // first -> last, label
        uint16_t next_label = 1;
    };

    [[nodiscard]] bool add_range(uint16_t low, uint16_t high);
    [[nodiscard]] std::optional<std::pair<size_t, uint16_t>> label_of(uint16_t low,
                                                                      uint16_t high) const;
    [[nodiscard]] uint64_t labels_at(uint32_t index) const;
    [[nodiscard]] Result<uint32_t> class_of(const Class& value);

    Image* image_;
    RowTable rows_;
    std::array<Layer, 3> layers_;
    std::map<Class, uint32_t> by_class_;
    uint32_t ports_ = 0;
    uint32_t classes_ = 0;
    size_t classes_max_ = 0;
};

} // namespace pc
