// SPDX-License-Identifier: GPL-3.0-or-later
// The second opinion in the kernel: linear.bpf.c, which asks one rule after the other.
#pragma once

#include <memory>

#include "rules/packet.h"
#include "tests/bpf/harness.h"

namespace pc::test {

class Witness {
public:
    // Fails the test if the program does not load. After Harness::get(): it runs in its namespace.
    Witness();
    ~Witness();
    Witness(Witness&&) = delete;
    Witness& operator=(Witness&&) = delete;

    // The plan has no dynamic sets.
    void load(const Plan& plan);

    // What the counters of the rules must say after this frame: as Outcome::rules.
    [[nodiscard]] std::map<std::string, uint64_t> run(const Frame& frame, const Packet& packet);

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace pc::test
