// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel's look-up (xdp/lookup.h), compiled for the host, over a classifier in memory.
#pragma once

#include "rules/classifier.h"
#include "tests/support/frame.h"
#include "tests/support/host_lookup_c.h"

namespace pc::test {

class HostClassifier {
public:
    // Builds anew. Fails as Classifier::build() does.
    [[nodiscard]] Result<void> build(const Plan& plan, const std::vector<TimedRange>& dynamic,
                                     uint64_t seed);

    [[nodiscard]] Classifier& classifier() { return *classifier_; }

    [[nodiscard]] const pc_generation& head() const { return *head_; }

    // All rules that match, in order, up to and with the first that ends the walk.
    [[nodiscard]] std::vector<pc_host_answer> walk(const pc_host_question& question) const;

    [[nodiscard]] pc_host_reads cost(const pc_host_question& question) const;

    // Does @blocks hold the source? Its entry's index, or 0.
    [[nodiscard]] uint32_t block(const pc_host_question& question) const;

private:
    void use() const;

    std::unique_ptr<Classifier> classifier_;
    std::vector<std::byte> memory_;
    std::byte* arena_ = nullptr; // the first 64-aligned byte of it
    uint32_t mask_ = 0;
    std::unique_ptr<pc_generation> head_;
};

// As the kernel's parser would fill it in; the zones by the plan's ids. `jiffies` is 0.
[[nodiscard]] pc_host_question question_of(const Packet& packet, const Plan& plan);

} // namespace pc::test
