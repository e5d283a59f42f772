// SPDX-License-Identifier: GPL-3.0-or-later
// Tested by tests/unit/cost_test.cc.
#include "rules/cost_search.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <numeric>

namespace pc {

namespace {

constexpr size_t contained_max = 4096; // rows that are compared with each other
constexpr size_t pairs_max = 1024;     // that are looked at one by one
constexpr size_t open_max = size_t{1} << 18;
constexpr size_t none = SIZE_MAX;

template <typename Use>
void for_each_tuple(const uint64_t* row, size_t words, const Use& use) {
    for (size_t word = 0; word < words; word++) {
        for (uint64_t left = row[word]; left != 0; left &= left - 1) {
            use(word * 64 + static_cast<size_t>(std::countr_zero(left)));
        }
    }
}

// The processor may have no instruction for it.
uint64_t count_of(uint64_t bits) {
    bits -= bits >> 1 & 0x5555555555555555ULL;
    bits = (bits & 0x3333333333333333ULL) + (bits >> 2 & 0x3333333333333333ULL);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
    return bits * 0x0101010101010101ULL >> 56;
}

uint64_t hash_of(const uint64_t* row, size_t words) {
    uint64_t hash = words;
    for (size_t word = 0; word < words; word++) {
        hash = (hash ^ row[word]) * 0xd6e8feb86659fd93ULL;
        hash ^= hash >> 32;
    }
    return hash;
}

} // namespace

CostSearch::CostSearch(std::vector<uint32_t> weights, size_t words, uint64_t steps_max)
    : weights_(std::move(weights)), words_(words), steps_max_(steps_max) {
    assert(weights_.size() == words_ * 64);
}

void CostSearch::add(const Fields& fields, size_t alternative) {
    auto problem = std::make_shared<Problem>();
    problem->alternative = alternative;
    problem->weights = weights_;
    problem->words = words_;
    fill_planes(*problem);
    for (size_t i = 0; i < fields.size(); i++) {
        Rows& rows = problem->fields.at(i);
        rows.bits = *fields.at(i).rows;
        rows.origin.resize(rows.bits.size() / words_);
        std::iota(rows.origin.begin(), rows.origin.end(), 0U);
        assert(!rows.origin.empty());
    }
    guess(*problem);
    problems_.push_back(std::move(problem));
}

CostSearch::Found CostSearch::run() {
    for (std::shared_ptr<Problem>& problem : problems_) {
        solve(std::move(problem));
    }
    problems_.clear();
    while (!open_.empty() && open_.top().bound > best_.weight) {
        if (steps_ > steps_max_ || open_.size() > open_max) {
            best_.bound = open_.top().bound;
            return best_;
        }
        const Open next = open_.top();
        open_.pop();
        solve(with(*next.problem, next.index));
    }
    best_.bound = best_.weight;
    return best_;
}

// Fields of few rows first.
std::array<size_t, cost_fields> CostSearch::by_size(const Problem& problem) {
    std::array<size_t, cost_fields> order{};
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return problem.fields.at(a).origin.size() < problem.fields.at(b).origin.size();
    });
    return order;
}

// A good one to begin with: field by field the row that leaves the most.
void CostSearch::guess(const Problem& problem) {
    const std::array<size_t, cost_fields> order = by_size(problem);
    std::array<size_t, cost_fields> rows{};
    std::vector<uint64_t> left = shared_tuples(problem);
    std::vector<uint64_t> both(problem.words);
    uint64_t weight = 0;
    for (const size_t field : order) {
        const Rows& of = problem.fields.at(field);
        std::vector<uint64_t> best_left = left;
        weight = 0;
        for (size_t row = 0; row < of.origin.size(); row++) {
            for (size_t word = 0; word < problem.words; word++) {
                both[word] = left[word] & of.bits[row * problem.words + word];
            }
            const uint64_t with_row = weight_of(both.data(), problem);
            if (row == 0 || with_row > weight) {
                weight = with_row;
                rows.at(field) = row;
                best_left = both;
            }
        }
        left = best_left;
    }
    improve(problem, rows, weight);
}

void CostSearch::keep(Rows& rows, const std::vector<uint32_t>& kept, size_t words) const {
    Rows left;
    left.bits.reserve(kept.size() * words);
    for (const uint32_t row : kept) {
        const auto from = rows.bits.begin() + static_cast<ptrdiff_t>(row * words);
        left.bits.insert(left.bits.end(), from, from + static_cast<ptrdiff_t>(words));
        left.origin.push_back(rows.origin[row]);
        if (!rows.weights.empty()) {
            left.weights.push_back(rows.weights[row]);
        }
    }
    rows = std::move(left);
}

// The tuples that some row of every field has.
std::vector<uint64_t> CostSearch::shared_tuples(const Problem& problem) {
    std::vector<uint64_t> tuples(problem.words);
    for (size_t i = 0; i < problem.planes.size(); i++) {
        tuples[i % problem.words] |= problem.planes[i];
    }
    for (const Rows& rows : problem.fields) {
        meet(rows, tuples);
    }
    return tuples;
}

// One bit of all weights after the other, so that a row is weighed a word at a time.
void CostSearch::fill_planes(Problem& problem) {
    const uint32_t heaviest = *std::max_element(problem.weights.begin(), problem.weights.end());
    const auto planes = static_cast<size_t>(std::bit_width(heaviest));
    problem.planes.assign(planes * problem.words, 0);
    for (size_t tuple = 0; tuple < problem.weights.size(); tuple++) {
        for (size_t plane = 0; plane < planes; plane++) {
            const uint64_t bit = problem.weights[tuple] >> plane & 1;
            problem.planes[plane * problem.words + tuple / 64] |= bit << (tuple % 64);
        }
    }
}

uint64_t CostSearch::weight_of(const uint64_t* row, const Problem& problem) {
    uint64_t weight = 0;
    for (size_t i = 0, plane = 0; i < problem.planes.size(); plane++) {
        for (size_t word = 0; word < problem.words; word++, i++) {
            weight += count_of(row[word] & problem.planes[i]) << plane;
        }
    }
    steps_ += problem.planes.size() * 2;
    return weight;
}

void CostSearch::cut(Rows& rows, const std::vector<uint64_t>& tuples) {
    for (size_t i = 0; i < rows.bits.size(); i += tuples.size()) {
        for (size_t word = 0; word < tuples.size(); word++) {
            rows.bits[i + word] &= tuples[word];
        }
    }
    steps_ += rows.bits.size();
}

// Equal rows are one.
void CostSearch::unite(Rows& rows, size_t words) {
    const size_t count = rows.origin.size();
    std::vector<uint32_t> table(std::bit_ceil(count * 2), UINT32_MAX);
    std::vector<uint32_t> kept;
    for (uint32_t row = 0; row < count; row++) {
        const uint64_t* bits = &rows.bits[row * words];
        size_t at = hash_of(bits, words) & (table.size() - 1);
        while (table[at] != UINT32_MAX &&
               !std::equal(bits, bits + words, &rows.bits[table[at] * words])) {
            at = (at + 1) & (table.size() - 1);
        }
        if (table[at] == UINT32_MAX) {
            table[at] = row;
            kept.push_back(row);
        }
    }
    steps_ += count * (words + 4);
    if (kept.size() < count) {
        keep(rows, kept, words);
    }
}

// Those that can lead to something heavier than what is known; false: there are none.
bool CostSearch::weigh(Rows& rows, const Problem& problem) {
    const size_t count = rows.origin.size();
    std::vector<uint32_t> kept;
    rows.weights.resize(count);
    for (uint32_t row = 0; row < count; row++) {
        rows.weights[row] = weight_of(&rows.bits[row * problem.words], problem);
        if (rows.weights[row] > best_.weight) {
            kept.push_back(row);
        }
    }
    std::sort(kept.begin(), kept.end(), [&](uint32_t a, uint32_t b) {
        return rows.weights[a] != rows.weights[b] ? rows.weights[a] > rows.weights[b] : a < b;
    });
    keep(rows, kept, problem.words);
    return !kept.empty();
}

// A row that has all tuples of another is never lighter. The other one is looked for among those
// that have its rarest tuple.
void CostSearch::drop_contained(Rows& rows, size_t words) {
    const size_t count = rows.origin.size();
    if (count < 2 || count > contained_max) {
        return;
    }
    std::vector<std::vector<uint32_t>> having(words * 64);
    std::vector<uint32_t> kept;
    // Heaviest first: what contains a row comes before it.
    for (uint32_t row = 0; row < count; row++) {
        const uint64_t* bits = &rows.bits[row * words];
        size_t rarest = none;
        for_each_tuple(bits, words, [&](size_t tuple) {
            rarest =
                rarest == none || having[tuple].size() < having[rarest].size() ? tuple : rarest;
            steps_++;
        });
        const auto contains = [&](uint32_t other) {
            const uint64_t* larger = &rows.bits[other * words];
            steps_ += 2;
            for (size_t word = 0; word < words; word++) {
                if ((bits[word] & ~larger[word]) != 0) {
                    return false;
                }
            }
            return true;
        };
        const bool contained =
            rarest != none && std::any_of(having[rarest].begin(), having[rarest].end(), contains);
        if (contained) {
            continue;
        }
        kept.push_back(row);
        for_each_tuple(bits, words, [&](size_t tuple) { having[tuple].push_back(row); });
    }
    if (kept.size() < count) {
        keep(rows, kept, words);
    }
}

// Renumbers the tuples that are left, so that rows are short.
void CostSearch::compact(Problem& problem, const std::vector<uint64_t>& tuples) {
    std::vector<uint32_t> number(problem.words * 64);
    std::vector<uint32_t> weights;
    for_each_tuple(tuples.data(), tuples.size(), [&](size_t tuple) {
        number[tuple] = static_cast<uint32_t>(weights.size());
        weights.push_back(problem.weights[tuple]);
    });
    const size_t words = std::max<size_t>((weights.size() + 63) / 64, 1);
    if (words * 2 > problem.words) {
        return;
    }
    weights.resize(words * 64);
    for (Rows& rows : problem.fields) {
        std::vector<uint64_t> bits(rows.origin.size() * words);
        for (size_t row = 0; row < rows.origin.size(); row++) {
            for (size_t word = 0; word < problem.words; word++) {
                const uint64_t kept = rows.bits[row * problem.words + word] & tuples[word];
                for_each_tuple(&kept, 1, [&](size_t bit) {
                    const uint32_t to = number[word * 64 + bit];
                    bits[row * words + to / 64] |= 1ULL << (to % 64);
                    steps_++;
                });
            }
        }
        rows.bits = std::move(bits);
    }
    problem.weights = std::move(weights);
    problem.words = words;
    fill_planes(problem);
}

// Keeps of `tuples` what some row has.
void CostSearch::meet(const Rows& rows, std::vector<uint64_t>& tuples) {
    std::vector<uint64_t> any(tuples.size());
    for (size_t i = 0; i < rows.bits.size(); i += tuples.size()) {
        for (size_t word = 0; word < tuples.size(); word++) {
            any[word] |= rows.bits[i + word];
        }
    }
    for (size_t word = 0; word < tuples.size(); word++) {
        tuples[word] &= any[word];
    }
    steps_ += rows.bits.size();
}

// False: nothing in it is heavier than what is known. Fields of few rows first: they say most.
bool CostSearch::reduce(Problem& problem) {
    constexpr int turns = 3; // mostly the second changes little
    const std::array<size_t, cost_fields> order = by_size(problem);
    std::vector<uint64_t> tuples = shared_tuples(problem);
    for (int turn = 0; turn < turns; turn++) {
        size_t before = 0;
        size_t after = 0;
        for (const size_t field : order) {
            if (weight_of(tuples.data(), problem) <= best_.weight) {
                return false;
            }
            Rows& rows = problem.fields.at(field);
            before += rows.origin.size();
            cut(rows, tuples);
            unite(rows, problem.words);
            if (!weigh(rows, problem)) {
                return false;
            }
            drop_contained(rows, problem.words);
            meet(rows, tuples);
            after += rows.origin.size();
        }
        if (after == before) {
            break;
        }
    }
    compact(problem, tuples);
    return true;
}

// The rows that have order[index], without the tuples before it in the order.
std::shared_ptr<CostSearch::Problem> CostSearch::with(const Problem& problem, size_t index) {
    auto next = std::make_shared<Problem>();
    next->alternative = problem.alternative;
    next->weights = problem.weights;
    next->planes = problem.planes;
    next->words = problem.words;
    const size_t words = problem.words;
    const uint32_t tuple = problem.order[index];
    std::vector<uint64_t> left = problem.every;
    for (size_t i = index; i < problem.order.size(); i++) {
        left[problem.order[i] / 64] |= 1ULL << (problem.order[i] % 64);
    }
    for (size_t field = 0; field < cost_fields; field++) {
        const Rows& from = problem.fields.at(field);
        Rows& to = next->fields.at(field);
        for (size_t row = 0; row < from.origin.size(); row++) {
            if ((from.bits[row * words + tuple / 64] >> (tuple % 64) & 1) == 0) {
                continue;
            }
            to.origin.push_back(from.origin[row]);
            for (size_t word = 0; word < words; word++) {
                to.bits.push_back(from.bits[row * words + word] & left[word]);
            }
        }
        steps_ += from.origin.size() + to.bits.size();
    }
    return next;
}

void CostSearch::improve(const Problem& problem, const std::array<size_t, cost_fields>& rows,
                         uint64_t weight) {
    if (weight <= best_.weight) {
        return;
    }
    best_.weight = weight;
    best_.alternative = problem.alternative;
    for (size_t i = 0; i < rows.size(); i++) {
        best_.rows.at(i) = problem.fields.at(i).origin[rows.at(i)];
    }
}

// All other fields have one row.
void CostSearch::solve_two(const Problem& problem, size_t a, size_t b) {
    std::vector<uint64_t> left(problem.words, ~uint64_t{0});
    for (size_t i = 0; i < cost_fields; i++) {
        for (size_t word = 0; i != a && i != b && word < problem.words; word++) {
            left[word] &= problem.fields.at(i).bits[word];
        }
    }
    std::vector<uint64_t> both(problem.words);
    const Rows& first = problem.fields.at(a);
    const Rows& second = problem.fields.at(b);
    for (size_t i = 0; i < first.origin.size() && first.weights[i] > best_.weight; i++) {
        for (size_t k = 0; k < second.origin.size() && second.weights[k] > best_.weight; k++) {
            for (size_t word = 0; word < problem.words; word++) {
                both[word] = first.bits[i * problem.words + word] &
                             second.bits[k * problem.words + word] & left[word];
            }
            const uint64_t weight = weight_of(both.data(), problem);
            std::array<size_t, cost_fields> rows{};
            rows.at(a) = i;
            rows.at(b) = k;
            improve(problem, rows, weight);
        }
    }
}

void CostSearch::order_by_rarity(Problem& problem) {
    std::vector<uint64_t> count(problem.words * 64);
    uint64_t rows_of_all = 0;
    for (const Rows& rows : problem.fields) {
        rows_of_all += rows.origin.size();
        for (size_t row = 0; row < rows.origin.size(); row++) {
            for_each_tuple(&rows.bits[row * problem.words], problem.words, [&](size_t tuple) {
                count[tuple]++;
                steps_++;
            });
        }
    }
    problem.every.assign(problem.words, 0);
    for (uint32_t tuple = 0; tuple < count.size(); tuple++) {
        if (count[tuple] == rows_of_all) {
            problem.every[tuple / 64] |= 1ULL << (tuple % 64);
        } else if (count[tuple] > 0) {
            problem.order.push_back(tuple);
        }
    }
    std::stable_sort(problem.order.begin(), problem.order.end(),
                     [&](uint32_t a, uint32_t b) { return count[a] < count[b]; });
}

// What is heaviest has a rarest tuple: each of them is a smaller problem, for later.
void CostSearch::solve(std::shared_ptr<Problem> problem) {
    if (!reduce(*problem)) {
        return;
    }
    std::vector<size_t> wide;
    for (size_t i = 0; i < cost_fields; i++) {
        if (problem->fields.at(i).origin.size() > 1) {
            wide.push_back(i);
        }
    }
    if (wide.size() <= 2) {
        const size_t a = wide.empty() ? 0 : wide.front();
        const size_t b = wide.size() == 2 ? wide.back() : a == 0 ? 1 : 0;
        const size_t pairs =
            problem->fields.at(a).origin.size() * problem->fields.at(b).origin.size();
        if (wide.size() < 2 || pairs <= pairs_max) {
            solve_two(*problem, a, b);
            return;
        }
    }
    order_by_rarity(*problem);
    uint64_t weight = weight_of(problem->every.data(), *problem);
    improve(*problem, {}, weight);
    for (const uint32_t tuple : problem->order) {
        weight += problem->weights[tuple];
    }
    for (size_t i = 0; i < problem->order.size() && weight > best_.weight; i++) {
        open_.push({.bound = weight, .turn = ++turn_, .problem = problem, .index = i});
        weight -= problem->weights[problem->order[i]];
    }
}

} // namespace pc
