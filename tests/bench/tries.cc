// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/tries.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <unistd.h>

#include "tests/bench/measure.h"

// clang-format off
#include "bench_prefixes.skel.h"

// clang-format on

namespace pc::bench {
namespace {

Error failure(const std::string& what) {
    const int err = errno;
    return {err, what + ": " + std::strerror(err)};
}

// As struct bench_key6; an IPv4 key is its first 8 bytes.
struct Key {
    uint32_t length = 0;
    std::array<uint8_t, 16> address{};
};

// Of xdp-filter: this address, as a source.
constexpr uint64_t xdp_filter_source = 1;

} // namespace

void Trie::Deleter::operator()(bench_prefixes* skeleton) const {
    bench_prefixes__destroy(skeleton);
}

Result<Trie> Trie::open(Family family) {
    Trie trie;
    trie.family_ = family;
    trie.skeleton_.reset(bench_prefixes__open());
    if (!trie.skeleton_) {
        return failure("open the trie's program");
    }
    trie.skeleton_->rodata->trace_family = static_cast<uint32_t>(family);
    if (bench_prefixes__load(trie.skeleton_.get()) != 0) {
        return failure("load the trie's program");
    }
    return trie;
}

Result<void> Trie::fill(const std::vector<WidePrefix>& prefixes) {
    const uint32_t value = 1;
    for (const WidePrefix& prefix : prefixes) {
        const Key key{prefix.length, prefix_of(prefix, family_).address.bytes};
        if (bpf_map_update_elem(trie(), &key, &value, BPF_ANY) != 0) {
            return failure("fill the trie");
        }
    }
    return {};
}

int Trie::trie() const {
    return bpf_map__fd(family_ == Family::v4 ? skeleton_->maps.trie4 : skeleton_->maps.trie6);
}

uint64_t Trie::bytes() const {
    return bytes_of_map(trie());
}

int Trie::program(const char* name) const {
    return bpf_program__fd(bpf_object__find_program_by_name(skeleton_->obj, name));
}

void Trie::set_trace(const Trace& trace) {
    std::copy(trace.headers.begin(), trace.headers.end(), skeleton_->bss->trace);
    std::copy(trace.headers6.begin(), trace.headers6.end(), skeleton_->bss->trace6);
    skeleton_->bss->trace_mask = static_cast<uint32_t>(trace.size() - 1);
    skeleton_->bss->next_header = 0;
    skeleton_->bss->matched = 0;
}

uint64_t Trie::matched() const {
    return skeleton_->bss->matched;
}

Result<void> Trie::attach(int ifindex) {
    if (bpf_xdp_attach(ifindex, program("trie_drop"), XDP_FLAGS_DRV_MODE, nullptr) != 0) {
        return failure("attach the trie's program");
    }
    return {};
}

Result<void> fill_xdp_filter(const std::string& pin, const std::vector<WidePrefix>& hosts) {
    const int map = bpf_obj_get(pin.c_str());
    if (map < 0) {
        return failure("open " + pin);
    }
    // A per-CPU value of 8 bytes: the flags below, counts above.
    const std::vector<uint64_t> values(static_cast<size_t>(libbpf_num_possible_cpus()),
                                       xdp_filter_source);
    Result<void> result;
    for (const WidePrefix& host : hosts) {
        const auto address = prefix_of(host, Family::v4).address.bytes;
        if (bpf_map_update_elem(map, address.data(), values.data(), BPF_ANY) != 0) {
            result = failure("fill " + pin);
            break;
        }
    }
    (void)close(map); // ignoring: it was only written to
    return result;
}

} // namespace pc::bench
