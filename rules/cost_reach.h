// SPDX-License-Identifier: GPL-3.0-or-later
// What packets of one family can meet in a live classifier, read from its image: the rows of each
// field with packets that have them, and for each tuple the longest chain that any key leads to.
// Edits may have left bits that no rule needs any more; packets meet these too.
#pragma once

#include <array>

#include "rules/classifier.h"

namespace pc {

// A packet as the classifier sees it.
struct CostPacket {
    WideAddress src = 0, dst = 0;
    uint32_t sport = 0, dport = 0; // of PC_PORT_INDEXES
    uint8_t proto = 0, zone = 0;

    bool operator==(const CostPacket&) const = default;
};

// The distinct rows of one field, and of each some values that lead to it: addresses, or numbers.
struct CostField {
    static constexpr size_t points_max = 4;

    struct Points {
        std::array<WideAddress, points_max> value{};
        size_t count = 0;
    };

    std::vector<uint64_t> rows; // words of tuples, one row after another
    std::vector<Points> points; // of each row
};

// What a packet costs if nothing ends the search early.
struct PacketCost {
    uint32_t tuples = 0;
    uint32_t buckets = 0;
    uint32_t records = 0;
};

class CostReach {
public:
    // Ports, ICMP types in their place, or neither.
    static constexpr size_t kinds = 3;

    CostReach(const Classifier& classifier, Family family);

    [[nodiscard]] size_t words() const { return tables_.words; }

    [[nodiscard]] const CostField& addresses(Side side) const {
        return addresses_.at(side == Side::src ? 0 : 1);
    }

    [[nodiscard]] const CostField& ports(Side side, size_t kind) const {
        return ports_.at(side == Side::src ? 0 : 1).at(kind);
    }

    [[nodiscard]] const CostField& protos(size_t kind) const { return protos_.at(kind); }

    [[nodiscard]] const CostField& zones() const { return zones_; }

    // By tuple: of the longest chain that a packet may be led to, and of the most entries of one
    // chain that ask their records and are found by the same key.
    [[nodiscard]] const std::vector<uint32_t>& buckets() const { return bucket_weights_; }

    [[nodiscard]] const std::vector<uint32_t>& records() const { return record_weights_; }

    [[nodiscard]] uint32_t longest_chain() const { return longest_chain_; }

    // The length of the chain that this bucket is in.
    [[nodiscard]] uint32_t chain_of(uint32_t bucket) const {
        return bucket < chain_of_.size() ? chain_of_[bucket] : 0;
    }

    [[nodiscard]] PacketCost cost_of(const CostPacket& packet) const;

private:
    // The different values under a tuple's mask that lead to it; not all if there are too many.
    struct Values {
        std::vector<WideAddress> list;
        bool too_many = false;
    };

    class RowIndex;

    void read_tuples();
    void read_addresses(Side side);
    void read_ports(Side side);
    void read_others();
    void read_chains();
    void read_records(const std::vector<uint32_t>& chain);
    void weigh_tuples();
    [[nodiscard]] std::optional<uint64_t> keys_of(uint32_t tuple) const;
    [[nodiscard]] uint32_t longest_of_keys(uint32_t tuple) const;
    [[nodiscard]] uint32_t longest_of_rest(uint32_t tuple, uint64_t addr) const;
    void add_chain(const pc_key& key, const std::array<uint32_t, 2>& indexes,
                   PacketCost& cost) const;
    [[nodiscard]] std::vector<uint64_t> row_at(uint32_t place) const;
    [[nodiscard]] std::vector<uint64_t> dynamic_tuples(Side side) const;
    void add_range(uint32_t tuple, Side side, const WideRange& range);
    void add_value(size_t field, uint32_t tuple, WideAddress value);
    void add_numbers(size_t field, const uint64_t* row, uint32_t first, uint32_t last,
                     uint64_t labels);
    [[nodiscard]] WideAddress address_mask(uint32_t tuple, Side side) const;
    [[nodiscard]] uint64_t addr_key(uint32_t tuple, WideAddress src, WideAddress dst) const;
    [[nodiscard]] uint32_t row_of_address(Side side, WideAddress address) const;

    const Classifier& classifier_;
    const Image& image_;
    Family family_;
    pc_tables tables_;
    uint64_t seed_;
    std::vector<pc_tuple> tuples_;
    std::vector<bool> used_; // tuples that have or had an entry
    std::array<CostField, 2> addresses_;
    std::array<std::array<CostField, kinds>, 2> ports_;
    std::array<CostField, kinds> protos_;
    CostField zones_;
    // By field, then by tuple: src, dst, sport, dport, proto, zone.
    std::array<std::vector<Values>, 6> values_;
    std::array<std::vector<uint64_t>, 6> open_; // tuples whose values are still collected
    size_t values_left_ = 0;
    std::vector<uint32_t> chain_of_;
    std::vector<uint32_t> bucket_weights_, record_weights_;
    uint32_t longest_chain_ = 0;
};

} // namespace pc
