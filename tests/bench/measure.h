// SPDX-License-Identifier: GPL-3.0-or-later
// Times BPF programs by BPF_PROG_TEST_RUN.
#pragma once

#include <array>

#include <nlohmann/json.hpp>

#include "rules/result.h"

namespace pc::bench {

struct Effort {
    int rounds = 5;
    double seconds = 0.1; // each measurement takes at most about that long
};

// What each run starts with, but for what earlier runs wrote into it.
struct Input {
    std::array<unsigned char, 128> bytes{};
    uint32_t size = 64;
    uint32_t ifindex = 0; // 0: of none
};

// What a program costs a run, in ns, the empty run included.
[[nodiscard]] Result<double> time_run(int program, uint32_t runs, const Input& input = {});

// The median cost of `program` above that of `base`, rounds of both in turn: {"ns": .., "base_ns":
// .., "rounds": [..]}. Each round asks for the whole trace, if there is time.
[[nodiscard]] Result<nlohmann::json> time_above(int base, int program, size_t trace,
                                                const Effort& effort, const Input& input = {});

// Bytes that a map takes, as the kernel counts them.
[[nodiscard]] uint64_t bytes_of_map(int map);

[[nodiscard]] double median(std::vector<double> values);

// {"p50": .., "p99": .., "max": ..}
[[nodiscard]] nlohmann::json percentiles(std::vector<double> values);

class Stopwatch {
public:
    Stopwatch();
    [[nodiscard]] double seconds() const;

private:
    int64_t start_ns_;
};

} // namespace pc::bench
