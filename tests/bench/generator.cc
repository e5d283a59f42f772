// SPDX-License-Identifier: GPL-3.0-or-later
// Drives the generator: bench_generator IFINDEX MAC TRACE PACKETS, in the netns of the sending
// veth, sends that many frames to that MAC address and prints the nanoseconds it took. Three runs
// of 64 frames go before, to learn what a run costs without packets; with `once` they do not.
// bench_generator attach-empty IFINDEX attaches the empty program that drops all (detach with `ip
// link set DEV xdp off`).
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <netinet/ether.h>

#include "tests/bench/traces.h"

// The skeleton needs the types that stand before it.
// clang-format off
#include "bench_generator.skel.h"

// clang-format on

namespace {

using pc::bench::Trace;

struct SkeletonDeleter {
    void operator()(bench_generator* skeleton) const { bench_generator__destroy(skeleton); }
};

using Skeleton = std::unique_ptr<bench_generator, SkeletonDeleter>;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

constexpr size_t eth_size = 14;
constexpr size_t l4_size = 26; // 60 bytes with Ethernet and IPv4
constexpr size_t frame_max = 128;
constexpr unsigned batch = 64;

struct Frame {
    std::array<unsigned char, frame_max> bytes{};
    unsigned size = 0;
};

// TCP's data offset and UDP's length: see struct bench_ports.
Frame frame_template(uint32_t family) {
    Frame frame;
    size_t l4 = eth_size + 20;
    if (family == 4) {
        frame.bytes[12] = 0x08;
        frame.bytes[eth_size] = 0x45;
        frame.bytes[eth_size + 3] = 20 + l4_size;
        frame.bytes[eth_size + 8] = 64;
    } else {
        l4 = eth_size + 40;
        frame.bytes[12] = 0x86;
        frame.bytes[13] = 0xdd;
        frame.bytes[eth_size] = 0x60;
        frame.bytes[eth_size + 5] = l4_size;
        frame.bytes[eth_size + 7] = 64;
    }
    frame.bytes[l4 + 5] = l4_size;
    frame.bytes[l4 + 12] = 0x50;
    frame.size = static_cast<unsigned>(l4 + l4_size);
    return frame;
}

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

Skeleton load(unsigned ifindex, const Trace& trace) {
    Skeleton skeleton(bench_generator__open());
    if (!skeleton) {
        fail("open");
    }
    skeleton->rodata->out_ifindex = ifindex;
    skeleton->rodata->trace_mask = static_cast<uint32_t>(trace.size() - 1);
    if (bench_generator__load(skeleton.get()) != 0) {
        fail("load");
    }
    std::copy(trace.headers.begin(), trace.headers.end(), skeleton->bss->trace);
    std::copy(trace.headers6.begin(), trace.headers6.end(), skeleton->bss->trace6);
    return skeleton;
}

// Nanoseconds.
int64_t send(int program, Frame& frame, unsigned packets) {
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = frame.bytes.data();
    options.data_size_in = frame.size;
    options.repeat = static_cast<int>(packets);
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    options.batch_size = batch;
    const auto start = std::chrono::steady_clock::now();
    if (bpf_prog_test_run_opts(program, &options) != 0) {
        fail("run");
    }
    return (std::chrono::steady_clock::now() - start) / std::chrono::nanoseconds(1);
}

int generate(char** words, size_t idle_runs) {
    const auto ifindex = static_cast<unsigned>(std::atoi(words[0]));
    const char* mac = words[1];
    const char* trace_path = words[2];
    const auto packets = static_cast<unsigned>(std::atoi(words[3]));
    const pc::Result<Trace> trace = pc::bench::read_trace(trace_path);
    if (!trace.ok()) {
        std::fprintf(stderr, "bench_generator: %s\n", trace.error().message.c_str());
        return 1;
    }
    const Skeleton skeleton = load(ifindex, trace.value());
    Frame frame = frame_template(trace.value().family);
    const ether_addr* destination = ether_aton(mac);
    if (destination == nullptr) {
        fail(mac);
    }
    std::memcpy(frame.bytes.data(), destination, 6);
    const int program =
        bpf_program__fd(trace.value().family == 4 ? skeleton->progs.bench_generate
                                                  : skeleton->progs.bench_generate6);
    // What the kernel takes to set up and to end a run, some 20 ms, is not the packets'.
    std::vector<int64_t> idle;
    for (size_t i = 0; i < idle_runs; i++) {
        idle.push_back(send(program, frame, batch));
    }
    std::sort(idle.begin(), idle.end());
    skeleton->bss->next_header = 0;
    const int64_t took = send(program, frame, packets) - (idle.empty() ? 0 : idle[idle.size() / 2]);
    std::printf("%lld\n", static_cast<long long>(std::max<int64_t>(took, 1)));
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
    if (argc != 5) {
        std::fputs(
            "usage: bench_generator [once] IFINDEX MAC TRACE PACKETS | attach-empty IFINDEX\n",
            stderr);
        return 2;
    }
    return generate(argv + 1, 3);
}
