// SPDX-License-Identifier: GPL-3.0-or-later
// The XDP program in the kernel, on its own maps and in its own network namespace, one frame at a
// time (BPF_PROG_TEST_RUN). Rules are filled in as the daemon does it: an image beside the one in
// use, then one store.
//
// The namespace is a router with the interfaces wan0, lan0, dmz0 and dmz1. It forwards 10.1.0.0/17
// and 2001:db8:1::/49 to lan0, 10.1.128.0/18 and 2001:db8:1:8000::/50 to dmz0, has no way
// to 10.1.192.0/18 and 2001:db8:1:c000::/50, and all else leaves by wan0. 10.1.0.1 and
// 2001:db8:1::1 are its own.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/kern/flow_memory.h"
#include "rules/plan.h"

namespace pc::test {

using Frame = std::vector<std::byte>;

// What one frame did. Only what moved is in the maps.
struct Outcome {
    uint32_t action = 0;                   // XDP_PASS, ...
    std::map<std::string, uint64_t> rules; // packets, by name
    std::map<uint32_t, uint64_t> reasons;  // packets, by pc_reason
    Frame frame;                           // as the program left it
    std::optional<pc_meta> meta;
    std::vector<pc_event> events;
};

class Harness {
public:
    // The one of this test program. Fails the test if the program does not load.
    static Harness& get();

    ~Harness();
    Harness(Harness&&) = delete;
    Harness& operator=(Harness&&) = delete;

    // Makes this the active generation. Rules that were known before keep their ids.
    void load(const RuleSet& rules, const Environment& environment);

    // The same by an edit of the active generation, as a commit does it; false: it could not be
    // edited, and is loaded.
    bool edit(const RuleSet& rules, const Environment& environment);

    // As once packets are through that were at hand at an edit.
    void settle();

    // A rule file, which must have no errors.
    void load(std::string_view toml, const Environment& environment = {});

    // What passes is forwarded, and TC notes where its flow leaves: from the first zone of the
    // rules to the second one, from all others to the first. Or it stays in the router.
    [[nodiscard]] Outcome run(const Frame& frame, const std::string& interface,
                              bool forwarded = true);

    // An entry of @blocks; the deadline in jiffies, 0: for good. The n-th has the index n.
    void block(const Prefix& prefix, uint64_t deadline_jiffies);
    void unblock_all();
    [[nodiscard]] uint64_t block_hits(uint32_t index) const;

    [[nodiscard]] pc_iface_counter interface_counter(const std::string& interface) const;
    [[nodiscard]] const Plan& plan() const;

    // The table of flows (for PC_FLOWS_MIN of them), and what else outlives generations.
    [[nodiscard]] const FlowMemory& flows() const;
    [[nodiscard]] pc_flow_globals& flow_globals() const;
    void forget_flows(); // and what limits were charged
    [[nodiscard]] uint32_t ifindex(const std::string& interface) const;
    [[nodiscard]] int map_fd(const std::string& name) const;

    // The verifier's last words: "processed N insns ...".
    [[nodiscard]] const std::string& verifier() const;

private:
    Harness();
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace pc::test
