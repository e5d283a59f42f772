// SPDX-License-Identifier: GPL-3.0-or-later
// What tests/bench/run flows asks of a running portcullisd, one command a process; each prints
// JSON. PINS is the folder of its pins; to be run in its network namespace.
//
// known PINS IFINDEX FAMILY PROTO FLOWS ROUNDS SECONDS: opens these flows by packets of both sides,
// then times the daemon's program with packets of them (BPF_PROG_TEST_RUN), above an empty program
// established PINS: packets that were accepted as of known flows
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ctl/kern/fd.h"
#include "rules/abi.h"
#include "tests/bench/flow_words.h"
#include "tests/bench/frame.h"
#include "tests/bench/measure.h"

// The skeleton needs the types that stand before it.
// clang-format off
#include "bench_flows.skel.h"

// clang-format on

namespace pc::bench {
namespace {

using nlohmann::json;
using Words = std::span<char* const>;

constexpr uint32_t tcp_syn = 2;
constexpr uint32_t tcp_ack = 16;

struct SkeletonDeleter {
    void operator()(bench_flows* skeleton) const { bench_flows__destroy(skeleton); }
};

using Skeleton = std::unique_ptr<bench_flows, SkeletonDeleter>;

Result<Fd> open_pin(const std::string& pins, const char* name) {
    const int fd = bpf_obj_get((pins + "/" + name).c_str());
    if (fd < 0) {
        return Error{errno, "open pin " + pins + "/" + name + ": " + std::strerror(errno)};
    }
    return Fd(fd);
}

Result<uint64_t> packets_of_reason(const std::string& pins, uint32_t reason) {
    const Fd reasons = TRY(open_pin(pins, "reasons"));
    std::vector<pc_counter> counters(static_cast<size_t>(libbpf_num_possible_cpus()));
    if (bpf_map_lookup_elem(reasons.get(), &reason, counters.data()) != 0) {
        return Error{errno, "read the counters of reasons"};
    }
    uint64_t packets = 0;
    for (const pc_counter& counter : counters) {
        packets += counter.packets;
    }
    return packets;
}

Result<Skeleton> load(const Fd& filter) {
    Skeleton skeleton(bench_flows__open_and_load());
    if (!skeleton) {
        return Error{errno, std::string("load the benchmark's programs: ") + std::strerror(errno)};
    }
    const int targets = bpf_map__fd(skeleton->maps.targets);
    const int programs[] = {bpf_program__fd(skeleton->progs.bench_empty), filter.get()};
    for (uint32_t i = 0; i < std::size(programs); i++) {
        if (bpf_map_update_elem(targets, &i, &programs[i], BPF_ANY) != 0) {
            return Error{errno, std::string("call a program: ") + std::strerror(errno)};
        }
    }
    return skeleton;
}

class KnownFlows {
public:
    KnownFlows(Skeleton skeleton, const bench_flow_set& set, uint32_t ifindex)
        : skeleton_(std::move(skeleton)), set_(set) {
        const Frame frame = frame_template(set.family);
        input_ = {.bytes = frame.bytes, .size = frame.size, .ifindex = ifindex};
    }

    // One packet of each flow.
    Result<void> send(uint32_t tcp_flags, uint32_t answers) {
        set_.order = BENCH_IN_TURN;
        set_.tcp_flags = tcp_flags;
        set_.answers = answers;
        skeleton_->bss->flow_set = set_;
        skeleton_->bss->next_packet = 0;
        (void)TRY(time_run(filter(), set_.count, input_));
        return {};
    }

    // Twice, as clients do that got no answer: as long as none of these flows is answered, one that
    // finds its places full ends another.
    Result<void> open() {
        for (int attempt = 0; attempt < 2; attempt++) {
            TRY(send(tcp_syn, 0));
            TRY(send(tcp_syn | tcp_ack, 1));
            TRY(send(tcp_ack, 0));
        }
        return {};
    }

    Result<json> time(bench_order order, const Effort& effort) {
        set_.order = order;
        set_.tcp_flags = tcp_ack;
        set_.answers = 0;
        skeleton_->bss->flow_set = set_;
        const int base = bpf_program__fd(skeleton_->progs.bench_pass_on);
        return time_above(base, filter(), set_.count, effort, input_);
    }

private:
    [[nodiscard]] int filter() const { return bpf_program__fd(skeleton_->progs.bench_filter); }

    Skeleton skeleton_;
    bench_flow_set set_;
    Input input_;
};

uint32_t number(const char* word) {
    return static_cast<uint32_t>(std::strtoul(word, nullptr, 10));
}

Result<json> known(Words words) {
    const std::string pins = words[0];
    const Fd filter = TRY(open_pin(pins, "prog_filter"));
    const bench_flow_set set{.family = number(words[2]),
                             .proto = number(words[3]),
                             .count = number(words[4]),
                             .order = BENCH_IN_TURN,
                             .tcp_flags = 0,
                             .answers = 0};
    const Effort effort{.rounds = std::atoi(words[5]), .seconds = std::atof(words[6])};
    KnownFlows flows(TRY(load(filter)), set, number(words[1]));
    TRY(flows.open());
    const uint64_t before = TRY(packets_of_reason(pins, PC_REASON_ESTABLISHED));
    TRY(flows.send(tcp_ack, 0));
    json result{{"flows", set.count},
                {"known", TRY(packets_of_reason(pins, PC_REASON_ESTABLISHED)) - before}};
    result["uniform"] = TRY(flows.time(BENCH_UNIFORM, effort));
    result["hot"] = TRY(flows.time(BENCH_HOT, effort));
    return result;
}

Result<json> established(Words words) {
    return json{{"packets", TRY(packets_of_reason(words[0], PC_REASON_ESTABLISHED))}};
}

struct Command {
    size_t words_min;
    Result<json> (*run)(Words);
};

const std::map<std::string, Command> commands{
    {"known", {7, known}},
    {"established", {1, established}},
};

} // namespace

int run(int argc, char** argv) {
    const Words words(argv, static_cast<size_t>(argc));
    const auto command = argc < 2 ? commands.end() : commands.find(words[1]);
    if (command == commands.end() || words.size() - 2 < command->second.words_min) {
        std::fputs("usage: see tests/bench/flows.cc\n", stderr);
        return 2;
    }
    const Result<json> result = command->second.run(words.subspan(2));
    if (!result.ok()) {
        std::fprintf(stderr, "bench_flows: %s\n", result.error().message.c_str());
        return 1;
    }
    std::printf("%s\n", result.value().dump().c_str());
    return 0;
}

} // namespace pc::bench

int main(int argc, char** argv) {
    return pc::bench::run(argc, argv);
}
