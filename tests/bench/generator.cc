// SPDX-License-Identifier: GPL-3.0-or-later
// Drives the generator: bench_generator IFINDEX MAC TRACE PACKETS, in the netns of the sending
// veth, sends that many frames to that MAC address and prints the nanoseconds it took. Three runs
// of 64 frames go before, to learn what a run costs without packets; with `once` they do not. TRACE
// is a file of traces.py or a set of flows (flow_words.h). bench_generator paced IFINDEX MAC TRACE
// PPS SECONDS sends flows at that rate. bench_generator attach-empty IFINDEX attaches the empty
// program that drops all (detach with `ip link set DEV xdp off`).
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <netinet/ether.h>
#include <unistd.h>

#include "tests/bench/flow_words.h"
#include "tests/bench/frame.h"
#include "tests/bench/traces.h"

// The skeleton needs the types that stand before it.
// clang-format off
#include "bench_generator.skel.h"

// clang-format on

namespace {

using pc::bench::Frame;
using pc::bench::Trace;

struct SkeletonDeleter {
    void operator()(bench_generator* skeleton) const { bench_generator__destroy(skeleton); }
};

using Skeleton = std::unique_ptr<bench_generator, SkeletonDeleter>;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

constexpr unsigned batch = 64;
constexpr unsigned slow_ns = 20000; // packets so far apart are sent one at a time

int attach_empty(int ifindex) {
    const Skeleton skeleton(bench_generator__open_and_load());
    if (!skeleton) {
        fail("load");
    }
    const int program = bpf_program__fd(skeleton->progs.bench_empty);
    if (bpf_xdp_attach(ifindex, program, XDP_FLAGS_DRV_MODE, nullptr) != 0) {
        fail("attach");
    }
    return 0;
}

// What is sent, and the program that does.
struct Traffic {
    Skeleton skeleton;
    Frame frame;
    int program = -1;
};

Traffic load(const char* ifindex, const char* mac, const std::string& what) {
    Traffic traffic;
    const auto flows = pc::bench::parse_flow_set(what);
    const pc::Result<Trace> trace = flows ? Trace{} : pc::bench::read_trace(what);
    if (!trace.ok()) {
        std::fprintf(stderr, "bench_generator: %s\n", trace.error().message.c_str());
        std::exit(1);
    }
    traffic.skeleton.reset(bench_generator__open());
    if (!traffic.skeleton) {
        fail("open");
    }
    bench_generator& skeleton = *traffic.skeleton;
    skeleton.rodata->out_ifindex = static_cast<uint32_t>(std::atoi(ifindex));
    skeleton.rodata->trace_mask = static_cast<uint32_t>(trace.value().size() - 1);
    if (bench_generator__load(&skeleton) != 0) {
        fail("load");
    }
    std::copy(trace.value().headers.begin(), trace.value().headers.end(), skeleton.bss->trace);
    std::copy(trace.value().headers6.begin(), trace.value().headers6.end(), skeleton.bss->trace6);
    const uint32_t family = flows ? flows->family : trace.value().family;
    const auto& programs = skeleton.progs;
    const bpf_program* program = family == 4 ? programs.bench_generate : programs.bench_generate6;
    if (flows) {
        skeleton.bss->flow_set = *flows;
        program = programs.bench_generate_flow;
    }
    traffic.program = bpf_program__fd(program);
    traffic.frame = pc::bench::frame_template(family);
    const ether_addr* destination = ether_aton(mac);
    if (destination == nullptr) {
        fail(mac);
    }
    std::memcpy(traffic.frame.bytes.data(), destination, ETH_ALEN);
    std::memcpy(skeleton.bss->receiver, destination, ETH_ALEN);
    return traffic;
}

// Nanoseconds.
int64_t send(Traffic& traffic, unsigned runs, unsigned runs_at_once) {
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = traffic.frame.bytes.data();
    options.data_size_in = traffic.frame.size;
    options.repeat = static_cast<int>(runs);
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    options.batch_size = runs_at_once;
    const auto start = std::chrono::steady_clock::now();
    if (bpf_prog_test_run_opts(traffic.program, &options) != 0 && errno != EINTR) {
        fail("run");
    }
    return (std::chrono::steady_clock::now() - start) / std::chrono::nanoseconds(1);
}

int generate(char** words, size_t idle_runs) {
    Traffic traffic = load(words[0], words[1], words[2]);
    const auto packets = static_cast<unsigned>(std::atoi(words[3]));
    // What the kernel takes to set up and to end a run, some 20 ms, is not the packets'.
    std::vector<int64_t> idle;
    for (size_t i = 0; i < idle_runs; i++) {
        idle.push_back(send(traffic, batch, batch));
    }
    std::sort(idle.begin(), idle.end());
    traffic.skeleton->bss->next_header = 0;
    const int64_t took = send(traffic, packets, batch) - (idle.empty() ? 0 : idle[idle.size() / 2]);
    std::printf("%lld\n", static_cast<long long>(std::max<int64_t>(took, 1)));
    return 0;
}

void end_run(int /*signal*/) noexcept {}

// A run ends when a signal comes.
int generate_paced(char** words) {
    Traffic traffic = load(words[0], words[1], words[2]);
    const double pace_ns = 1e9 / std::max(1.0, std::atof(words[3]));
    const double seconds = std::atof(words[4]);
    traffic.skeleton->bss->pace_ns = static_cast<uint64_t>(pace_ns);

    struct sigaction action {};

    action.sa_handler = end_run;
    if (sigaction(SIGALRM, &action, nullptr) != 0) {
        fail("sigaction");
    }
    (void)alarm(static_cast<unsigned>(std::ceil(seconds)));       // ignoring: there was none before
    (void)send(traffic, INT_MAX, pace_ns >= slow_ns ? 1 : batch); // ignoring: how long it took
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::strcmp(argv[1], "attach-empty") == 0) {
        return attach_empty(std::atoi(argv[2]));
    }
    if (argc == 6 && std::strcmp(argv[1], "once") == 0) {
        return generate(argv + 2, 0);
    }
    if (argc == 7 && std::strcmp(argv[1], "paced") == 0) {
        return generate_paced(argv + 2);
    }
    if (argc != 5) {
        std::fputs("usage: see tests/bench/generator.cc\n", stderr);
        return 2;
    }
    return generate(argv + 1, 3);
}
