// SPDX-License-Identifier: GPL-3.0-or-later
// Which names had the most flows, and which the most bytes, of the last minutes, in memory that is
// bounded whatever clients ask for. Pure.
//
// "Space-saving" (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k
// Elements in Data Streams, 2005): a name that has no place takes that of the lightest one, and its
// weight with it. So a name that is heavier than the whole divided by the places is never missed,
// and what is printed is what was counted since the name has its place: never too much, and at most
// `missed` too little.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ctl/protocol/protocol.h"

namespace pc::protocol {

struct NameTally {
    uint64_t flows = 0; // judged
    uint64_t denied = 0;
    uint64_t bytes_to_server = 0;
    uint64_t bytes_to_client = 0;

    [[nodiscard]] uint64_t bytes() const { return bytes_to_server + bytes_to_client; }

    void add(const NameTally& other);

    bool operator==(const NameTally&) const = default;
};

enum class NameOrder : uint8_t { flows, bytes };

struct NameRow {
    std::string name; // empty: no name
    NameTally tally;
    uint64_t missed = 0; // flows, or bytes, that it may have had before
};

// Of one weight: each tally adds its flows, or its bytes.
class NameSummary {
public:
    NameSummary(NameOrder order, size_t places) : order_(order), places_(places) {}

    void add(std::string_view name, const NameTally& tally);

    [[nodiscard]] const NameTally& total() const { return total_; }

    // In no order.
    [[nodiscard]] std::vector<NameRow> rows() const;

    void clear();

private:
    struct Place {
        std::string name;
        NameTally tally;
        uint64_t weight = 0;
        uint64_t missed = 0;
    };

    [[nodiscard]] uint64_t weight_of(const NameTally& tally) const;
    void put(size_t place, std::string_view name);

    NameOrder order_;
    size_t places_;
    std::vector<Place> all_;
    std::unordered_map<std::string, size_t> by_name_;
    std::set<std::pair<uint64_t, size_t>> by_weight_; // the lightest first
    NameTally total_;
};

// What one worker counts, or what several together have counted.
struct NameCounts {
    std::vector<NameRow> rows;
    NameTally total; // with the names that have no row

    // Sums of rows of the same name.
    void add(const NameCounts& other);

    // The first `limit` in that order.
    void keep(NameOrder order, size_t limit);
};

// Of the last `turn_ms` to twice that: two summaries of each weight, of which the older one is
// forgotten at each turn.
class TopNames {
public:
    static constexpr size_t places = 512;
    static constexpr uint64_t turn_ms = 300'000;

    void add(std::string_view name, const NameTally& tally);

    // Monotonic.
    void tick(uint64_t now_ms);

    [[nodiscard]] NameCounts counts(NameOrder order) const;

private:
    struct Epoch {
        NameSummary flows{NameOrder::flows, places};
        NameSummary bytes{NameOrder::bytes, places};
    };

    Epoch now_, before_;
    uint64_t turned_ms_ = 0;
};

[[nodiscard]] Json names_object(const NameCounts& counts);

// What is missing or of another type is 0: the other side may be of another version.
[[nodiscard]] NameCounts names_in(const Json& object);

} // namespace pc::protocol
