// SPDX-License-Identifier: GPL-3.0-or-later
// BPF_MAP_TYPE_LPM_TRIE as a peer of the classifier's sets of prefixes, and the map of hosts of
// xdp-filter.
#pragma once

#include <memory>

#include "tests/bench/rule_file.h"

struct bench_prefixes;

namespace pc::bench {

class Trie {
public:
    [[nodiscard]] static Result<Trie> open(Family family);
    [[nodiscard]] Result<void> fill(const std::vector<WidePrefix>& prefixes);
    [[nodiscard]] uint64_t bytes() const;
    [[nodiscard]] int program(const char* name) const;
    void set_trace(const Trace& trace);
    [[nodiscard]] uint64_t matched() const;

    // The program that drops, to an interface: detach it with `ip link set DEV xdp off`.
    [[nodiscard]] Result<void> attach(int ifindex);

private:
    struct Deleter {
        void operator()(bench_prefixes* skeleton) const;
    };

    [[nodiscard]] int trie() const;

    std::unique_ptr<bench_prefixes, Deleter> skeleton_;
    Family family_ = Family::v4;
};

// xdp-filter's command adds one address a run; this fills its pinned map with all hosts at once.
[[nodiscard]] Result<void> fill_xdp_filter(const std::string& pin,
                                           const std::vector<WidePrefix>& hosts);

} // namespace pc::bench
