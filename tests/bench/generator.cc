// SPDX-License-Identifier: GPL-3.0-or-later
// Drives the generator: bench_generator IFINDEX MAC TRACE PACKETS, in the netns of the sending
// veth, sends that many frames to that MAC address and prints the nanoseconds it took.
// bench_generator attach-empty IFINDEX attaches the empty program that drops all (detach with `ip
// link set DEV xdp off`).
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <netinet/ether.h>

// The skeleton needs the type that stands before it.
// clang-format off
#include "tests/bench/trace.h"
#include "bench_generator.skel.h"

// clang-format on

namespace {

struct SkeletonDeleter {
    void operator()(bench_generator* skeleton) const { bench_generator__destroy(skeleton); }
};

using Skeleton = std::unique_ptr<bench_generator, SkeletonDeleter>;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

std::array<unsigned char, 64> frame_template() {
    std::array<unsigned char, 64> frame{};
    frame[12] = 0x08;
    frame[14] = 0x45;
    frame[17] = 46; // total length: 20 + 8 + 18; 60 bytes with the Ethernet header
    frame[22] = 64;
    frame[39] = 26; // UDP length, and a TCP header's bytes are never read that far by these rules
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

int generate(unsigned ifindex, const char* mac, const char* trace_path, unsigned packets) {
    const Skeleton skeleton(bench_generator__open());
    if (!skeleton) {
        fail("open");
    }
    skeleton->rodata->out_ifindex = ifindex;
    if (bench_generator__load(skeleton.get()) != 0) {
        fail("load");
    }
    std::ifstream file(trace_path, std::ios::binary);
    file.read(reinterpret_cast<char*>(skeleton->bss->trace), sizeof skeleton->bss->trace);
    if (!file) {
        fail(trace_path);
    }
    auto frame = frame_template();
    const ether_addr* destination = ether_aton(mac);
    if (destination == nullptr) {
        fail(mac);
    }
    std::memcpy(frame.data(), destination, 6);
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = frame.data();
    options.data_size_in = 60;
    options.repeat = static_cast<int>(packets);
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    options.batch_size = 64;
    const auto start = std::chrono::steady_clock::now();
    if (bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.bench_generate), &options) != 0) {
        fail("run");
    }
    const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - start;
    std::printf("%lld\n", static_cast<long long>(took.count()));
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::strcmp(argv[1], "attach-empty") == 0) {
        return attach_empty(std::atoi(argv[2]));
    }
    if (argc != 5) {
        std::fputs("usage: bench_generator IFINDEX MAC TRACE PACKETS | attach-empty IFINDEX\n",
                   stderr);
        return 2;
    }
    return generate(static_cast<unsigned>(std::atoi(argv[1])), argv[2], argv[3],
                    static_cast<unsigned>(std::atoi(argv[4])));
}
