// SPDX-License-Identifier: GPL-3.0-or-later
// The heaviest set of tuples that one packet can have as candidates: of each field one row, and the
// tuples that are in all of them. Branch and bound: a row of one field is chosen, the others are
// cut down to its tuples, and what then is equal, contained in another or too light goes. Steps are
// counted, not timed: when they are used up, the bound of what was not looked at is the answer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <queue>
#include <vector>

namespace pc {

// Of a packet, in this order: source, destination, their ports, protocol, zone.
inline constexpr size_t cost_fields = 6;

class CostSearch {
public:
    // Tuples are numbered from 0; a row is `words` words of 64 of them.
    CostSearch(std::vector<uint32_t> weights, size_t words, uint64_t steps_max);

    // Rows of a field, one after another; at least one.
    struct Field {
        const std::vector<uint64_t>* rows = nullptr;
    };

    using Fields = std::array<Field, cost_fields>;

    // Every combination of a row of each field is possible. `alternative` is the caller's, for
    // run().
    void add(const Fields& fields, size_t alternative);

    struct Found {
        uint64_t weight = 0; // the heaviest that was looked at
        uint64_t bound = 0;  // nothing is heavier; larger only if the steps were used up
        std::array<size_t, cost_fields> rows{};
        size_t alternative = 0;
    };

    [[nodiscard]] Found run();

    [[nodiscard]] uint64_t steps() const { return steps_; }

private:
    // Rows that are left of one field.
    struct Rows {
        std::vector<uint64_t> bits;
        std::vector<uint32_t> origin; // which row of the field each is
        std::vector<uint64_t> weights;
    };

    struct Problem {
        size_t alternative = 0;
        std::vector<uint32_t> weights; // of tuples, and by their bits
        std::vector<uint64_t> planes;
        size_t words = 0;
        std::array<Rows, cost_fields> fields;
        std::vector<uint64_t> every; // tuples that all rows have
        std::vector<uint32_t> order; // the others, the rarest first
    };

    // Combinations of a problem whose rarest tuple is order[index].
    struct Open {
        uint64_t bound = 0;
        uint64_t turn = 0;
        std::shared_ptr<const Problem> problem;
        size_t index = 0;

        // Of equal bounds the newest, which is closest to its end.
        bool operator<(const Open& other) const {
            return bound != other.bound ? bound < other.bound : turn < other.turn;
        }
    };

    static void fill_planes(Problem& problem);
    void guess(const Problem& problem);
    void solve(std::shared_ptr<Problem> problem);
    [[nodiscard]] uint64_t weight_of(const uint64_t* row, const Problem& problem);
    [[nodiscard]] std::shared_ptr<Problem> with(const Problem& problem, size_t index);
    void order_by_rarity(Problem& problem);
    [[nodiscard]] bool reduce(Problem& problem);
    void solve_two(const Problem& problem, size_t a, size_t b);
    [[nodiscard]] std::vector<uint64_t> shared_tuples(const Problem& problem);
    [[nodiscard]] static std::array<size_t, cost_fields> by_size(const Problem& problem);
    void meet(const Rows& rows, std::vector<uint64_t>& tuples);
    void cut(Rows& rows, const std::vector<uint64_t>& tuples);
    void unite(Rows& rows, size_t words);
    [[nodiscard]] bool weigh(Rows& rows, const Problem& problem);
    void drop_contained(Rows& rows, size_t words);
    void compact(Problem& problem, const std::vector<uint64_t>& tuples);
    void keep(Rows& rows, const std::vector<uint32_t>& kept, size_t words) const;
    void improve(const Problem& problem, const std::array<size_t, cost_fields>& rows,
                 uint64_t weight);

    std::vector<uint32_t> weights_;
    size_t words_;
    uint64_t steps_max_;
    uint64_t steps_ = 0;
    uint64_t turn_ = 0;
    std::vector<std::shared_ptr<Problem>> problems_;
    std::priority_queue<Open> open_;
    Found best_;
};

} // namespace pc
