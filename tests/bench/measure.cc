// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/measure.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>

#include <bpf/bpf.h>
#include <linux/bpf.h>

namespace pc::bench {
namespace {

int64_t now_ns() {
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

constexpr uint32_t first_runs = 1000;
constexpr size_t runs_min = 131072; // fewer only where time does not allow

} // namespace

Result<double> time_run(int program, uint32_t runs, const Input& input) {
    xdp_md context{};
    context.data_end = input.size;
    context.ingress_ifindex = input.ifindex;
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = input.bytes.data();
    options.data_size_in = input.size;
    if (input.ifindex != 0) {
        options.ctx_in = &context;
        options.ctx_size_in = sizeof(context);
    }
    options.repeat = static_cast<int>(runs);
    if (bpf_prog_test_run_opts(program, &options) != 0) {
        return Error{errno, "run a program of the benchmark"};
    }
    return options.duration; // of the program alone: other processes are left out
}

Result<nlohmann::json> time_above(int base, int program, size_t trace, const Effort& effort,
                                  const Input& input) {
    const double first = std::max(1.0, TRY(time_run(program, first_runs, input)));
    const auto affordable = static_cast<size_t>(effort.seconds * 1e9 / first);
    const auto runs = static_cast<uint32_t>(
        std::clamp(affordable, size_t{first_runs}, std::max(trace, runs_min)));
    (void)TRY(time_run(program, runs, input)); // warm
    std::vector<double> bases;
    std::vector<double> above;
    for (int round = 0; round < effort.rounds; round++) {
        bases.push_back(TRY(time_run(base, runs, input)));
        above.push_back(TRY(time_run(program, runs, input)) - bases.back());
    }
    return nlohmann::json{{"ns", median(above)}, {"base_ns", median(bases)}, {"rounds", above}};
}

uint64_t bytes_of_map(int map) {
    std::ifstream file("/proc/self/fdinfo/" + std::to_string(map));
    std::string word;
    uint64_t bytes = 0;
    while (file >> word) {
        if (word == "memlock:") {
            file >> bytes;
        }
    }
    return bytes;
}

double median(std::vector<double> values) {
    if (values.empty()) {
        return 0;
    }
    std::sort(values.begin(), values.end());
    const size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

nlohmann::json percentiles(std::vector<double> values) {
    if (values.empty()) {
        return {};
    }
    std::sort(values.begin(), values.end());
    return {{"p50", values[values.size() / 2]},
            {"p99", values[values.size() * 99 / 100]},
            {"max", values.back()},
            {"count", values.size()}};
}

Stopwatch::Stopwatch() : start_ns_(now_ns()) {}

double Stopwatch::seconds() const {
    return static_cast<double>(now_ns() - start_ns_) * 1e-9;
}

} // namespace pc::bench
