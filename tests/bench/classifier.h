// SPDX-License-Identifier: GPL-3.0-or-later
// The classifier under test, as the daemon fills it: rules into maps. How the rules are kept is
// known here and in bench_ask() of classify.bpf.c, and nowhere else in the benchmark.
#pragma once

#include <memory>
#include <optional>

#include "rules/classifier.h"
#include "tests/bench/rule_file.h"

struct bench_classify;

namespace pc::bench {

struct LoadTimes {
    double compile_s = 0; // rules to the contents of maps
    double store_s = 0;   // the contents into maps
};

class Classifier {
public:
    // With its program loaded, for packets of that family.
    [[nodiscard]] static Result<Classifier> open(Family family);

    // These rules and no others.
    [[nodiscard]] Result<LoadTimes> load(const RuleSet& rules);

    // One rule into the running rules, at its priority, or out of them: how long it took from the
    // rule as the daemon has it to the store that packets see.
    [[nodiscard]] Result<double> insert(const Rule& rule);
    [[nodiscard]] Result<double> remove(const Rule& rule);

    // What the rules take in the kernel.
    [[nodiscard]] uint64_t bytes() const;

    // Programs, by their names in classify.bpf.c.
    [[nodiscard]] int program(const char* name) const;

    void set_trace(const Trace& trace);

    // Asks for the first `count` headers of the trace: positions of rules, or no_rule.
    [[nodiscard]] Result<std::vector<uint32_t>> answers(size_t count);

    // Headers that a rule matched since the trace was set.
    [[nodiscard]] uint64_t matched() const;

private:
    struct Deleter {
        void operator()(bench_classify* skeleton) const;
    };

    [[nodiscard]] Result<double> edit();

    std::unique_ptr<bench_classify, Deleter> skeleton_;
    std::span<std::byte> arena_;
    pc_generation* head_ = nullptr;
    RuleSet rules_;
    std::optional<Plan> plan_; // what the image holds
    std::unique_ptr<pc::Classifier> image_;
};

} // namespace pc::bench
